"""Gradients written out against those of autograd: the same bits."""

from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import nn

import eigenprune as ep
from eigenprune import gradients, onednn, training
from eigenprune.gradients import WrittenOut, suits
from eigenprune.regularisers import REGULARISERS
from eigenprune.training import by_autograd

NETWORKS: dict[str, dict[str, Any]] = {
    "dense": {"layer": "dense"},
    "spectral": {},
    "lambda_in": {"eigenvalues_in": True},
    "lambda_in in the first": {"eigenvalues_in": "first"},
    "eigenvalues alone": {"frozen": ("eigenvectors",)},
    "both eigenvalues alone": {"eigenvalues_in": True, "frozen": ("eigenvectors",)},
    "eigenvectors alone": {"frozen": ("eigenvalues_out",)},
}


def examples(rows: int, features: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.rand(rows, features, generator=generator)
    return inputs, torch.randint(classes, (rows,), generator=generator)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "elu"])
@pytest.mark.parametrize("hidden", [[37], [33, 20, 17]], ids=str)
def test_training_takes_the_same_way_to_the_last_bit(
    network: str, activation: str, hidden: list[int]
) -> None:
    inputs, targets = examples(140, 50, 7)
    model = ep.mlp([50, *hidden, 7], activation=activation, seed=1, **NETWORKS[network])
    options: dict[str, Any] = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01}
    with patch.object(training, "by_autograd") as autograd:
        written, losses = ep.train(model, inputs, targets, **options)
    assert not autograd.called
    with gradients.switched_off():
        reference, reference_losses = ep.train(model, inputs, targets, **options)
    assert losses == reference_losses
    assert losses[-1] < losses[0]
    for one, other in zip(written.parameters(), reference.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.usefixtures("onednn_offered")
@pytest.mark.parametrize("network", NETWORKS)
def test_large_products_go_the_same_detour(network: str) -> None:
    inputs, targets = examples(400, 300, 10)
    model = ep.mlp([300, 200, 150, 10], seed=1, **NETWORKS[network])
    written, _ = ep.train(model, inputs, targets, epochs=2)
    with gradients.switched_off():
        reference, _ = ep.train(model, inputs, targets, epochs=2)
    for one, other in zip(written.parameters(), reference.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", sorted(REGULARISERS))
def test_regularised_training_takes_the_same_way(name: str) -> None:
    inputs, targets = examples(90, 12, 3)
    layer = {"layer": "spectral" if "eigen" in name else "dense"}
    model = ep.mlp([12, 10, 10, 10, 3], seed=2, **layer)
    trained = partial(ep.train, model, inputs, targets, epochs=3, batch_size=20)
    written, losses = trained(regulariser=REGULARISERS[name](0.3))
    with gradients.switched_off():
        reference, reference_losses = trained(regulariser=REGULARISERS[name](0.3))
    assert losses == reference_losses
    for one, other in zip(written.parameters(), reference.parameters(), strict=True):
        assert torch.equal(one, other)


def with_hook() -> nn.Sequential:
    model = ep.mlp([8, 5, 2])
    model[0].register_forward_hook(lambda *_: None)
    return model


def with_shared_weights() -> nn.Sequential:
    model = ep.mlp([8, 8, 8], layer="dense")
    model[2].weight = model[0].weight
    return model


class Own(ep.SpectralLinear):
    """A layer that does something else, perhaps."""


@pytest.mark.parametrize(
    "model",
    [
        ep.mlp([8, 5, 2], bias=True),
        ep.mlp([8, 5, 2], activation="gelu"),
        with_hook(),
        with_shared_weights(),
        nn.Sequential(Own(8, 5), nn.ReLU(), Own(5, 2)),
        nn.Sequential(nn.Linear(8, 5, bias=False), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 2)),
        nn.Sequential(nn.Flatten(), nn.Linear(8, 2, bias=False)),
        nn.Sequential(nn.Linear(8, 2, bias=False), nn.ReLU()),
    ],
    ids=[
        "bias",
        "gelu",
        "hook",
        "shared",
        "subclass",
        "dropout",
        "flatten",
        "activation at the end",
    ],
)
def test_what_is_not_known_is_left_to_autograd(model: nn.Sequential) -> None:
    assert not suits(model)
    with pytest.raises(ValueError, match="more than"):
        WrittenOut(model)


def test_hooks_are_called_in_training() -> None:
    seen = []
    model = ep.mlp([8, 5, 2])
    model[0].register_forward_hook(lambda *_: seen.append(True))
    ep.train(model, *examples(20, 8, 2), epochs=1)
    assert seen


def test_autocast_is_left_to_autograd() -> None:
    model = ep.mlp([8, 5, 2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not suits(model)
    assert suits(model)


def test_a_loss_that_is_not_finite_is_told() -> None:
    model = ep.mlp([8, 5, 2])
    with torch.no_grad():
        model[0].eigenvalues_out.fill_(float("nan"))
    assert WrittenOut(model)(*examples(4, 8, 2)).isnan()


def test_gradients_of_before_are_replaced_and_frozen_ones_have_none() -> None:
    model = ep.mlp([8, 5, 2], frozen=("eigenvectors",))
    batch = examples(6, 8, 2)
    written_out = WrittenOut(model)
    written_out(*batch)
    first = model[0].eigenvalues_out.grad
    written_out(*batch)
    assert torch.equal(model[0].eigenvalues_out.grad, first)
    assert model[0].eigenvectors.grad is None
    # The reference adds, as autograd does.
    by_autograd(ep.regularisers.Regulariser(0.0), model, onednn.faster_products(), *batch)
    assert torch.equal(model[0].eigenvalues_out.grad, 2 * first)
