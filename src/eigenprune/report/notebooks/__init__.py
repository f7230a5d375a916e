"""Notebooks: run so that equal inputs give equal bytes, and created for experiments."""
