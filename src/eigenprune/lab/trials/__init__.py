"""Trials: what else can be made of a trained network than one with fewer nodes.

They are run, stored and recorded as studies are; each kind of them is one function.
"""
