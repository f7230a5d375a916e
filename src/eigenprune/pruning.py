"""Removing hidden nodes: choose them, mask them, or build the smaller network without them.

A mask is a list with one bool tensor (nodes,) per hidden layer, True for a node that stays.
The output layer is never pruned.
"""

import copy
import itertools
from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from eigenprune.counts import nodes_removed, require_fraction, require_whole
from eigenprune.divergence import require_ranking
from eigenprune.layers import SpectralLinear
from eigenprune.networks import (
    FullyConnected,
    NodeMask,
    alike,
    blank_linear,
    fully_connected,
    hidden_layers,
    placed,
    require_plain,
)

SCOPES = ("global", "layer")


def select_nodes(
    scores: Sequence[Tensor],
    pruning_ratio: float,
    *,
    scope: str = "global",
    minimum_per_layer: int = 1,
) -> list[Tensor]:
    """Keep the nodes with the highest scores.

    Exactly `counts.nodes_removed(pruning_ratio, nodes)` nodes are removed, over all layers
    (`global`) or in each one (`layer`), unless that would leave a layer with too few nodes: each
    layer always keeps its best `minimum_per_layer` nodes. Of nodes with equal scores the earlier
    one stays.
    Masks are nested: a higher ratio removes every node that a lower ratio removes.

    Args:
        scores: one tensor (nodes,) per hidden layer, see `eigenprune.importance`.
        pruning_ratio: fraction of the hidden nodes to remove, from 0 to 1.
        scope: `"global"`, one ranking over all hidden nodes, or `"layer"`, one for each layer.
        minimum_per_layer: how many nodes every layer keeps at least, 1 or more.

    Returns:
        The mask, one bool tensor (nodes,) per hidden layer, True for a node that stays.

    Raises:
        ValueError: if an argument is out of its range.
        eigenprune.Diverged: a ValueError, if a score is not a number.

    Example:
        >>> import torch
        >>> select_nodes([torch.tensor([3.0, 1.0]), torch.tensor([2.0, 4.0])], 0.5)
        [tensor([ True, False]), tensor([False,  True])]
    """
    require_fraction("pruning_ratio", pruning_ratio)
    if scope not in SCOPES:
        raise ValueError(f"scope={scope!r}: one of {', '.join(SCOPES)}")
    require_whole("minimum_per_layer", minimum_per_layer, 1)
    wanted = "one non-empty tensor of shape (nodes,) per hidden layer"
    require_tensors("scores", scores, wanted)
    if not scores or any(score.ndim != 1 or not len(score) for score in scores):
        raise ValueError(f"scores: {wanted}")
    require_ranking(scores)
    if scope == "layer":
        return [_keep_best([score], pruning_ratio, minimum_per_layer)[0] for score in scores]
    return _keep_best(scores, pruning_ratio, minimum_per_layer)


def _keep_best(scores: Sequence[Tensor], pruning_ratio: float, minimum: int) -> list[Tensor]:
    sizes = [len(score) for score in scores]
    removed = nodes_removed(pruning_ratio, sum(sizes))
    protected = torch.cat([_ranks(score) < minimum for score in scores])
    ranks = _ranks(torch.cat([score.detach().cpu() for score in scores]))
    # Unprotected nodes, the worst first.
    candidates = torch.argsort(ranks.masked_fill(protected, -1), descending=True)
    candidates = candidates[: int((~protected).sum())]
    keep = torch.ones(sum(sizes), dtype=torch.bool, device="cpu")
    keep[candidates[:removed]] = False
    return list(keep.split(sizes))


def _ranks(score: Tensor) -> Tensor:
    """Position of each node when sorted from the best; of equals the earlier comes first."""
    order = torch.argsort(score.detach().cpu(), descending=True, stable=True)
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order), device="cpu")
    return ranks


def masked(model: nn.Sequential, masks: Sequence[Tensor]) -> nn.Sequential:
    """A copy of the network in which the removed nodes are silent.

    It gives the same logits as `compact` up to rounding, and is no faster than the whole network.
    Compact it before you rank the remaining nodes again: a score that looks only at weights ranks
    silent nodes too.

    Raises:
        ValueError: if the masks do not fit the hidden layers, or see `networks.require_plain`.

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp
        >>> model, x = mlp([8, 6, 3], seed=1), torch.rand(2, 8)
        >>> masks = select_nodes(importance.eigenvalue(model), 0.5)
        >>> torch.allclose(masked(model, masks)(x), compact(model, masks)(x), atol=1e-6)
        True
    """
    layers = fully_connected(model)
    check_masks(model, masks)
    waiting = iter(masks)
    modules: list[tuple[str, nn.Module]] = []
    for name, module in placed(model):
        # A hidden node is silenced just before the layer that reads it, after its activation.
        if any(module is layer for layer in layers[1:]):
            keep = next(waiting).to(layers[0].weight.device, copy=True)
            # In a masked network, silent nodes stay silent; one mask replaces the two.
            if modules and isinstance(earlier := modules[-1][1], NodeMask):
                keep &= earlier.keep
                modules.pop()
            modules.append((f"mask_before_{name}", NodeMask(keep)))
        modules.append((name, copy.deepcopy(module)))
    return alike(model, modules)


