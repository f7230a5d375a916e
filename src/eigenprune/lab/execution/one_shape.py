"""Pruned networks of several sizes brought to one shape, so that they can train as one stack."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.pruning import compact


def of_one_shape(
    networks: Sequence[nn.Sequential], masks: Sequence[Sequence[Tensor]]
) -> list[tuple[nn.Sequential, list[Tensor]]]:
    """Cut networks of one form down to one shape, with masks of the nodes to keep in the end.

    Each layer becomes as wide as the network that keeps most nodes in it needs. A network that
    keeps fewer carries along some that its mask removes, only to fill the places.

    Args:
        networks: at least one; of one form.
        masks: for each network, one bool tensor (nodes,) per hidden layer, True for a node to keep.

    Returns:
        For each network, a smaller network and its masks. Compacting the smaller network with them
        gives the same as compacting the given network with its own masks.

    Example:
        >>> from eigenprune import importance, mlp, select_nodes
        >>> model = mlp([8, 6, 3])
        >>> masks = [select_nodes(importance.eigenvalue(model), ratio) for ratio in (0.5, 0.8)]
        >>> [(small[0].out_features, int(mask.sum())) for small, [mask] in of_one_shape(
        ...     [model, model], masks
        ... )]
        [(3, 3), (3, 1)]
    """
    widths = [max(int(mask.sum()) for mask in layer) for layer in zip(*masks, strict=True)]
    cut = []
    for network, own in zip(networks, masks, strict=True):
        filled = [_filled(mask, width) for mask, width in zip(own, widths, strict=True)]
        left = [mask[kept] for mask, kept in zip(own, filled, strict=True)]
        cut.append((compact(network, filled), left))
    return cut


def _filled(mask: Tensor, width: int) -> Tensor:
    """The mask with nodes added until it keeps `width` of them."""
    filled = torch.zeros_like(mask)
    filled[torch.argsort(mask, descending=True, stable=True)[:width]] = True
    return filled
