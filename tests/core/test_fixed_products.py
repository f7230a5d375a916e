"""The fast path for frozen eigenvectors against the plain loop."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import eigenprune as ep
from eigenprune import training
from eigenprune.fixed_products import FromProducts, with_fixed_products


@given(
    widths=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    bias=st.booleans(),
    activation=st.sampled_from(["relu", "tanh", "elu"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_same_logits_and_shared_parameters(
    widths: list[int], bias: bool, activation: str, seed: int
) -> None:
    model = ep.mlp(widths, bias=bias, activation=activation, seed=seed, frozen=("eigenvectors",))
    inputs = torch.rand(7, widths[0])
    short, products = with_fixed_products(model, inputs)
    assert isinstance(short[0], FromProducts)
    assert torch.allclose(short(products), model(inputs), atol=1e-6)
    assert {id(p) for p in short.parameters()} == {id(p) for p in model.parameters()}


@pytest.mark.parametrize("hidden", [[12], [9, 7]])
def test_training_takes_the_same_way(hidden: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    # float64: Adam turns the rounding of a gradient near zero into a step of full length.
    inputs = torch.rand(60, 8, generator=generator, dtype=torch.float64)
    targets = (inputs[:, 0] > 0.5).long()
    model = ep.mlp([8, *hidden, 2], frozen=("eigenvectors",), seed=1).double()
    options = {"epochs": 6, "batch_size": 7, "learning_rate": 0.01, "seed": 2}
    taken = []

    def noticed(model: nn.Sequential, inputs: torch.Tensor) -> tuple[nn.Sequential, torch.Tensor]:
        taken.append(True)
        return with_fixed_products(model, inputs)

    monkeypatch.setattr(training, "with_fixed_products", noticed)
    fast, fast_losses = ep.train(model, inputs, targets, **options)
    assert taken
    monkeypatch.setattr(training, "with_fixed_products", lambda model, inputs: (model, inputs))
    plain, plain_losses = ep.train(model, inputs, targets, **options)
    assert fast_losses == pytest.approx(plain_losses, rel=1e-10)
    assert fast_losses[-1] < fast_losses[0]
    for one, other in zip(fast.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-9)
    assert torch.equal(fast[0].eigenvectors, model[0].eigenvectors)


@pytest.mark.parametrize(
    "model",
    [
        ep.mlp([4, 3, 2]),
        ep.mlp([4, 3, 2], layer="dense"),
        ep.mlp([4, 3, 2], eigenvalues_in=True, frozen=("eigenvectors",)),
        nn.Sequential(nn.Tanh(), *ep.mlp([4, 3, 2], frozen=("eigenvectors",))),
    ],
    ids=["eigenvectors train", "dense", "lambda_in", "input not fixed"],
)
def test_left_alone_where_the_product_is_not_fixed(model: nn.Sequential) -> None:
    inputs = torch.rand(5, 4)
    assert with_fixed_products(model, inputs) == (model, inputs)


def test_hooks_on_a_frozen_first_layer_are_called_as_in_the_plain_loop() -> None:
    inputs, targets = torch.rand(20, 4), torch.arange(20) % 3
    model = ep.mlp([4, 6, 3], frozen=["eigenvectors"], seed=1)
    model[0].register_forward_hook(lambda module, given, outputs: outputs * 0)
    assert with_fixed_products(model, inputs)[0] is model
    _, losses = ep.train(model, inputs, targets, epochs=2)
    assert losses == pytest.approx([math.log(3)] * 2)  # all logits are zero
    seen = []
    whole = ep.mlp([4, 6, 3], frozen=["eigenvectors"], seed=1)
    whole.register_forward_hook(lambda module, given, outputs: seen.append(given[0].shape))
    ep.train(whole, inputs, targets, epochs=1)
    assert seen == [(20, 4)]  # the data, not the products
