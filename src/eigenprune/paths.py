"""Paths from the inputs to the outputs: which of the remaining connections have any effect.

Masks of connections are those of `connections`.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor


def on_a_path(masks: Sequence[Tensor]) -> list[Tensor]:
    """The connections that lie on a path from an input to an output; the others have no effect.

    A node that no input reaches counts as cut off, although it still passes on its bias if it has
    one.

    Example:
        >>> import torch
        >>> into, out = torch.tensor([[True], [False]]), torch.tensor([[True, True]])
        >>> on_a_path([into, out])
        [tensor([[ True],
                [False]]), tensor([[ True, False]])]
    """
    reached = [torch.ones_like(masks[0][0])]
    for mask in masks:
        reached.append((mask & reached[-1]).any(dim=1))
    leading = [torch.ones_like(masks[-1][:, 0])]
    for mask in reversed(masks):
        leading.append((mask & leading[-1][:, None]).any(dim=0))
    leading.reverse()
    return [
        mask & before & after[:, None]
        for mask, before, after in zip(masks, reached[:-1], leading[1:], strict=True)
    ]


def dead_nodes(masks: Sequence[Tensor]) -> list[Tensor]:
    """Hidden nodes without any incoming or without any outgoing connection, (nodes,) per layer.

    Example:
        >>> import torch
        >>> dead_nodes([torch.tensor([[True], [False]]), torch.tensor([[True, True]])])
        [tensor([False,  True])]
    """
    return [~(into.any(dim=1) & out.any(dim=0)) for into, out in itertools.pairwise(masks)]
