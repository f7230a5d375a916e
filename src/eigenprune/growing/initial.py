"""What growing begins with: initial weights and the places of the first connections."""

import copy
import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.growing.rules import check_share
from eigenprune.networks import as_dense, blank_linear, fully_connected, hidden_layers


def random_masks(
    model: nn.Sequential, connectivity: float, generator: torch.Generator
) -> list[Tensor]:
    """Masks with the given share of each layer's connections, at least one, in random places.

    Raises:
        ValueError: if `connectivity` is not above 0 and at most 1.

    Example:
        >>> from eigenprune import mlp, seeds
        >>> masks = random_masks(mlp([8, 5, 2]), 0.2, seeds.generator(1, "growing"))
        >>> [int(mask.sum()) for mask in masks]
        [8, 2]
    """
    check_share("connectivity", connectivity)
    shapes = [layer.weight.shape for layer in fully_connected(model)]
    device = fully_connected(model)[0].weight.device
    counts = [max(1, round(connectivity * shape.numel())) for shape in shapes]
    return [
        scattered(shape, count, generator).to(device)
        for shape, count in zip(shapes, counts, strict=True)
    ]


def scattered(shape: torch.Size, count: int, generator: torch.Generator) -> Tensor:
    """A mask with `count` connections in random places."""
    return (torch.randperm(shape.numel(), generator=generator, device="cpu") < count).view(shape)


def some_in_each_row(rows: int, columns: int, share: float, generator: torch.Generator) -> Tensor:
    """A mask (rows, columns) with the given share of each row, at least one, in random places."""
    places = torch.rand(rows, columns, generator=generator, device="cpu").argsort(dim=1)
    return places < max(1, round(share * columns))


@torch.no_grad()
def initial(
    model: nn.Sequential, widths: Sequence[int], generator: torch.Generator
) -> nn.Sequential:
    """A new dense network like `model`, of other widths: Glorot-uniform weights, biases zero.

    Frozen weights and biases stay frozen.
    """
    pairs = itertools.pairwise(widths)
    modules: list[nn.Module] = []
    for module in as_dense(model):
        if isinstance(module, nn.Linear):
            fresh = blank_linear(*next(pairs), bias=module.bias is not None, device="cpu")
            nn.init.xavier_uniform_(fresh.weight, generator=generator)
            if fresh.bias is not None:
                nn.init.zeros_(fresh.bias)
                fresh.bias.requires_grad_(module.bias.requires_grad)
            fresh.weight.requires_grad_(module.weight.requires_grad)
            modules.append(fresh.to(module.weight))
        else:
            modules.append(copy.deepcopy(module))
    return nn.Sequential(*modules).train(model.training)


def widths_of(model: nn.Sequential) -> list[int]:
    """Nodes per layer from inputs to classes.

    Raises:
        ValueError: if there is no hidden layer.
    """
    hidden_layers(model)  # refuses a network that has none
    layers = fully_connected(model)
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def hidden_nodes(model: nn.Sequential) -> int:
    """Number of hidden nodes in all layers."""
    return sum(layer.out_features for layer in hidden_layers(model))
