r"""Backward passes of layers and activations: what autograd does, called by name.

The operations and their order are those of autograd, so the results are the same bit for bit. The
operations find their memory in the cache, because they overwrite tensors that are no longer needed.

Let x be the inputs of a layer and z its outputs; sums without an index run over the rows of a
batch. A spectral layer with products :math:`p = x \varphi^T` and outputs
:math:`z_i = -\lambda_i p_i` has

.. math::
    \frac{\partial L}{\partial \lambda_i} = -\sum \frac{\partial L}{\partial z_i} p_i, \qquad
    \frac{\partial L}{\partial p_i} = -\lambda_i \frac{\partial L}{\partial z_i}, \qquad
    \frac{\partial L}{\partial \varphi_{ij}} = \sum \frac{\partial L}{\partial p_i} x_j, \qquad
    \frac{\partial L}{\partial x_j} = \sum_i \frac{\partial L}{\partial p_i} \varphi_{ij}

and a layer that forms its weights :math:`w_{ij} = (\lambda^{in}_j - \lambda_i) \varphi_{ij}` has

.. math::
    \frac{\partial L}{\partial w_{ij}} = \sum \frac{\partial L}{\partial z_i} x_j, \qquad
    \frac{\partial L}{\partial \varphi_{ij}} =
        (\lambda^{in}_j - \lambda_i) \frac{\partial L}{\partial w_{ij}}, \qquad
    \frac{\partial L}{\partial \lambda_i} =
        -\sum_j \frac{\partial L}{\partial w_{ij}} \varphi_{ij}, \qquad
    \frac{\partial L}{\partial \lambda^{in}_j} =
        \sum_i \frac{\partial L}{\partial w_{ij}} \varphi_{ij}
"""

from typing import Protocol

import torch
from torch import Tensor, nn

from eigenprune.fixed_products import FromProducts
from eigenprune.layers import SpectralLinear
from eigenprune.onednn import product

_aten = torch.ops.aten


class Passed(Protocol):
    """A module that a batch has passed through, and its backward pass."""

    outputs: Tensor

    def back(self, gradient: Tensor, *, further: bool) -> Tensor:
        """Turn the gradient of the outputs, which is overwritten, into that of the inputs.

        If `further` is false, no gradient of the inputs is needed, and the returned tensor has no
        meaning.
        """


def through(module: nn.Module, inputs: Tensor) -> Passed:
    """Send a batch through a module.

    Args:
        module: part of a network that `gradients.suits` accepts.
        inputs: (rows, features of the module); an activation overwrites them.

    Example:
        >>> x, layer = torch.ones(1, 3), nn.Linear(3, 2, bias=False)
        >>> passed = through(layer, x)
        >>> passed.back(torch.ones(1, 2), further=True).shape, layer.weight.grad.tolist()
        (torch.Size([1, 3]), [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    """
    match module:
        case nn.ReLU():
            return _ReLU(inputs)
        case nn.Tanh():
            return _Tanh(inputs)
        case nn.ELU():
            return _ELU(inputs, module.alpha)
        case nn.Linear():
            return _Dense(inputs, module)
        case FromProducts():
            return _Spectral(inputs, module.layer, fixed=True)
        case SpectralLinear(eigenvalues_in=None):
            return _Spectral(inputs, module)
        case SpectralLinear():
            return _SpectralInAndOut(inputs, module)
    raise AssertionError(module)  # `suits` accepts nothing else


class _ReLU:
    def __init__(self, inputs: Tensor) -> None:
        self.outputs = inputs.relu_()

    def back(self, gradient: Tensor, *, further: bool) -> Tensor:
        _aten.threshold_backward.grad_input(gradient, self.outputs, 0, grad_input=gradient)
        return gradient


class _Tanh:
    def __init__(self, inputs: Tensor) -> None:
        self.outputs = inputs.tanh_()

    def back(self, gradient: Tensor, *, further: bool) -> Tensor:
        _aten.tanh_backward.grad_input(gradient, self.outputs, grad_input=gradient)
        return gradient


