"""Ways to make a network smaller other than by fewer nodes: the rivals of node pruning.

Each is a function of a trained network (see `networks.mlp`). It returns a new network, used like
any other (an `nn.Sequential` of `nn.Linear` and activations), and the `Size` in which that can be
stored. The new network computes with ordinary float32 weights. It needs less storage. It is also
faster where layers have become two thin ones (`low_rank`, `sparse_times_dense`), and, as sparse
matrices, where few weights are left. With rounded and shared weights it takes as many operations as
before. Biases stay as they are, and count.
"""

from eigenprune.compression.clustering import cluster_weights, lloyd
from eigenprune.compression.low_rank import low_rank
from eigenprune.compression.magnitude import prune_connections, prune_connections_gradually
from eigenprune.compression.quantisation import quantise, quantise_rows
from eigenprune.compression.size import Size, dense_size, sparse_size
from eigenprune.compression.sparse_dense import sparse_times_dense

__all__ = [
    "Size",
    "cluster_weights",
    "dense_size",
    "lloyd",
    "low_rank",
    "prune_connections",
    "prune_connections_gradually",
    "quantise",
    "quantise_rows",
    "sparse_size",
    "sparse_times_dense",
]
