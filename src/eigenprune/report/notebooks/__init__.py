"""Notebooks: run so that equal inputs give equal bytes, and made anew for experiments."""
