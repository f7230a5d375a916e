"""Unstructured magnitude pruning: the smallest weights go, wherever they are."""

from torch import nn
from torch.nn.utils import prune

from eigenprune.compression.size import Size, sparse_size
from eigenprune.connections import Retrain, prune_gradually
from eigenprune.counts import nodes_removed, require_fraction
from eigenprune.divergence import require_finite
from eigenprune.networks import as_dense, fully_connected


def prune_connections(model: nn.Sequential, sparsity: float) -> tuple[nn.Sequential, Size]:
    r"""Set the weights with the smallest :math:`|w_{ij}|` to zero, in one ranking over all layers.

    Args:
        model: a trained network, see `networks.mlp`.
        sparsity: fraction of the weights to remove, from 0 to 1.

    Returns:
        The sparse network and its size.

    Raises:
        ValueError: if `sparsity` is out of its range.
        eigenprune.Diverged: a ValueError, if a weight or bias is infinite or not a number.

    Source: Han, Pool, Tran and Dally, NeurIPS 2015 (arXiv 1506.02626), there with retraining and a
    threshold for each layer.

    Example:
        >>> from eigenprune import mlp
        >>> prune_connections(mlp([784, 500, 10]), 0.9)[1].parameters
        39700
    """
    require_fraction("sparsity", sparsity)
    sparse = as_dense(model)
    require_finite(sparse)  # torch would remove some NaN weights, or none
    weights = [(layer, "weight") for layer in fully_connected(sparse)]
    total = sum(layer.weight.numel() for layer, _ in weights)
    prune.global_unstructured(
        weights, pruning_method=prune.L1Unstructured, amount=nodes_removed(sparsity, total)
    )
    for layer, name in weights:
        prune.remove(layer, name)
    return sparse, sparse_size(sparse)


def prune_connections_gradually(
    model: nn.Sequential, sparsity: float, *, steps: int, retrain: Retrain
) -> tuple[nn.Sequential, Size]:
    """Remove the smallest weights in steps of the cubic schedule, and train after each step.

    Args:
        model: a trained network, see `networks.mlp`.
        sparsity: fraction of the weights that are zero at the end, from 0 to 1.
        steps: number of prunings, 1 or more.
        retrain: see `connections.prune_gradually`.

    Returns:
        The sparse network and its size.

    Raises:
        ValueError: see `connections.prune_gradually`.
        eigenprune.Diverged: a ValueError, if a weight or bias is infinite or not a number.

    Source: Zhu and Gupta, arXiv 1710.01878 (2017).

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> from eigenprune.connections import train_masked
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> def retrain(network, masks, step):
        ...     return train_masked(network, masks, x, y, epochs=1, stream=f"step {step}")[0]
        >>> model = mlp([8, 5, 2])
        >>> prune_connections_gradually(model, 0.9, steps=3, retrain=retrain)[1].parameters
        5
    """
    require_finite(model)
    sparse, _ = prune_gradually(model, sparsity, steps=steps, retrain=retrain)
    return sparse, sparse_size(sparse)
