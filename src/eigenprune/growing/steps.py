"""One step of growth: add absent connections, or nodes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune.connections import strongest, without_absent
from eigenprune.growing.initial import initial, some_in_each_row, widths_of
from eigenprune.growing.rules import Growth
from eigenprune.networks import as_dense, fully_connected


@torch.enable_grad()
def dense_gradients(model: nn.Sequential, inputs: Tensor, targets: Tensor) -> list[Tensor]:
    """Gradients of the mean cross-entropy, (out_features, in_features) per layer.

    A weight of zero has a gradient too, which tells how much its connection would help.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> gradients = dense_gradients(mlp([8, 5, 2]), torch.rand(2, 8), torch.tensor([0, 1]))
        >>> [gradient.shape for gradient in gradients]
        [torch.Size([5, 8]), torch.Size([2, 5])]
    """
    network = as_dense(model).eval().requires_grad_(True)
    weights = [layer.weight for layer in fully_connected(network)]
    return list(torch.autograd.grad(F.cross_entropy(network(inputs), targets), weights))


def add_connections(
    network: nn.Sequential,
    masks: Sequence[Tensor],
    inputs: Tensor,
    targets: Tensor,
    growth: Growth,
    generator: torch.Generator,
) -> tuple[nn.Sequential, list[Tensor]]:
    """The network and its masks with more connections among its nodes; the old weights stay."""
    device = masks[0].device
    if growth.choice == "largest":
        scores = [gradient.abs() for gradient in dense_gradients(network, inputs, targets)]
    else:
        scores = [
            torch.rand(mask.shape, generator=generator, device="cpu").to(device) for mask in masks
        ]
    possible = sum(mask.numel() for mask in masks)
    absent = torch.cat([~mask.flatten() for mask in masks])
    added = strongest(scores, max(1, round(growth.new_connections * possible)), absent)
    grown = initial(network, widths_of(network), generator)
    _carry_over(network, grown, [~new for new in added])
    return grown, [old | new for old, new in zip(masks, added, strict=True)]


def add_nodes(
    network: nn.Sequential, masks: Sequence[Tensor], growth: Growth, generator: torch.Generator
) -> tuple[nn.Sequential, list[Tensor]]:
    """The network and its masks with more nodes in every hidden layer; the old weights stay.

    New nodes come last in their layers, each with some connections on either side.
    """
    first, *hidden, last = widths_of(network)
    grown = initial(network, [first, *(n + growth.new_nodes for n in hidden), last], generator)
    _carry_over(network, grown, [torch.ones_like(mask) for mask in masks])
    wider = []
    for layer, mask in zip(fully_connected(grown), masks, strict=True):
        (n_out, n_in), (rows, columns) = layer.weight.shape, mask.shape
        present = torch.zeros(n_out, n_in, dtype=torch.bool, device="cpu")
        present[:rows, :columns] = mask.cpu()
        present[rows:] |= some_in_each_row(n_out - rows, n_in, growth.connectivity, generator)
        into = some_in_each_row(n_in - columns, n_out, growth.connectivity, generator)
        present[:, columns:] |= into.T
        wider.append(present.to(mask.device))
    return without_absent(grown, wider), wider


@torch.no_grad()
def _carry_over(old: nn.Sequential, new: nn.Sequential, keep: Sequence[Tensor]) -> None:
    """Copy the biases and the kept weights of `old` to its nodes, which come first in `new`."""
    for before, after, mask in zip(fully_connected(old), fully_connected(new), keep, strict=True):
        rows, columns = before.weight.shape
        block = after.weight[:rows, :columns]
        block.copy_(torch.where(mask, before.weight, block))
        if before.bias is not None and after.bias is not None:
            after.bias[:rows] = before.bias
