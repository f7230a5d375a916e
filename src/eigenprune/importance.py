"""Importance scores: functions from a network to one score per hidden node; low scores go first.

Each takes an `nn.Sequential` (see `networks.fully_connected`) and returns one tensor (nodes,) per
hidden layer, detached, higher meaning more important. The scores look at eigenvalues and weights.
None of them counts biases, so a node with score zero is not silent if it has a bias. `params.yaml`
can name the functions decorated with `@score`.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from eigenprune import seeds
from eigenprune.layers import SpectralLinear
from eigenprune.networks import fully_connected, hidden_layers
from eigenprune.synflow import iterative_synflow

Score = Callable[[nn.Sequential], list[Tensor]]
Function = TypeVar("Function", bound=Callable[..., list[Tensor]])
SCORES: dict[str, Score] = {}


def score(function: Function) -> Function:
    """Add a score to SCORES under its name."""
    SCORES[function.__name__] = function
    return function


score(iterative_synflow)


@score
def eigenvalue(model: nn.Sequential) -> list[Tensor]:
    r"""Absolute eigenvalue of the node, :math:`|\lambda^{out}_i|`.

    Source: Buffoni et al., Sci Rep 12:11201 (2022).

    Raises:
        ValueError: if a hidden layer is not spectral.

    Example:
        >>> from eigenprune import mlp
        >>> [score.shape for score in eigenvalue(mlp([8, 5, 3, 2]))]
        [torch.Size([5]), torch.Size([3])]
    """
    return [layer.eigenvalues_out.detach().abs() for layer in _spectral(model)]


@score
def eigenvector_norm(model: nn.Sequential) -> list[Tensor]:
    r"""Length of the node's eigenvector row, :math:`\lVert\varphi_i\rVert_2`.

    Raises:
        ValueError: if a hidden layer is not spectral.
    """
    return [layer.eigenvectors.detach().norm(dim=1) for layer in _spectral(model)]


@score
def eigenvalue_times_eigenvector(model: nn.Sequential) -> list[Tensor]:
    r"""Gauge-invariant score :math:`|\lambda^{out}_i|\,\lVert\varphi_i\rVert_2`.

    Equal to `weight_norm` where lambda_in is absent. Source: arXiv 2310.12612.

    Raises:
        ValueError: if a hidden layer is not spectral.
    """
    pairs = zip(eigenvalue(model), eigenvector_norm(model), strict=True)
    return [value * norm for value, norm in pairs]


@score
def connectivity(model: nn.Sequential) -> list[Tensor]:
    r"""Absolute incoming connectivity, :math:`\sum_j |w_{ij}|`.

    Source: Buffoni et al., Sci Rep 12:11201 (2022), the `direct` protocol.
    """
    return [layer.weight.detach().abs().sum(dim=1) for layer in hidden_layers(model)]


@score
def weight_norm(model: nn.Sequential) -> list[Tensor]:
    r"""Euclidean norm of the incoming weights, :math:`\lVert w_i\rVert_2`."""
    return [layer.weight.detach().norm(dim=1) for layer in hidden_layers(model)]


@score
def weight_norm_in_out(model: nn.Sequential) -> list[Tensor]:
    r"""Incoming times outgoing norm, :math:`\lVert w_i\rVert_2\,\lVert w'_{:i}\rVert_2`.

    w' are the weights of the next layer.
    """
    outgoing = [layer.weight.detach().norm(dim=0) for layer in fully_connected(model)[1:]]
    return [into * out for into, out in zip(weight_norm(model), outgoing, strict=True)]


@score
def random(model: nn.Sequential, *, seed: int = 0) -> list[Tensor]:
    """Uniform random scores: the control that every other score must beat."""
    generator = seeds.generator(seed, "scoring")
    return [
        torch.rand(layer.out_features, generator=generator, device="cpu")
        for layer in hidden_layers(model)
    ]


def _spectral(model: nn.Sequential) -> list[SpectralLinear]:
    layers = []
    for number, layer in enumerate(hidden_layers(model), start=1):
        if not isinstance(layer, SpectralLinear):
            raise ValueError(
                f"hidden layer {number} is a {type(layer).__name__}: this score needs "
                "SpectralLinear; weight_norm or connectivity rank any layer"
            )
        layers.append(layer)
    return layers
