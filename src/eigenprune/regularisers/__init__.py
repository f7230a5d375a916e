"""Regularisers: what is added to plain training so that nodes can be removed afterwards.

Each is a class whose one argument is its strength; `training.train` takes it as `regulariser`.
"""

from eigenprune.regularisers.base import Regulariser

__all__ = ["REGULARISERS", "Regulariser"]

# By the name that `params.yaml` uses.
REGULARISERS: dict[str, type[Regulariser]] = {}
