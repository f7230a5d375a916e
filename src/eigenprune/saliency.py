"""Importance scores that look at data: at the responses of the nodes to examples, and at the loss.

While `importance` ranks by the weights alone, these scores pass examples through the network. They
depend on a layer only through the weights w that it computes with, so a spectral layer gets the
scores of its dense equivalent, whatever its gauge. Each function returns one tensor (nodes,) per
hidden layer, detached, higher meaning more important. Nothing is random; dropout is off.
`params.yaml` can name the functions decorated with `@score`.
"""

from collections.abc import Callable, Iterator
from inspect import signature
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune.counts import require_whole
from eigenprune.networks import (
    as_dense,
    fully_connected,
    hidden_layers,
    require_usable,
)

_ROWS_AT_ONCE = 10_000

Score = Callable[[nn.Sequential, Tensor, Tensor], list[Tensor]]
Function = TypeVar("Function", bound=Callable[..., list[Tensor]])

# All take the same arguments, whichever of them they need: network, inputs and targets.
SCORES: dict[str, Score] = {}


def score(function: Function) -> Function:
    """Add a score of network and inputs, or of network, inputs and targets, to SCORES by name."""
    asked = [each for each in signature(function).parameters.values() if each.default is each.empty]
    SCORES[function.__name__] = lambda *given: function(*given[: len(asked)])
    return function


@score
def mean_activation(model: nn.Sequential, inputs: Tensor) -> list[Tensor]:
    r"""Mean absolute activation, :math:`\frac1N \sum_n |a_i(x_n)|`.

    Args:
        model: a network, see `networks.mlp`.
        inputs: examples, (rows, features), on the model's device.

    Raises:
        ValueError: if the inputs do not fit the network, or there are none.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> [score.shape for score in mean_activation(mlp([8, 5, 3, 2]), torch.rand(4, 8))]
        [torch.Size([5]), torch.Size([3])]
    """
    return [activations.abs().mean(dim=0) for activations in _activations(model, inputs)]


@score
def activation_entropy(model: nn.Sequential, inputs: Tensor, *, bins: int = 10) -> list[Tensor]:
    r"""Entropy of the node's activation over the examples, :math:`-\sum_b p_b \ln p_b` (nats).

    The range of each node's activations is cut into `bins` equal parts; :math:`p_b` is the share of
    examples in part b. A node whose activation is always the same scores 0.

    Args:
        model: a network, see `networks.mlp`.
        inputs: examples, (rows, features), on the model's device.
        bins: 2 or more.

    Raises:
        ValueError: if the inputs do not fit the network, or `bins` is not a whole number,
            2 or more.

    Source: Luo and Wu, arXiv 1706.05791 (2017), there for filters.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> activation_entropy(mlp([8, 5, 2]), torch.zeros(4, 8))
        [tensor([0., 0., 0., 0., 0.])]
    """
    require_whole("bins", bins, 2)
    entropies = []
    for activations in _activations(model, inputs):
        lowest, highest = activations.amin(dim=0), activations.amax(dim=0)
        scaled = (activations - lowest) / (highest - lowest).clamp_min(
            torch.finfo(activations.dtype).tiny
        )
        diverged = scaled.isnan().any(dim=0)
        part = (scaled.nan_to_num() * bins).long().clamp_max(bins - 1)
        counts = activations.new_zeros(bins, activations.shape[1])
        counts.scatter_add_(0, part, torch.ones_like(activations))
        entropy = torch.special.entr(counts / len(activations)).sum(dim=0)
        entropies.append(entropy.masked_fill(diverged, torch.nan))
    return entropies


