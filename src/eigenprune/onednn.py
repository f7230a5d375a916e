"""Large matrix products on processors that torch's default library does not use fully.

MKL, which multiplies matrices for torch on x86, uses AVX-512 only on Intel's processors. oneDNN,
which comes with torch as well, uses it on every processor that has it. `eigenprune bench` measures
how much a training gains from this.
"""

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from eigenprune.switch import Switch

# Multiply-accumulates below which the detour costs more than it saves.
WORTHWHILE = 4_000_000

# When off, every product is torch's default one.
detour = Switch()


def available() -> bool:
    """Whether the detour suits this torch and this processor, and is not switched off."""
    return detour.on and not _intel() and _offered()


@cache
def _offered() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


@cache
def _intel() -> bool:
    # On Intel's processors MKL is at its best, and no measurement speaks for a detour.
    cpuinfo = Path("/proc/cpuinfo")
    told = cpuinfo.read_text() if cpuinfo.is_file() else platform.processor()
    return "Intel" in told


class LinearByOneDNN(TorchFunctionMode):
    r"""While it is active, `F.linear` computes large float32 products :math:`x w^T` with oneDNN.

    The results agree with the default ones up to rounding. Everything else works as usual: small
    products, other types and devices, biases, gradients and their gradients. Where oneDNN has no
    advantage (see `available`), nothing changes.

    Example:
        >>> import torch
        >>> layer, x = torch.nn.Linear(256, 256, bias=False), torch.rand(128, 256)
        >>> with LinearByOneDNN():
        ...     y = layer(x)
        >>> torch.allclose(y, layer(x), atol=1e-5)
        True
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Pass on everything except `F.linear`."""
        if func is F.linear:
            return _linear(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def faster_products() -> AbstractContextManager[object]:
    """`LinearByOneDNN` if it is `available`, else nothing; it can be entered any number of times.

    Enter it only to compute the loss: while it is active, every call of torch costs microseconds
    more, including those of an optimiser. Gradients of what was computed under it use oneDNN too.
    """
    return LinearByOneDNN() if available() else nullcontext()


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    if not _suits(input, weight):
        return F.linear(input, weight, bias)
    outputs = product(input, weight)
    return outputs if bias is None else outputs + bias


def _suits(a: Tensor, b: Tensor) -> bool:
    return (
        available()  # first: on an Intel processor the checks end here
        and a.numel() * b.shape[0] >= WORTHWHILE
        and a.ndim == b.ndim == 2
        and a.dtype == b.dtype == torch.float32
        and a.device.type == b.device.type == "cpu"
    )


def product(a: Tensor, b: Tensor) -> Tensor:
    """The product a b^T of (rows, n) and (columns, n); its gradients are such products too."""
    outputs: Tensor = _Product.apply(a, b) if _suits(a, b) else torch.mm(a, b.T)
    return outputs


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(a: Tensor, b: Tensor) -> Tensor:
        product: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
        return product

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        for_a, for_b = ctx.needs_input_grad
        return (
            product(gradient, b.T) if for_a else None,
            product(gradient.T, a.T) if for_b else None,
        )

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, int | None], a: Tensor, b: Tensor
    ) -> tuple[Tensor, int]:
        # Under `torch.vmap`, as in `ensemble`: oneDNN's product of single matrices, one by one, is
        # faster than the default batched product.
        singles = [
            [operand] * info.batch_size if dim is None else operand.unbind(dim)
            for operand, dim in zip((a, b), in_dims, strict=True)
        ]
        return torch.stack([product(*pair) for pair in zip(*singles, strict=True)]), 0
