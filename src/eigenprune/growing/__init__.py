"""Growing instead of pruning: few nodes and connections at first, and more when training stalls.

This is the other way to a small network: what pruning would remove is never added. Masks of
connections are those of `eigenprune.connections`. A grown network must beat two controls: a network
with as many connections in random places from the start, and a small dense network.
"""

from eigenprune.growing.controls import small_dense, static_sparse
from eigenprune.growing.grow import Grown, grow
from eigenprune.growing.initial import random_masks
from eigenprune.growing.rules import Epoch, Growth
from eigenprune.growing.steps import dense_gradients

__all__ = [
    "Epoch",
    "Grown",
    "Growth",
    "dense_gradients",
    "grow",
    "random_masks",
    "small_dense",
    "static_sparse",
]