def compact(model: nn.Sequential, masks: Sequence[Tensor]) -> nn.Sequential:
    """A new, physically smaller network without the removed nodes.

    A removed node loses its row (eigenvalue, eigenvector, bias) and its column in the next layer
    (with that layer's lambda_in of the node). The given network is left unchanged. A node with zero
    weights and a nonzero bias sends the same value for every input; this value is lost too.

    Raises:
        ValueError: if the masks do not fit the hidden layers or would empty one, or see
            `networks.require_plain`.

    Example:
        >>> from eigenprune import importance, mlp
        >>> model = mlp([784, 500, 10], seed=1)
        >>> compact(model, select_nodes(importance.eigenvalue(model), 0.9))[0].out_features
        50
    """
    layers = fully_connected(model)
    check_masks(model, masks)
    device = layers[0].weight.device
    first = torch.ones(layers[0].in_features, dtype=torch.bool, device=device)
    last = torch.ones(layers[-1].out_features, dtype=torch.bool, device=device)
    keeps = [keep.to(device) for keep in (first, *masks, last)]
    pairs = iter(itertools.pairwise(keeps))
    outputs = keeps[0]
    modules: list[tuple[str, nn.Module]] = []
    for name, module in placed(model):
        if isinstance(module, SpectralLinear | nn.Linear):
            inputs, outputs = next(pairs)
            modules.append((name, _smaller(module, inputs, outputs)))
        elif isinstance(module, NodeMask):
            # In a masked network, silent nodes that are kept here stay silent.
            if not (keep := module.keep[outputs]).all():
                modules.append((name, NodeMask(keep)))
        else:
            modules.append((name, copy.deepcopy(module)))
    return alike(model, modules)


@torch.no_grad()
def _smaller(layer: FullyConnected, inputs: Tensor, outputs: Tensor) -> FullyConnected:
    if isinstance(layer, SpectralLinear):
        return layer.keep_nodes(inputs, outputs)
    smaller = blank_linear(
        int(inputs.sum()), int(outputs.sum()), layer.bias is not None, device="cpu"
    )
    smaller = smaller.to(layer.weight)
    smaller.weight.copy_(layer.weight[outputs][:, inputs])
    if layer.bias is not None:
        smaller.bias.copy_(layer.bias[outputs])
    for name, parameter in layer.named_parameters():
        getattr(smaller, name).requires_grad_(parameter.requires_grad)
    return smaller


def check_masks(model: nn.Sequential, masks: Sequence[Tensor]) -> None:
    """Refuse, with a ValueError, masks that do not fit the hidden layers or would empty one.

    Networks that `networks.require_plain` refuses are refused here too.
    """
    require_plain(model)
    require_masks(masks, [(layer.out_features,) for layer in hidden_layers(model)])
    for number, mask in enumerate(masks, start=1):
        if not mask.any():
            raise ValueError(f"the mask of hidden layer {number} removes all its nodes")


def require_masks(masks: Sequence[Tensor], shapes: Sequence[tuple[int, ...]]) -> None:
    """Refuse masks that are not bool tensors of the given shapes.

    Raises:
        ValueError: with what is wanted.

    Example:
        >>> require_masks(torch.ones(5) > 0, [(5,)])
        Traceback (most recent call last):
        ValueError: masks: a Tensor, and a list is wanted, one bool tensor for each of [(5,)]
    """
    require_tensors("masks", masks, f"one bool tensor for each of {list(shapes)}")
    found = [tuple(mask.shape) for mask in masks]
    if found != list(shapes):
        raise ValueError(f"masks of shapes {found}: {list(shapes)} wanted")
    if any(mask.dtype != torch.bool for mask in masks):
        raise ValueError("masks: tensors of dtype bool, True for what stays")


def require_tensors(name: str, given: object, wanted: str) -> None:
    """Refuse an argument that is not a list of tensors.

    Args:
        name: of the argument.
        given: its value.
        wanted: which tensors the list should hold, in words.

    Raises:
        ValueError: with name and wanted.
    """
    if isinstance(given, Tensor) or not isinstance(given, Collection):
        raise ValueError(f"{name}: a {type(given).__name__}, and a list is wanted, {wanted}")
    for each in given:
        if not isinstance(each, Tensor):
            raise ValueError(f"{name}: a list with a {type(each).__name__} in it: {wanted}")
