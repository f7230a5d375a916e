"""Sanity checks of a pruning method: what must hurt it, and what must leave it unchanged.

Each check takes one ingredient away (which nodes were chosen, what their weights had learned, the
order of the scores, the content of the data, the gauge) and leaves the rest. A method whose
networks are as good without the ingredient does not use it.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune import seeds
from eigenprune.layers import SpectralLinear
from eigenprune.networks import fully_connected, hidden_layers

_LARGEST_POWER = 3  # of two, in `random_gauge`


def shuffled(masks: Sequence[Tensor], seed: int) -> list[Tensor]:
    """Random nodes in each layer, as many as the mask keeps there.

    All that is left of a method is how many nodes it keeps in each layer.

    Args:
        masks: one bool tensor (nodes,) per hidden layer, see `pruning.select_nodes`.
        seed: of the shuffling.

    Source: Frankle, Dziugaite, Roy and Carbin, ICLR 2021 (arXiv 2009.08576), there for the weights
    of each layer.

    Example:
        >>> import torch
        >>> masks = [torch.tensor([True, False, False]), torch.tensor([True, True])]
        >>> [int(mask.sum()) for mask in shuffled(masks, seed=1)]
        [1, 2]
    """
    generator = seeds.generator(seed, "shuffling")
    orders = [torch.randperm(len(mask), generator=generator, device="cpu") for mask in masks]
    return [mask[order.to(mask.device)] for mask, order in zip(masks, orders, strict=True)]


def inverted(scores: Sequence[Tensor]) -> list[Tensor]:
    """The scores with the opposite sign, so that the best nodes are removed first.

    Args:
        scores: one tensor (nodes,) per hidden layer, see `eigenprune.importance`.

    Source: Frankle, Dziugaite, Roy and Carbin, ICLR 2021 (arXiv 2009.08576).

    Example:
        >>> import torch
        >>> inverted([torch.tensor([3.0, 1.0])])
        [tensor([-3., -1.])]
    """
    return [-score for score in scores]


@torch.no_grad()
def redrawn(model: nn.Sequential, seed: int, *, initialisation: str = "2022") -> nn.Sequential:
    """The same architecture with weights drawn anew: nothing that was learned is left.

    Every parameter, frozen or not, is drawn as `networks.mlp` draws it for layers of these sizes,
    and stays trainable or frozen as it was. Nothing is trained here: whether the kept weights
    matter shows only after both networks have been trained in the same way.

    Args:
        model: a network, usually one that `pruning.compact` has made small.
        seed: of the new values; they differ from those that `mlp` draws with the same seed.
        initialisation: of spectral layers, `"2022"` or `"ones"`; dense ones are Glorot-uniform.

    Raises:
        ValueError: if `initialisation` is unknown or `model` is not a network of `mlp`'s kind.

    Source: Frankle, Dziugaite, Roy and Carbin, ICLR 2021 (arXiv 2009.08576).

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> model = mlp([8, 5, 2], seed=1)
        >>> torch.equal(redrawn(model, seed=1)[0].weight, model[0].weight)
        False
    """
    device = fully_connected(model)[0].weight.device
    # Drawn on the CPU, so that every device starts alike.
    fresh = copy.deepcopy(model).cpu()
    generator = seeds.generator(seed, "redrawing")
    for layer in fully_connected(fresh):
        if isinstance(layer, SpectralLinear):
            layer.reset_parameters(initialisation, generator)
        else:
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return fresh.to(device)


def corrupted(inputs: Tensor, seed: int) -> Tensor:
    """Inputs without content: each feature's values are shuffled over the examples.

    Every feature keeps its own values, and with them its mean and spread; what the features say
    together, and about the class, is lost. A score that stays the same ignores the data.

    Args:
        inputs: examples, (rows, features).
        seed: of the shuffling; every feature has an order of its own.

    Raises:
        ValueError: if the inputs are not (rows, features).

    Source: Su et al., NeurIPS 2020 (arXiv 2009.11094), corrupt the data to find out whether scores
    use them; that each feature keeps its values is this library's choice.

    Example:
        >>> import torch
        >>> x = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
        >>> corrupted(x, seed=1).sort(dim=0).values
        tensor([[ 1., 10.],
                [ 2., 20.],
                [ 3., 30.]])
    """
    if inputs.ndim != 2:
        raise ValueError(f"inputs of shape {tuple(inputs.shape)}: (rows, features) wanted")
    generator = seeds.generator(seed, "corruption")
    mixed = torch.empty_like(inputs)
    for feature in range(inputs.shape[1]):
        order = torch.randperm(len(inputs), generator=generator, device="cpu").to(inputs.device)
        mixed[:, feature] = inputs[order, feature]
    return mixed


@torch.no_grad()
def gauge_changed(model: nn.Sequential, factors: Sequence[Tensor]) -> nn.Sequential:
    r"""The same function written with other eigenvalues and eigenvectors.

    .. math:: (\lambda^{out}_i, \varphi_i) \to (c_i \lambda^{out}_i, \varphi_i / c_i)

    The weights stay as they are, and so must every score that is a function of them. The ranking
    by :math:`|\lambda_i|` changes: factors :math:`c_i = \lVert\varphi_i\rVert_2` turn it into the
    ranking by weight norm.

    Args:
        model: a network whose hidden layers are spectral, without `eigenvalues_in`.
        factors: c, one tensor (nodes,) per hidden layer, finite and not zero; `random_gauge`
            draws some.

    Raises:
        ValueError: if a hidden layer has no such gauge or the factors do not fit.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> model, x = mlp([8, 5, 2], seed=1), torch.rand(3, 8)
        >>> other = gauge_changed(model, [torch.full((5,), 2.0)])
        >>> torch.equal(other(x), model(x))
        True
        >>> torch.equal(other[0].eigenvalues_out, 2 * model[0].eigenvalues_out)
        True
    """
    changed = copy.deepcopy(model)
    layers = _with_gauge(changed)
    if [tuple(c.shape) for c in factors] != [(layer.out_features,) for layer in layers]:
        shapes, nodes = [tuple(c.shape) for c in factors], [each.out_features for each in layers]
        raise ValueError(f"factors of shapes {shapes}: the hidden layers have {nodes} nodes")
    if not all(bool((c.isfinite() & (c != 0)).all()) for c in factors):
        raise ValueError("factors: some are zero or not finite, and change the function")
    for layer, c in zip(layers, factors, strict=True):
        c = c.to(layer.eigenvalues_out)
        layer.eigenvalues_out.mul_(c)
        layer.eigenvectors.div_(c[:, None])
    return changed


def random_gauge(model: nn.Sequential, seed: int) -> list[Tensor]:
    """Factors for `gauge_changed`: powers of two from 1/8 to 8, all equally likely.

    With powers of two nothing is rounded, so that the function stays the same bit for bit.

    Args:
        model: a network whose hidden layers are spectral, without `eigenvalues_in`.
        seed: of the factors.

    Returns:
        The factors, one tensor (nodes,) per hidden layer.

    Raises:
        ValueError: if a hidden layer has no such gauge.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> model, x = mlp([8, 5, 2], seed=1), torch.rand(3, 8)
        >>> torch.equal(gauge_changed(model, random_gauge(model, seed=1))(x), model(x))
        True
    """
    generator = seeds.generator(seed, "gauge")
    powers = [
        torch.randint(
            -_LARGEST_POWER,
            _LARGEST_POWER + 1,
            (layer.out_features,),
            generator=generator,
            device="cpu",
        )
        for layer in _with_gauge(model)
    ]
    return [2.0**power for power in powers]


def _with_gauge(model: nn.Sequential) -> list[SpectralLinear]:
    layers = []
    for number, layer in enumerate(hidden_layers(model), start=1):
        if not isinstance(layer, SpectralLinear) or layer.eigenvalues_in is not None:
            raise ValueError(
                f"hidden layer {number} is {layer}: the gauge of a node can be changed in "
                "SpectralLinear without eigenvalues_in"
            )
        layers.append(layer)
    return layers
