"""Gradients written out against those of autograd: the same bits."""

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import nn

import eigenprune as ep
from eigenprune import backward, gradients, onednn, training
from eigenprune.fixed_products import FromProducts
from eigenprune.gradients import WrittenOut, suits
from eigenprune.regularisers import REGULARISERS, Regulariser
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


def assert_same_bits(written: nn.Sequential, reference: nn.Sequential) -> None:
    for one, other in zip(written.parameters(), reference.parameters(), strict=True):
        assert torch.equal(one, other)


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
    with gradients.written_out.off():
        reference, reference_losses = ep.train(model, inputs, targets, **options)
    assert losses == reference_losses
    assert losses[-1] < losses[0]
    assert_same_bits(written, reference)


@pytest.mark.usefixtures("onednn_offered")
@pytest.mark.parametrize("network", NETWORKS)
def test_large_products_go_the_same_detour(network: str) -> None:
    inputs, targets = examples(400, 300, 10)
    model = ep.mlp([300, 200, 150, 10], seed=1, **NETWORKS[network])
    with patch.object(onednn, "_suits", wraps=onednn._suits) as large:
        written, _ = ep.train(model, inputs, targets, epochs=2)
    assert large.called and any(onednn._suits(*call.args) for call in large.call_args_list)
    with gradients.written_out.off():
        reference, _ = ep.train(model, inputs, targets, epochs=2)
    assert_same_bits(written, reference)


# These do not change the loss; all they see of a step is its gradients.
WITHOUT_PENALTY = [
    (name, layer)
    for name, kind in sorted(REGULARISERS.items())
    for layer in ("dense", "spectral")
    if kind.loss is Regulariser.loss and not (name.startswith("eigen") and layer == "dense")
]


@pytest.mark.parametrize(("name", "layer"), WITHOUT_PENALTY)
def test_regularised_training_takes_the_same_way(name: str, layer: str) -> None:
    inputs, targets = examples(90, 12, 3)
    model = ep.mlp([12, 10, 10, 10, 3], seed=2, layer=layer)
    trained = partial(ep.train, model, inputs, targets, epochs=3, batch_size=20)
    with patch.object(training, "by_autograd", wraps=by_autograd) as autograd:
        written, losses = trained(regulariser=REGULARISERS[name](0.3))
    assert autograd.called == (name == "dropout")  # it puts its own modules between the layers
    with gradients.written_out.off():
        reference, reference_losses = trained(regulariser=REGULARISERS[name](0.3))
    assert losses == reference_losses
    assert_same_bits(written, reference)


@pytest.mark.parametrize("trained", [1, 2], ids=["from the second layer on", "the last alone"])
@pytest.mark.parametrize("network", ["dense", "spectral", "lambda_in"])
def test_what_lies_below_the_first_that_learns_is_left_out(network: str, trained: int) -> None:
    inputs, targets = examples(60, 9, 3)
    model = ep.mlp([9, 8, 7, 3], seed=2, **NETWORKS[network])
    for layer in list(model)[: 2 * trained : 2]:
        layer.requires_grad_(False)
    with patch.object(backward, "product", wraps=backward.product) as product:
        written, _ = ep.train(model, inputs, targets, epochs=1)
    there = 3 - (network == "spectral")  # the products of a frozen spectral layer are fixed
    back = 3 - trained + 3 - trained - 1  # for weights, and to the outputs of the layer before
    assert product.call_count == there + back
    with gradients.written_out.off():
        reference, _ = ep.train(model, inputs, targets, epochs=1)
    assert_same_bits(written, reference)


def test_a_loss_of_the_regularisers_own_is_called() -> None:
    class Thrice(Regulariser):
        def loss(self, *batch: Any) -> torch.Tensor:
            return 3 * super().loss(*batch)

    model, batch = ep.mlp([8, 5, 2]), examples(20, 8, 2)
    _, [plain] = ep.train(model, *batch, epochs=1)
    _, [thrice] = ep.train(model, *batch, epochs=1, regulariser=Thrice(0.0))
    on_instance = Regulariser(0.0)
    on_instance.loss = Thrice(0.0).loss  # type: ignore[method-assign]
    _, [again] = ep.train(model, *batch, epochs=1, regulariser=on_instance)
    assert thrice == again == pytest.approx(3 * plain)


class Own(ep.SpectralLinear):
    """A layer that may do something else."""