@score
@torch.enable_grad()
def taylor(model: nn.Sequential, inputs: Tensor, targets: Tensor) -> list[Tensor]:
    r"""First-order change of the loss without the node.

    .. math:: \frac1N \sum_n \left| a_i \, \partial L_n / \partial a_i \right|

    Args:
        model: a network, see `networks.mlp`.
        inputs: examples, (rows, features), on the model's device.
        targets: (rows,) class numbers.

    Raises:
        ValueError: if inputs or targets do not fit the network or each other, or there are none.

    Source: Molchanov et al., ICLR 2017 (arXiv 1611.06440). There, the scores are of feature maps
    and are divided by their norm within each layer before one ranking over all layers; a few maps
    are removed at a time, with training in between. Here, the scores are used as they are, for all
    nodes at once.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> taylor(mlp([8, 5, 2]), torch.zeros(4, 8), torch.tensor([0, 1, 0, 1]))
        [tensor([0., 0., 0., 0., 0.])]
    """
    dense = _dense(model, inputs, targets)
    sums = [inputs.new_zeros(n) for n in _nodes(model)]
    for rows, wanted in _chunks(inputs, targets):
        _, (_, *hidden), logits = _forward(dense, rows)
        # The sum of the losses: each example's gradient is that of its own loss.
        loss = F.cross_entropy(logits, wanted, reduction="sum")
        for total, a, gradient in zip(sums, hidden, torch.autograd.grad(loss, hidden), strict=True):
            total += (a.detach() * gradient).abs().sum(dim=0)
    return [total / len(inputs) for total in sums]


@score
@torch.enable_grad()
def optimal_brain_damage(model: nn.Sequential, inputs: Tensor) -> list[Tensor]:
    r"""Second-order change of the loss without the node's incoming weights.

    .. math:: \tfrac12 \sum_j h_{ij} w_{ij}^2

    h is the diagonal of the Gauss-Newton matrix of the mean cross-entropy, exact and never
    negative: with :math:`p_c` the network's probability of class c and :math:`z_i` the node's
    input sum, :math:`h_{ij} = \frac1N\sum_n\sum_c p_c\,(\partial \ln p_c/\partial z_i)^2\,x_j^2`.
    No targets are needed. It costs a backward pass per class.

    Args:
        model: a network, see `networks.mlp`.
        inputs: examples, (rows, features), on the model's device.

    Raises:
        ValueError: if the inputs do not fit the network, or there are none.

    Source: LeCun, Denker and Solla, NIPS 1989, eq. 5, there for single weights.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> model = mlp([8, 5, 2], activation="tanh")
        >>> bool((optimal_brain_damage(model, torch.rand(4, 8))[0] > 0).all())
        True
    """
    dense = _dense(model, inputs)
    layers = hidden_layers(dense)
    curvatures = [torch.zeros_like(layer.weight) for layer in layers]
    for (rows,) in _chunks(inputs):
        before, read, logits = _forward(dense, rows)
        logs = logits.log_softmax(dim=1)
        squares = [torch.zeros_like(z) for z in before]
        for c in range(logits.shape[1]):
            gradients = torch.autograd.grad(logs[:, c].sum(), before, retain_graph=True)
            share = logs[:, c : c + 1].detach().exp()
            for square, gradient in zip(squares, gradients, strict=True):
                square += share * gradient**2
        for curvature, square, x in zip(curvatures, squares, read[:-1], strict=True):
            curvature += square.T @ x.detach() ** 2
    return [
        (curvature * layer.weight.detach() ** 2).sum(dim=1) / (2 * len(inputs))
        for curvature, layer in zip(curvatures, layers, strict=True)
    ]


@score
@torch.enable_grad()
def snip(model: nn.Sequential, inputs: Tensor, targets: Tensor) -> list[Tensor]:
    r"""Connection sensitivity, summed over the node's incoming weights.

    .. math:: \sum_j \left| w_{ij} \, \partial L / \partial w_{ij} \right|

    Meant for a network before training; L is the mean cross-entropy.

    Args:
        model: a network, see `networks.mlp`.
        inputs: examples, (rows, features), on the model's device.
        targets: (rows,) class numbers.

    Raises:
        ValueError: if inputs or targets do not fit the network or each other, or there are none.

    Source: Lee, Ajanthan and Torr, ICLR 2019 (arXiv 1810.02340), eq. 5, there for single weights.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> [score.shape for score in snip(mlp([8, 5, 2]), torch.rand(2, 8), torch.tensor([0, 1]))]
        [torch.Size([5])]
    """
    dense = _dense(model, inputs, targets)
    weights = [layer.weight for layer in hidden_layers(dense)]
    gradients = torch.autograd.grad(_loss(dense, inputs, targets), weights)
    return [
        (weight.detach() * gradient).abs().sum(dim=1)
        for weight, gradient in zip(weights, gradients, strict=True)
    ]


