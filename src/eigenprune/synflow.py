"""Synaptic flow: an importance score for networks before training, which needs no data."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.counts import require_whole
from eigenprune.networks import fully_connected, hidden_layers
from eigenprune.pruning import select_nodes


def synaptic_flow(model: nn.Sequential, masks: Sequence[Tensor] | None = None) -> list[Tensor]:
    r"""Flow through each node: the sum over its paths, each the product of its absolute weights.

    With :math:`R = \mathbf 1^T |W_L| \cdots |W_1| \mathbf 1` it is
    :math:`\sum_j |w_{ij}|\,\partial R/\partial |w_{ij}|` for node i. What flows into a node flows
    out of it, and the flows of every layer add up to R.

    Args:
        model: a network, see `networks.mlp`.
        masks: one bool tensor (nodes,) per hidden layer, False for a node that is gone; None if no
            node is gone.

    Returns:
        One tensor (nodes,) per hidden layer, 0 or more, in double precision.

    Source: Tanaka, Kunin, Yamins and Ganguli, NeurIPS 2020 (arXiv 2006.05467), eq. 2.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> first, second = synaptic_flow(mlp([8, 5, 3, 2]))
        >>> torch.allclose(first.sum(), second.sum())
        True
    """
    # In double precision: products of many sums overflow less, and the sums agree.
    weights = [layer.weight.detach().double().abs() for layer in fully_connected(model)]
    if masks is not None:
        weights[:-1] = [w * keep[:, None] for w, keep in zip(weights, masks, strict=False)]
    into = torch.ones(weights[0].shape[1], dtype=torch.float64, device=weights[0].device)
    forward = []
    for weight in weights[:-1]:
        into = weight @ into
        forward.append(into)
    out = torch.ones(weights[-1].shape[0], dtype=torch.float64, device=weights[0].device)
    flows = []
    for weight, into in zip(reversed(weights[1:]), reversed(forward), strict=True):
        out = out @ weight
        flows.append(into * out)
    return flows[::-1]


def iterative_synflow(model: nn.Sequential, *, rounds: int = 100) -> list[Tensor]:
    r"""The round in which each node is removed, if nodes with the least flow go first.

    After round k of K, about :math:`N^{1 - k/K}` of the N hidden nodes are left, at least one in
    each layer, and the flow is computed again. A node's score is the number of its round, from 0,
    plus its share of the flow, so that nodes of one round are ordered too. The flows of every layer
    have the same sum. If a layer has few nodes left, each of them therefore has much of the flow,
    and the layer is not emptied before the others. A single round would empty the widest layer.

    Args:
        model: a network before training, see `networks.mlp`.
        rounds: K, 1 or more.

    Returns:
        One tensor (nodes,) per hidden layer, higher for nodes that stay longer.

    Raises:
        ValueError: if `rounds` is not a whole number, 1 or more.

    Source: Tanaka et al., NeurIPS 2020 (arXiv 2006.05467), algorithm 1, there for single weights
    and down to one size; here to the end, so that one order serves all pruning ratios.

    Example:
        >>> from eigenprune import mlp
        >>> [score.shape for score in iterative_synflow(mlp([8, 5, 3, 2]))]
        [torch.Size([5]), torch.Size([3])]
    """
    require_whole("rounds", rounds, 1)
    layers = hidden_layers(model)
    device = layers[0].weight.device
    masks = [torch.ones(m.out_features, dtype=torch.bool, device=device) for m in layers]
    scores = [torch.zeros_like(mask, dtype=torch.float64) for mask in masks]
    total = sum(map(len, masks))
    for number in range(rounds):
        flows = synaptic_flow(model, masks)
        whole = flows[0].sum().clamp_min(torch.finfo(torch.float64).tiny)
        # Only for nodes that are still there: a node that goes in this round keeps this value.
        scores = [
            torch.where(mask, number + flow / whole, score)
            for mask, flow, score in zip(masks, flows, scores, strict=True)
        ]
        masks = select_nodes(scores, 1 - total ** (-(number + 1) / rounds))
        masks = [mask.to(device) for mask in masks]
    return scores
