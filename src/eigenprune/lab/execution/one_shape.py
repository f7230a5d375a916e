"""Pruned networks of several sizes brought to one shape, so that they can train as one stack."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.pruning import compact


def of_one_shape(
    networks: Sequence[nn.Sequential], masks: Sequence[Sequence[Tensor]]
) -> list[tuple[nn.Sequential, list[Tensor]]]:
    """Cut networks of one form as far as they keep one shape, and say what is still to be removed.

    Each layer becomes as wide as the widest of them needs it: a node that a network does not keep
    stays in it only to fill the place.

    Args:
        networks: at least one; of one form.
        masks: for each network, one bool tensor (nodes,) per hidden layer, True for a node to keep.

    Returns:
        For each network the smaller one and its masks. Compacted with them it is what the given
        network is when it is compacted with its own.

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
    """The mask with so many more nodes that `width` of them stay."""
    filled = torch.zeros_like(mask)
    filled[torch.argsort(mask, descending=True, stable=True)[:width]] = True
    return filled