@score
@torch.enable_grad()
def grasp(model: nn.Sequential, inputs: Tensor, targets: Tensor) -> list[Tensor]:
    r"""Gradient flow that the incoming weights carry, :math:`\sum_j w_{ij}\,(H g)_{ij}`.

    g is the gradient and H the Hessian of the mean cross-entropy over all weights of the network.
    Growing the node's weights by a small fraction adds that fraction of the score to
    :math:`\frac12 \lVert g \rVert^2`; a node that holds the flow back scores below zero. Meant for
    a network before training.

    Args:
        model: a network, see `networks.mlp`.
        inputs: examples, (rows, features), on the model's device.
        targets: (rows,) class numbers.

    Raises:
        ValueError: if inputs or targets do not fit the network or each other, or there are none.

    Source: Wang, Zhang and Grosse, ICLR 2020 (arXiv 2002.07376), eq. 8, there with the opposite
    sign and for single weights.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> [score.shape for score in grasp(mlp([8, 5, 2]), torch.rand(2, 8), torch.tensor([0, 1]))]
        [torch.Size([5])]
    """
    dense = _dense(model, inputs, targets)
    weights = [layer.weight for layer in fully_connected(dense)]
    gradients = torch.autograd.grad(_loss(dense, inputs, targets), weights, create_graph=True)
    flow = torch.stack([(gradient**2).sum() for gradient in gradients]).sum() / 2
    products = torch.autograd.grad(flow, weights[:-1])
    return [
        (weight.detach() * product).sum(dim=1)
        for weight, product in zip(weights[:-1], products, strict=True)
    ]


def _nodes(model: nn.Sequential) -> list[int]:
    return [layer.out_features for layer in hidden_layers(model)]


def _dense(model: nn.Sequential, inputs: Tensor, *targets: Tensor) -> nn.Sequential:
    """A copy with plain layers, all of whose parameters require gradients, for data that fit it."""
    dense = as_dense(model).eval().requires_grad_(True)
    require_usable(dense, inputs, *targets)
    for module in dense.modules():
        if hasattr(module, "inplace"):
            # In place, it would overwrite the sums whose gradients are needed.
            module.inplace = False  # type: ignore[assignment]
    return dense


def _forward(model: nn.Sequential, inputs: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Input sums of the hidden nodes, what each layer reads, and the logits.

    What all layers but the first read are the activations of the hidden nodes.
    """
    layers = fully_connected(model)
    sums: list[Tensor] = []
    read: list[Tensor] = []
    values = inputs
    for module in model:
        if any(module is layer for layer in layers):
            read.append(values)
        values = module(values)
        if any(module is layer for layer in layers[:-1]):
            sums.append(values)
            values = values.clone()  # a module of the user's own may work in place, too
    return sums, read, values


@torch.no_grad()
def _activations(model: nn.Sequential, inputs: Tensor) -> list[Tensor]:
    """Activations of the hidden nodes for all examples, (rows, nodes) for each layer."""
    dense, nodes = _dense(model, inputs), _nodes(model)
    parts = [_forward(dense, rows)[1][1:] for (rows,) in _chunks(inputs)]
    return [torch.cat([part[layer] for part in parts]) for layer in range(len(nodes))]


def _loss(model: nn.Sequential, inputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(model(inputs), targets)


def _chunks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    for start in range(0, len(tensors[0]), _ROWS_AT_ONCE):
        yield tuple(tensor[start : start + _ROWS_AT_ONCE] for tensor in tensors)