class _ELU:
    def __init__(self, inputs: Tensor, alpha: float) -> None:
        self.inputs, self.alpha = inputs, alpha
        self.outputs = nn.functional.elu(inputs, alpha)

    def back(self, gradient: Tensor, *, further: bool) -> Tensor:
        _aten.elu_backward.grad_input(
            gradient, self.alpha, 1, 1, False, self.inputs, grad_input=gradient
        )
        return gradient


class _Dense:
    def __init__(self, inputs: Tensor, layer: nn.Linear) -> None:
        self.inputs, self.weight = inputs, layer.weight
        self.outputs = product(inputs, layer.weight)

    def back(self, gradient: Tensor, *, further: bool) -> Tensor:
        if self.weight.requires_grad:
            self.weight.grad = product(gradient.T, self.inputs.T)
        return product(gradient, self.weight.T) if further else gradient


class _Spectral:
    def __init__(self, inputs: Tensor, layer: SpectralLinear, *, fixed: bool = False) -> None:
        self.inputs = inputs
        self.eigenvalues, self.eigenvectors = layer.eigenvalues_out, layer.eigenvectors
        self.products = inputs if fixed else product(inputs, self.eigenvectors)
        self.gain = -self.eigenvalues
        self.outputs = self.products * self.gain
        # Not needed once the gradient of the outputs is known; the inputs belong to the caller.
        self.spent = self.outputs if fixed else self.products

    def back(self, gradient: Tensor, *, further: bool) -> Tensor:
        learns = self.eigenvectors.requires_grad
        if self.eigenvalues.requires_grad:
            by_row = torch.mul(self.products, gradient, out=self.spent)
            self.eigenvalues.grad = by_row.sum(0).neg_()
        if not further and not learns:
            return gradient
        gradient.mul_(self.gain)
        if learns:
            self.eigenvectors.grad = product(gradient.T, self.inputs.T)
        return product(gradient, self.eigenvectors.T) if further else gradient


class _SpectralInAndOut:
    def __init__(self, inputs: Tensor, layer: SpectralLinear) -> None:
        assert layer.eigenvalues_in is not None
        self.inputs = inputs
        self.eigenvalues_in, self.eigenvalues_out = layer.eigenvalues_in, layer.eigenvalues_out
        self.eigenvectors = layer.eigenvectors
        self.gain = self.eigenvalues_in - self.eigenvalues_out[:, None]
        self.weight = self.gain * self.eigenvectors
        self.outputs = product(inputs, self.weight)

    def back(self, gradient: Tensor, *, further: bool) -> Tensor:
        of_inputs = product(gradient, self.weight.T) if further else gradient
        parameters = self.eigenvalues_in, self.eigenvalues_out, self.eigenvectors
        if any(parameter.requires_grad for parameter in parameters):
            self._split(product(gradient.T, self.inputs.T))
        return of_inputs

    def _split(self, of_weight: Tensor) -> None:
        # Each product overwrites a factor that is no longer needed: bringing a third matrix into
        # the cache takes as long as reading one.
        if self.eigenvectors.requires_grad:
            self.eigenvectors.grad = self.gain.mul_(of_weight)
        of_gain = of_weight.mul_(self.eigenvectors)
        if self.eigenvalues_out.requires_grad:
            self.eigenvalues_out.grad = of_gain.sum(1).neg_()
        if self.eigenvalues_in.requires_grad:
            self.eigenvalues_in.grad = of_gain.sum(0)


def cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The mean loss of a batch, in nats, and its gradient.

    Args:
        logits: (rows, classes).
        targets: (rows,) class numbers.

    Example:
        >>> logits = torch.zeros(1, 2)
        >>> _, gradient = cross_entropy(logits, torch.tensor([1]))
        >>> gradient.tolist()
        [[0.5, -0.5]]
    """
    log_probabilities = torch.log_softmax(logits, 1)
    # All classes weigh the same; the losses are averaged; no class is ignored.
    how = (None, 1, -100)
    loss, weight = _aten.nll_loss_forward.default(log_probabilities, targets, *how)
    gradient = _aten.nll_loss_backward.default(
        torch.ones_like(loss), log_probabilities, targets, *how, weight
    )
    return loss, _aten._log_softmax_backward_data.default(
        gradient, log_probabilities, 1, logits.dtype
    )
