"""Products by oneDNN: the same numbers up to rounding, and used only where they are worth it."""

from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import eigenprune as ep
from eigenprune import onednn
from eigenprune.onednn import LinearByOneDNN


def operands(rows: int, n: int, columns: int, **options: object) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    a, b = torch.randn(rows, n, **options), torch.randn(columns, n, **options)  # type: ignore[call-overload]
    return a.requires_grad_(), b.requires_grad_()


def derivatives(a: Tensor, b: Tensor, bias: Tensor | None) -> list[Tensor]:
    outputs = F.linear(a, b, bias)
    first = torch.autograd.grad(outputs.pow(2).sum(), [a, b], create_graph=True)
    second = torch.autograd.grad(first[0].sum() + first[1].sum(), [a, b])
    # The gradient of a sum is a single number, expanded with strides of zero.
    of_a_sum = torch.autograd.grad(F.linear(a, b, bias).sum(), [a, b])
    return [outputs, *first, *second, *of_a_sum]


@pytest.mark.usefixtures("onednn_offered")
@pytest.mark.parametrize("with_bias", [False, True])
def test_products_and_both_derivatives_agree_with_the_default(with_bias: bool) -> None:
    a, b = operands(200, 300, 150)
    bias = torch.randn(150) if with_bias else None
    plain = derivatives(a, b, bias)
    with LinearByOneDNN(), patch.object(onednn, "product", wraps=onednn.product) as product:
        fast = derivatives(a, b, bias)
    assert product.called
    for one, other in zip(plain, fast, strict=True):
        torch.testing.assert_close(
            one, other, rtol=1e-4, atol=1e-5 * float(one.detach().abs().max())
        )


@pytest.mark.usefixtures("onednn_offered")
@pytest.mark.parametrize("in_dims", [(0, 0), (1, 2), (None, 0), (0, None)])
def test_a_stack_of_products_agrees_with_the_default(in_dims: tuple[int | None, ...]) -> None:
    stacks = [
        torch.stack([operand.detach() * scale for scale in (1, 2, 3)], dim).requires_grad_()
        if dim is not None
        else operand
        for operand, dim in zip(operands(200, 300, 150), in_dims, strict=True)
    ]

    def products_and_gradients() -> list[Tensor]:
        products = torch.vmap(F.linear, in_dims=in_dims)(*stacks)
        return [products, *torch.autograd.grad(products.pow(2).sum(), stacks)]

    plain = products_and_gradients()
    with LinearByOneDNN(), patch.object(onednn, "product", wraps=onednn.product) as product:
        fast = products_and_gradients()
    assert product.called
    for one, other in zip(plain, fast, strict=True):
        torch.testing.assert_close(
            one, other, rtol=1e-4, atol=1e-5 * float(one.detach().abs().max())
        )


@pytest.mark.parametrize(
    "a, b",
    [
        operands(20, 30, 15),
        operands(200, 300, 150, dtype=torch.float64),
        operands(200, 300, 150, device="meta"),
    ],
    ids=["small", "float64", "other device"],
)
def test_other_products_are_left_alone(a: Tensor, b: Tensor) -> None:
    with LinearByOneDNN(), patch.object(onednn, "product") as product:
        F.linear(a, b)
        F.linear(torch.randn(2, 200, 300), torch.randn(150, 300))
    assert not product.called


def test_training_is_the_same_without_it() -> None:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.rand(400, 200, generator=generator)
    targets = (inputs[:, 0] * 3).long()
    model = ep.mlp([200, 150, 3], seed=1)
    fast, losses = ep.train(model, inputs, targets, epochs=3)
    with onednn.detour.off():
        plain, plain_losses = ep.train(model, inputs, targets, epochs=3)
    assert losses == pytest.approx(plain_losses, rel=1e-4)
    for one, other in zip(fast.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
