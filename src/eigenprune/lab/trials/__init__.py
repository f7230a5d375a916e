"""Trials: ways other than the removal of nodes to make something of a trained network.

They are run, stored and recorded like studies; each kind is one function.
"""
