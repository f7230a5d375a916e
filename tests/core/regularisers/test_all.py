"""Rules that every regulariser must follow."""

import copy
import inspect

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.regularisers import REGULARISERS, Regulariser

Data = tuple[Tensor, Tensor]
WIDTHS = [8, 6, 6, 6, 4]
SPECTRAL_ONLY = {name for name in REGULARISERS if name.startswith("eigen")}
SHARES = {name for name, its in REGULARISERS.items() if its.LIMIT == 1}
# These do something else besides, so that training with strength 0 is not plain training.
AVERAGED = {name for name in REGULARISERS if name.startswith("averag")}
# The strength of `averaging` says how much it averages, not what share of the nodes goes.
NEVER_PLAIN = {"autoencoder", "gate_l1", "hard_concrete", *AVERAGED} - {"averaging"}
CASES = [
    (name, layer)
    for name in sorted(REGULARISERS)
    for layer in ("dense", "spectral")
    if layer == "spectral" or name not in SPECTRAL_ONLY
]
OPTIONS = {"epochs": 3, "batch_size": 50, "learning_rate": 0.01}


def network(layer: str, *, bias: bool = True) -> nn.Sequential:
    options = {"eigenvalues_in": True} if layer == "spectral" else {}
    return ep.mlp(WIDTHS, activation="elu", layer=layer, bias=bias, seed=1, **options)


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


@pytest.mark.parametrize(("name", "layer"), CASES)
def test_one_seed_one_network_and_another_seed_another(name: str, layer: str, data: Data) -> None:
    model = network(layer)
    state, before = torch.get_rng_state(), copy.deepcopy(model)
    torch.manual_seed(1)
    one, losses = ep.train(model, *data, seed=1, regulariser=REGULARISERS[name](0.1), **OPTIONS)
    torch.manual_seed(2)
    moved = torch.get_rng_state()
    again, losses_again = ep.train(
        model, *data, seed=1, regulariser=REGULARISERS[name](0.1), **OPTIONS
    )
    assert same(one, again) and losses == losses_again
    assert same(model, before)
    assert torch.equal(moved, torch.get_rng_state()), "torch's global generator was moved"
    torch.set_rng_state(state)
    other, _ = ep.train(model, *data, seed=2, regulariser=REGULARISERS[name](0.1), **OPTIONS)
    assert not same(one, other)


@pytest.mark.parametrize(("name", "layer"), CASES)
def test_it_does_something(name: str, layer: str, data: Data) -> None:
    plain, _ = ep.train(network(layer), *data, **OPTIONS)
    other, _ = ep.train(network(layer), *data, regulariser=REGULARISERS[name](0.9), **OPTIONS)
    assert not same(plain, other)


@pytest.mark.parametrize(("name", "layer"), CASES)
def test_strength_zero_is_plain_training_bit_for_bit(name: str, layer: str, data: Data) -> None:
    plain, losses = ep.train(network(layer), *data, **OPTIONS)
    other, other_losses = ep.train(
        network(layer), *data, regulariser=REGULARISERS[name](0.0), **OPTIONS
    )
    assert (same(plain, other) and losses == other_losses) == (name not in NEVER_PLAIN)


@pytest.mark.parametrize(("name", "layer"), CASES)
def test_a_network_of_layers_and_activations_comes_back(name: str, layer: str, data: Data) -> None:
    model = network(layer)
    trained, _ = ep.train(model, *data, regulariser=REGULARISERS[name](0.5), **OPTIONS)
    assert str(trained) == str(model)
    assert trained.state_dict().keys() == model.state_dict().keys()
    assert trained.training and all(p.requires_grad for p in trained.parameters())


@pytest.mark.parametrize(("name", "layer"), [case for case in CASES if case[0] not in AVERAGED])
def test_it_computes_what_the_network_in_training_computes_in_evaluation(
    name: str, layer: str, data: Data
) -> None:
    seen: dict[int, nn.Module] = {}
    trained, _ = ep.train(
        network(layer), *data, regulariser=REGULARISERS[name](0.02), **OPTIONS,
        watch=lambda epoch, model: seen.update({epoch: copy.deepcopy(model)}),
    )  # fmt: skip
    with torch.no_grad():
        before, after = seen[3].eval()(data[0]), trained.eval()(data[0])
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(REGULARISERS))
def test_strengths_out_of_range_are_refused(name: str) -> None:
    wrong = [-0.1, float("inf"), float("nan")] + ([1.0] if name in SHARES else [])
    for strength in wrong:
        with pytest.raises(ValueError, match=f"strength={strength}"):
            REGULARISERS[name](strength)
    REGULARISERS[name](0.99 if name in SHARES else 100.0)


@pytest.mark.parametrize("name", sorted(SPECTRAL_ONLY))
def test_eigenvalues_of_dense_layers_are_refused(name: str, data: Data) -> None:
    with pytest.raises(ValueError, match=r"layer 1 is a Linear.*needs SpectralLinear"):
        ep.train(network("dense"), *data, epochs=1, regulariser=REGULARISERS[name](0.1))


@pytest.mark.parametrize(
    "name", [*sorted(SHARES - {"averaging", "dropout"}), "gate_l1", "group_lasso", "hard_concrete"]
)
def test_frozen_eigenvectors_are_never_changed(name: str, data: Data) -> None:
    model = ep.mlp(WIDTHS, frozen=["eigenvectors"])
    with pytest.raises(ValueError, match="frozen"):
        ep.train(model, *data, epochs=1, regulariser=REGULARISERS[name](0.1))


def test_the_base_adds_nothing(data: Data) -> None:
    plain, _ = ep.train(network("dense"), *data, **OPTIONS)
    other, _ = ep.train(network("dense"), *data, regulariser=Regulariser(1.0), **OPTIONS)
    assert same(plain, other)


def test_names_and_classes_agree() -> None:
    for name, made in REGULARISERS.items():
        assert made.__name__.lower() == name.replace("_", "")
        assert list(inspect.signature(made).parameters) == ["strength"]


@pytest.mark.parametrize("name", ["gate_l1", "group_lasso", "hard_threshold"])
def test_frozen_biases_are_never_multiplied(name: str, data: Data) -> None:
    model = ep.mlp(WIDTHS, bias=True, frozen=["bias"])
    with pytest.raises(ValueError, match="its bias is frozen"):
        ep.train(model, *data, epochs=1, regulariser=REGULARISERS[name](0.5))


def test_nodes_pruned_while_training_lose_frozen_parameters_too(data: Data) -> None:
    model = ep.mlp(WIDTHS, bias=True, frozen=["bias"])
    for parameter in (layer.bias for layer in model if isinstance(layer, ep.SpectralLinear)):
        nn.init.ones_(parameter)
    trained, _ = ep.train(model, *data, epochs=2, regulariser=REGULARISERS["norm_pruning"](0.5))
    silent = trained[0].weight.norm(dim=1) == 0
    assert silent.any() and not trained[0].bias[silent].any() and trained[0].bias[~silent].all()
