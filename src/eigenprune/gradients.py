r"""The gradients of a plainly trained network, written out.

In a step of a small network more time goes into what autograd writes down and takes apart again
than into the arithmetic. Here the same operations, in the same order, are called by name: the same
bits. With x what a layer receives, :math:`p = x \varphi^T` its products and
:math:`z_i = -\lambda_i p_i` its outputs, the sums over the rows of a batch,

.. math::
    \frac{\partial L}{\partial \lambda_i} = -\sum \frac{\partial L}{\partial z_i} p_i, \qquad
    \frac{\partial L}{\partial p_i} = -\lambda_i \frac{\partial L}{\partial z_i}, \qquad
    \frac{\partial L}{\partial \varphi_{ij}} = \sum \frac{\partial L}{\partial p_i} x_j, \qquad
    \frac{\partial L}{\partial x_j} = \sum_i \frac{\partial L}{\partial p_i} \varphi_{ij}

and for a dense layer likewise, without the eigenvalues.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from eigenprune.fixed_products import FromProducts
from eigenprune.layers import SpectralLinear
from eigenprune.onednn import product

_aten = torch.ops.aten
_switched_off = False


@contextmanager
def switched_off() -> Iterator[None]:
    """Leave every gradient to autograd, to measure the difference and to test it."""
    global _switched_off
    _switched_off = True
    try:
        yield
    finally:
        _switched_off = False


class _ReLU:
    """An activation and its way back, in place: memory that is in the cache is worth more here."""

    def __init__(self, module: nn.ReLU, inputs: Tensor) -> None:
        self.outputs = inputs.relu_()

    def back(self, gradient: Tensor) -> Tensor:
        """From the gradient of the outputs to that of the inputs."""
        _aten.threshold_backward.grad_input(gradient, self.outputs, 0, grad_input=gradient)
        return gradient


class _Tanh:
    def __init__(self, module: nn.Tanh, inputs: Tensor) -> None:
        self.outputs = inputs.tanh_()

    def back(self, gradient: Tensor) -> Tensor:
        _aten.tanh_backward.grad_input(gradient, self.outputs, grad_input=gradient)
        return gradient


class _ELU:
    def __init__(self, module: nn.ELU, inputs: Tensor) -> None:
        self.alpha, self.inputs = module.alpha, inputs
        self.outputs = nn.functional.elu(inputs, module.alpha)

    def back(self, gradient: Tensor) -> Tensor:
        _aten.elu_backward.grad_input(
            gradient, self.alpha, 1, 1, False, self.inputs, grad_input=gradient
        )
        return gradient


_ACTIVATIONS: dict[type[nn.Module], Any] = {nn.ReLU: _ReLU, nn.Tanh: _Tanh, nn.ELU: _ELU}


class WrittenOut:
    """The mean cross-entropy of a network and its gradients, without autograd.

    Args:
        model: one that `suits`, and stays so while this is used; its parameters may be replaced.

    Raises:
        ValueError: if it does not suit.

    Example:
        >>> from eigenprune import mlp
        >>> model, x, y = mlp([8, 5, 2]), torch.rand(4, 8), torch.tensor([0, 1, 1, 0])
        >>> loss = WrittenOut(model)(x, y)
        >>> written_out = model[0].eigenvalues_out.grad
        >>> model.zero_grad()
        >>> nn.functional.cross_entropy(model(x), y).backward()
        >>> torch.equal(model[0].eigenvalues_out.grad, written_out)
        True
    """

    def __init__(self, model: nn.Sequential) -> None:
        """Take the network's modules."""
        if not suits(model):
            raise ValueError(f"{model}: has more than `gradients` knows")
        (self.first, *self.layers), self.activations = list(model[::2]), list(model[1::2])

    @torch.no_grad()
    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch, in nats; its gradients replace those that the parameters have.

        Args:
            inputs: (rows, features), or the fixed products of the first layer, (rows, nodes).
            targets: (rows,) class numbers.
        """
        first = passed = _through(self.first, inputs)
        behind: list[Any] = []
        for activation, layer in zip(self.activations, self.layers, strict=True):
            activity = _ACTIVATIONS[type(activation)](activation, passed.outputs)
            passed = _through(layer, activity.outputs)
            behind += activity, passed
        loss, gradient = _cross_entropy(passed.outputs, targets)
        for part in reversed(behind):
            gradient = part.back(gradient)
        first.back(gradient, first=True)
        return loss


class _Dense:
    """A dense layer that a batch has passed through, and the way back."""

    def __init__(self, layer: nn.Linear, inputs: Tensor) -> None:
        self.layer, self.inputs = layer, inputs
        self.outputs = product(inputs, layer.weight)

    def back(self, gradient: Tensor, *, first: bool = False) -> Tensor:
        """From the gradient of the outputs to that of the inputs, which the first does not need."""
        weight = self.layer.weight
        if weight.requires_grad:
            weight.grad = product(gradient.T, self.inputs.T)
        return gradient if first else product(gradient, weight.T)


class _Spectral:
    """The same for a spectral layer, which scales its products; they may be given (`fixed`)."""

    def __init__(self, layer: SpectralLinear, inputs: Tensor, *, fixed: bool = False) -> None:
        self.layer, self.inputs = layer, inputs
        self.products = inputs if fixed else product(inputs, layer.eigenvectors)
        self.gain = -layer.eigenvalues_out
        self.outputs = self.products * self.gain

    def back(self, gradient: Tensor, *, first: bool = False) -> Tensor:
        eigenvalues, eigenvectors = self.layer.eigenvalues_out, self.layer.eigenvectors
        if eigenvalues.requires_grad:
            # Nobody needs the outputs any more.
            by_row = torch.mul(gradient, self.products, out=self.outputs)
            eigenvalues.grad = -by_row.sum(0)
        if first and not eigenvectors.requires_grad:
            return gradient
        gradient.mul_(self.gain)
        if eigenvectors.requires_grad:
            eigenvectors.grad = product(gradient.T, self.inputs.T)
        return gradient if first else product(gradient, eigenvectors.T)


class _SpectralInAndOut:
    """The same for a spectral layer with lambda_in, which forms its weights."""

    def __init__(self, layer: SpectralLinear, eigenvalues_in: nn.Parameter, inputs: Tensor) -> None:
        self.layer, self.eigenvalues_in, self.inputs = layer, eigenvalues_in, inputs
        self.gain = eigenvalues_in - layer.eigenvalues_out[:, None]
        self.weight = self.gain * layer.eigenvectors
        self.outputs = product(inputs, self.weight)

    def back(self, gradient: Tensor, *, first: bool = False) -> Tensor:
        eigenvalues, eigenvectors = self.layer.eigenvalues_out, self.layer.eigenvectors
        of_weight = product(gradient.T, self.inputs.T)
        of_gain = of_weight * eigenvectors
        if eigenvalues.requires_grad:
            eigenvalues.grad = -of_gain.sum(1)
        if self.eigenvalues_in.requires_grad:
            self.eigenvalues_in.grad = of_gain.sum(0)
        if eigenvectors.requires_grad:
            eigenvectors.grad = of_weight.mul_(self.gain)
        return gradient if first else product(gradient, self.weight.T)


def _through(layer: nn.Module, inputs: Tensor) -> _Dense | _Spectral | _SpectralInAndOut:
    if isinstance(layer, nn.Linear):
        return _Dense(layer, inputs)
    if isinstance(layer, FromProducts):
        return _Spectral(layer.layer, inputs, fixed=True)
    assert isinstance(layer, SpectralLinear)
    if layer.eigenvalues_in is None:
        return _Spectral(layer, inputs)
    return _SpectralInAndOut(layer, layer.eigenvalues_in, inputs)


def suits(model: nn.Sequential) -> bool:
    """Whether the gradients of a network are written out here, and it is not switched off.

    Dense and spectral layers without bias, none of which shares a parameter with another, between
    them ReLU, Tanh or ELU; nothing that looks on (hooks), and no autocast, under which tensors
    change their type on the way.

    >>> from eigenprune import mlp
    >>> suits(mlp([8, 5, 2])), suits(mlp([8, 5, 2], activation="gelu"))
    (True, False)
    """
    layers, activations = model[::2], model[1::2]
    parameters = [tensor for _, tensor in model.named_parameters(remove_duplicate=False)]
    return (
        not _switched_off
        and len(layers) == len(activations) + 1
        and all(map(_is_known, layers))
        and all(type(module) in _ACTIVATIONS for module in activations)
        and not any(map(_is_watched, model.modules()))
        and len({id(tensor) for tensor in parameters}) == len(parameters)
        and not any(map(torch.is_autocast_enabled, {tensor.device.type for tensor in parameters}))
    )


def _is_known(module: nn.Module) -> bool:
    layer = module.layer if isinstance(module, FromProducts) else module
    # A subclass may do more.
    return type(layer) in (SpectralLinear, nn.Linear) and layer.bias is None


def _is_watched(module: nn.Module) -> bool:
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )


def _cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The mean loss and its gradient."""
    log_probabilities = torch.log_softmax(logits, 1)
    # All classes weigh the same; the mean; no class is left out.
    how = (None, 1, -100)
    loss, weight = _aten.nll_loss_forward.default(log_probabilities, targets, *how)
    gradient = _aten.nll_loss_backward.default(
        torch.ones_like(loss), log_probabilities, targets, *how, weight
    )
    return loss, _aten._log_softmax_backward_data.default(
        gradient, log_probabilities, 1, logits.dtype
    )
