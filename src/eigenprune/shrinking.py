"""Removing nodes from a network in training: in place, and from the state of its optimiser."""

import copy
import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.networks import FullyConnected, NodeMask, fully_connected, require_untied
from eigenprune.pruning import check_masks


@torch.no_grad()
def shrink(
    model: nn.Sequential,
    masks: Sequence[Tensor],
    optimiser: torch.optim.Optimizer | None = None,
) -> None:
    """Remove hidden nodes in place; training can then go on as if they had been silenced.

    New, smaller parameters replace the old ones, in the optimiser too. What the optimiser keeps for
    each entry of a parameter (the moments of Adam) stays or goes with that entry.

    Args:
        model: changed in place.
        masks: one bool tensor (nodes,) per hidden layer, True for a node that stays.
        optimiser: of the network's parameters, changed in place; None if they have none.

    Raises:
        ValueError: if the masks do not fit the hidden layers or would empty one, the network has
            a `NodeMask`, which knows nodes by their position, or see `networks.require_untied`.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> model = mlp([8, 4, 2])
        >>> adam = torch.optim.Adam(model.parameters())
        >>> shrink(model, [torch.tensor([True, False, True, False])], adam)
        >>> model[0].eigenvectors.shape, model[2].eigenvectors.shape
        (torch.Size([2, 8]), torch.Size([2, 2]))
    """
    check_masks(model, masks)
    require_untied(model)
    if any(isinstance(module, NodeMask) for module in model):
        raise ValueError(
            "the network is masked: shrink the one that it was made of, or `compact` it"
        )
    layers = fully_connected(model)
    kept = [mask.nonzero()[:, 0].to(layers[0].weight.device) for mask in masks]
    state, groups = (optimiser.state, optimiser.param_groups) if optimiser else ({}, [])
    smaller: dict[nn.Parameter, nn.Parameter] = {}
    for layer, places in zip(layers, _places(layers, kept), strict=True):
        for name, parameter in list(layer.named_parameters()):
            where = _where(name, *places)
            smaller[parameter] = nn.Parameter(parameter[where], parameter.requires_grad)
            setattr(layer, name, smaller[parameter])
            if parameter in state:
                state[smaller[parameter]] = {
                    key: value[where] if value.shape == parameter.shape else value
                    for key, value in state.pop(parameter).items()
                }
        layer.in_features, layer.out_features = len(places[0]), len(places[1])
    for group in groups:
        group["params"] = [smaller.get(parameter, parameter) for parameter in group["params"]]


@torch.no_grad()
def grown_back(small: nn.Sequential, whole: nn.Sequential, kept: Sequence[Tensor]) -> nn.Sequential:
    """A network of the size of `whole` that computes what `small` does; all else in it is zero.

    Args:
        small: the network that was left, see `shrink`.
        whole: a network of the original size; left unchanged.
        kept: the indices in `whole` of the nodes that `small` has, one tensor per hidden layer.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> small, whole = mlp([8, 2, 2]), mlp([8, 4, 2])
        >>> grown_back(small, whole, [torch.tensor([0, 3])])[0].weight.abs().sum(dim=1) > 0
        tensor([ True, False, False,  True])
    """
    full = copy.deepcopy(whole)
    layers = fully_connected(full)
    for layer, places, source in zip(
        layers, _places(layers, kept), fully_connected(small), strict=True
    ):
        for name, parameter in layer.named_parameters():
            parameter.zero_()
            parameter[_where(name, *places)] = getattr(source, name)
    return full.train(small.training)


def _places(
    layers: Sequence[FullyConnected], kept: Sequence[Tensor]
) -> list[tuple[Tensor, Tensor]]:
    """For each layer the indices of the input nodes and of the output nodes that stay."""
    device = layers[0].weight.device
    first = torch.arange(layers[0].in_features, device=device)
    last = torch.arange(layers[-1].out_features, device=device)
    return list(itertools.pairwise([first, *kept, last]))


def _where(name: str, inputs: Tensor, outputs: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    """The index of the entries of a parameter that stay."""
    if name in ("weight", "eigenvectors"):
        return outputs[:, None], inputs
    return inputs if name == "eigenvalues_in" else outputs
