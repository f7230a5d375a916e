"""Fully connected networks as plain `nn.Sequential`s, and how their layers are found again."""

import itertools
from collections.abc import Collection, Sequence

import torch
from torch import nn

from eigenprune import seeds
from eigenprune.layers import SpectralLinear

ACTIVATIONS: dict[str, type[nn.Module]] = {"elu": nn.ELU, "relu": nn.ReLU, "tanh": nn.Tanh}
LAYERS = ("spectral", "dense")

FullyConnected = SpectralLinear | nn.Linear


def mlp(
    widths: Sequence[int],
    *,
    activation: str = "relu",
    layer: str = "spectral",
    bias: bool = False,
    eigenvalues_in: bool = False,
    frozen: Collection[str] = (),
    initialisation: str = "2022",
    seed: int = 0,
) -> nn.Sequential:
    """A fully connected network: an activation after every layer but the last.

    Args:
        widths: nodes per layer from inputs to classes, e.g. `[784, 500, 10]`; at least two.
        activation: `"relu"`, `"tanh"` or `"elu"`.
        layer: `"spectral"` for `SpectralLinear`, `"dense"` for `nn.Linear` with Glorot-uniform
            weights.
        bias: give every layer a bias, zero at the start.
        eigenvalues_in: spectral only, see `SpectralLinear`.
        frozen: spectral only, parameters that training leaves as they are.
        initialisation: spectral only, `"2022"` or `"ones"`.
        seed: of the initial values; torch's global generator is neither read nor moved.

    Raises:
        ValueError: if a name is unknown, a width is below 1 or there are fewer than two.

    Example:
        >>> mlp([64, 100, 10], activation="tanh", layer="dense", seed=1)
        Sequential(
          (0): Linear(in_features=64, out_features=100, bias=False)
          (1): Tanh()
          (2): Linear(in_features=100, out_features=10, bias=False)
        )
    """
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths={list(widths)}: at least two whole numbers, each 1 or more")
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation={activation!r}: one of {', '.join(ACTIVATIONS)}")
    if layer not in LAYERS:
        raise ValueError(f"layer={layer!r}: one of {', '.join(LAYERS)}")
    generator = seeds.generator(seed, "initialisation")
    modules: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(widths):
        if layer == "spectral":
            modules.append(
                SpectralLinear(
                    n_in,
                    n_out,
                    bias=bias,
                    eigenvalues_in=eigenvalues_in,
                    frozen=frozen,
                    initialisation=initialisation,
                    generator=generator,
                )
            )
        else:
            modules.append(_dense(n_in, n_out, bias, generator))
        modules.append(ACTIVATIONS[activation]())
    return nn.Sequential(*modules[:-1])


def _dense(n_in: int, n_out: int, bias: bool, generator: torch.Generator) -> nn.Linear:
    linear = blank_linear(n_in, n_out, bias)
    nn.init.xavier_uniform_(linear.weight, generator=generator)
    if bias:
        nn.init.zeros_(linear.bias)
    return linear


def blank_linear(n_in: int, n_out: int, bias: bool) -> nn.Linear:
    """An `nn.Linear` to be filled in; unlike the constructor it leaves torch's generator alone."""
    with torch.random.fork_rng(devices=[]):
        return nn.Linear(n_in, n_out, bias=bias)


def fully_connected(model: nn.Sequential) -> list[FullyConnected]:
    """The layers of a network in order; all but the last are hidden.

    Between two layers only modules without parameters may stand (activations, dropout), and they
    must act on each node by itself; then a node is one row of its layer and one column of the next.

    Raises:
        ValueError: if another module with parameters is found, or fewer than two layers.

    Example:
        >>> len(fully_connected(mlp([64, 100, 100, 10])))
        3
    """
    layers: list[FullyConnected] = []
    for index, module in enumerate(model):
        if isinstance(module, SpectralLinear | nn.Linear):
            layers.append(module)
        elif any(True for _ in module.parameters()):
            raise ValueError(
                f"module {index} is a {type(module).__name__}: nodes can be pruned where only "
                "SpectralLinear, nn.Linear and parameter-free modules stand in the nn.Sequential"
            )
    if len(layers) < 2:
        raise ValueError(f"the network has {len(layers)} fully connected layers; at least 2 needed")
    return layers


def hidden_layers(model: nn.Sequential) -> list[FullyConnected]:
    """The layers whose outputs are hidden nodes: all but the last."""
    return fully_connected(model)[:-1]
