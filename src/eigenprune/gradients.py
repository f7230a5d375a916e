"""The gradients of a plainly trained network without autograd.

In a step of a small network, autograd spends more time on recording its graph and taking it apart
again than on the arithmetic. `backward` calls the same operations by name. Networks with modules
that it does not know, or with hooks and other observers, are left to autograd.
"""

import torch
from torch import Tensor, nn

from eigenprune.backward import Passed, cross_entropy, through
from eigenprune.fixed_products import FromProducts, frozen_first
from eigenprune.layers import SpectralLinear, is_watched
from eigenprune.switch import Switch

# When off, every gradient is left to autograd.
written_out = Switch()


class WrittenOut:
    """The mean cross-entropy of a network and its gradients, without autograd.

    Args:
        model: a network for which `suits` is true, and stays true while this object is used; its
            parameters may be replaced.

    Raises:
        ValueError: if `suits` is false for the network.

    Example:
        >>> from eigenprune import mlp
        >>> model, x, y = mlp([8, 5, 2]), torch.rand(4, 8), torch.tensor([0, 1, 1, 0])
        >>> loss = WrittenOut(model)(x, y)
        >>> gradient = model[0].eigenvalues_out.grad
        >>> model.zero_grad()
        >>> nn.functional.cross_entropy(model(x), y).backward()
        >>> torch.equal(model[0].eigenvalues_out.grad, gradient)
        True
    """

    def __init__(self, model: nn.Sequential) -> None:
        """Take the network's modules."""
        if not suits(model):
            raise ValueError(f"{model}: has more than `gradients` knows")
        self.modules = list(model)
        learning = (any(p.requires_grad for p in module.parameters()) for module in self.modules)
        # Modules below the first one that learns need no gradient.
        self.lowest = next((k for k, learns in enumerate(learning) if learns), len(self.modules))

    @torch.no_grad()
    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch, in nats; its gradients replace those that the parameters have.

        Args:
            inputs: (rows, features), or the fixed products of the first layer, (rows, nodes).
            targets: (rows,) class numbers.
        """
        passed: list[Passed] = []
        for module in self.modules:
            passed.append(through(module, passed[-1].outputs if passed else inputs))
        loss, gradient = cross_entropy(passed[-1].outputs, targets)
        for k in reversed(range(self.lowest, len(passed))):
            gradient = passed[k].back(gradient, further=k > self.lowest)
        return loss


def suits(model: nn.Sequential) -> bool:
    """Whether the gradients of a network are written out here, and this is not switched off.

    The network must be a plain `nn.Sequential` of dense and spectral layers without bias, with
    ReLU, Tanh or ELU between them; the first layer may be fed its fixed products. Its parameters
    must have one type, be stored row by row, and not be shared. Nothing may observe the network or
    intervene (hooks, autocast, anomaly detection).

    Args:
        model: a network, see `networks.mlp`.

    Example:
        >>> from eigenprune import mlp
        >>> suits(mlp([8, 5, 2])), suits(mlp([8, 5, 2], activation="gelu"))
        (True, False)
    """
    modules = list(model)
    return (
        written_out.on
        and type(model) is nn.Sequential  # a subclass may do more, here and in what follows
        and len(modules) % 2 == 1
        and (_is_layer(modules[0]) or _is_fed_products(modules[0]))
        and all(map(_is_layer, modules[2::2]))
        and all(map(_is_activation, modules[1::2]))
        and _are_plain([tensor for _, tensor in model.named_parameters(remove_duplicate=False)])
        and not any(map(is_watched, model.modules()))
        and not torch.nn.modules.module._has_any_global_hook()
        and not torch.is_anomaly_enabled()
    )


def _is_layer(module: nn.Module) -> bool:
    return type(module) in (SpectralLinear, nn.Linear) and module.bias is None


def _is_fed_products(module: nn.Module) -> bool:
    return (
        type(module) is FromProducts
        and module.layer.bias is None
        and frozen_first(nn.Sequential(module.layer)) is not None
    )


def _is_activation(module: nn.Module) -> bool:
    # For an in-place ELU, autograd uses another formula.
    return type(module) in (nn.ReLU, nn.Tanh) or (type(module) is nn.ELU and not module.inplace)


def _are_plain(parameters: list[Tensor]) -> bool:
    """Whether the result of a product can be assigned to a parameter as its gradient."""
    return (
        len({id(tensor) for tensor in parameters}) == len(parameters)
        and len({tensor.dtype for tensor in parameters}) == 1
        and all(tensor.is_contiguous() for tensor in parameters)
        and not any(t._backward_hooks or t._post_accumulate_grad_hooks for t in parameters)
        and not torch.is_autocast_enabled(parameters[0].device.type)
    )