class Sharper(nn.Sequential):
    """A network with its own forward and its own constructor."""

    def __init__(self, model: nn.Sequential, by: float) -> None:
        super().__init__(*model)
        self.by = by

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.by * super().forward(inputs)


def linear(inputs: int, outputs: int) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=False)


def changed(do: Callable[[nn.Sequential], object]) -> nn.Sequential:
    model = ep.mlp([8, 8, 8])
    do(model)
    return model


def stored_by_columns(model: nn.Sequential) -> None:
    # A kernel that another library wrote is stored like this.
    model[0].eigenvectors = nn.Parameter(model[0].eigenvectors.detach().T.contiguous().T)


UNKNOWN = {
    "bias": ep.mlp([8, 5, 2], bias=True),
    "gelu": ep.mlp([8, 5, 2], activation="gelu"),
    "layer of a subclass": nn.Sequential(Own(8, 5), nn.ReLU(), Own(5, 2)),
    "network of a subclass": Sharper(ep.mlp([8, 5, 2]), 3),
    "dropout": nn.Sequential(linear(8, 5), nn.Dropout(0.5), linear(5, 2)),
    "normalisation": nn.Sequential(nn.LayerNorm(8), nn.ReLU(), linear(8, 2)),
    "no activation": nn.Sequential(linear(8, 5), linear(5, 5), linear(5, 2)),
    "activation at the end": nn.Sequential(linear(8, 2), nn.ReLU()),
    "in place": nn.Sequential(linear(8, 5), nn.ELU(inplace=True), linear(5, 2)),
    "hook": changed(lambda model: model[0].register_forward_hook(lambda *_: None)),
    "hook of a tensor": changed(lambda model: model[0].eigenvectors.register_hook(lambda g: g)),
    "own forward": changed(lambda model: setattr(model[1], "forward", torch.tanh)),
    "shared": changed(lambda model: setattr(model[2], "eigenvectors", model[0].eigenvectors)),
    "stored by columns": changed(stored_by_columns),
    "two types": changed(lambda model: model[0].double()),
    "products in the middle": nn.Sequential(
        linear(8, 5), nn.ReLU(), FromProducts(ep.SpectralLinear(5, 2))
    ),
    "products that change": nn.Sequential(FromProducts(ep.SpectralLinear(8, 2))),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_left_to_autograd(name: str) -> None:
    assert not suits(UNKNOWN[name])
    with pytest.raises(ValueError, match="more than"):
        WrittenOut(UNKNOWN[name])


def test_a_kernel_stored_by_columns_trains_as_one_by_rows() -> None:
    batch = examples(20, 8, 8)
    by_rows, by_columns = ep.mlp([8, 8, 8]), changed(stored_by_columns)
    by_rows, _ = ep.train(by_rows, *batch, epochs=3)
    by_columns, _ = ep.train(by_columns, *batch, epochs=3)
    assert torch.allclose(by_rows[0].eigenvectors, by_columns[0].eigenvectors, atol=1e-5)


def test_a_network_with_a_forward_of_its_own_trains_by_it() -> None:
    model, batch = ep.mlp([8, 5, 2], frozen=("eigenvectors",)), examples(20, 8, 2)
    _, [once] = ep.train(Sharper(model, 1), *batch, epochs=1)
    _, [plain] = ep.train(model, *batch, epochs=1)
    _, [sharper] = ep.train(Sharper(model, 3), *batch, epochs=1)
    assert once == pytest.approx(plain) and sharper != pytest.approx(plain)


def test_hooks_are_called_in_training() -> None:
    seen = []
    model = ep.mlp([8, 5, 2])
    model[0].register_forward_hook(lambda *_: seen.append(True))
    ep.train(model, *examples(20, 8, 2), epochs=1)
    assert seen


def test_what_watches_everything_leaves_it_to_autograd() -> None:
    model = ep.mlp([8, 5, 2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not suits(model)
    with torch.autograd.set_detect_anomaly(True):
        assert not suits(model)
    hook = nn.modules.module.register_module_forward_hook(lambda *_: None)
    assert not suits(model)
    hook.remove()
    with gradients.written_out.off():
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
    # The reference adds to the old gradients, as autograd does.
    by_autograd(ep.regularisers.Regulariser(0.0), model, onednn.faster_products(), *batch)
    assert torch.equal(model[0].eigenvalues_out.grad, 2 * first)
