"""Sanity checks: each takes away what it says, and leaves the rest as it is."""

import math

import pytest
import torch
from torch import Tensor, nn

from eigenprune import compact, importance, masked, mlp, saliency, sanity, select_nodes
from eigenprune.layers import SpectralLinear
from eigenprune.networks import fully_connected, hidden_layers

WIDTHS = [6, 40, 30, 3]


@pytest.fixture
def model() -> nn.Sequential:
    return mlp(WIDTHS, activation="tanh", seed=3)


@pytest.fixture(scope="module")
def examples() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(50, WIDTHS[0], generator=generator)
    return x, torch.randint(WIDTHS[-1], (50,), generator=generator)


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_shuffled_mask_keeps_other_nodes_and_as_many_in_every_layer(model: nn.Sequential) -> None:
    masks = select_nodes(importance.eigenvalue(model), 0.8)
    found = sanity.shuffled(masks, seed=1)
    assert [int(m.sum()) for m in found] == [int(m.sum()) for m in masks]
    assert all(m.dtype == torch.bool for m in found) and not same(found, masks)
    assert same(found, sanity.shuffled(masks, seed=1))
    assert not same(found, sanity.shuffled(masks, seed=2))
    compact(model, found)


def test_shuffling_favours_no_node() -> None:
    mask = [torch.arange(5) < 2]
    kept = sum(sanity.shuffled(mask, seed)[0].double() for seed in range(2000)) / 2000
    assert kept == pytest.approx(0.4, abs=0.05)


def test_inverted_scores_remove_first_what_the_scores_keep_longest(model: nn.Sequential) -> None:
    scores = importance.eigenvalue(model)
    before = [score.clone() for score in scores]
    (best,) = sanity.inverted([torch.cat(scores)])
    kept = select_nodes([torch.cat(scores)], 0.4)[0]
    assert not (select_nodes([best], 0.6)[0] & kept).any()
    assert same(sanity.inverted(sanity.inverted(scores)), scores) and same(scores, before)


@pytest.mark.parametrize("layer", ["spectral", "dense"])
def test_redrawn_weights_are_new_ones_of_the_initialisation(layer: str) -> None:
    model = mlp(WIDTHS, layer=layer, bias=True, seed=3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = sanity.redrawn(model, seed=3)
    for one, other in zip(fully_connected(model), fully_connected(found), strict=True):
        assert repr(one) == repr(other) and not other.bias.any()
        if isinstance(other, SpectralLinear):
            drawn = {0.2: other.eigenvectors, 0.5: other.eigenvalues_out}
        else:
            drawn = {math.sqrt(6 / (other.in_features + other.out_features)): other.weight}
        for bound, values in drawn.items():
            assert values.abs().max() <= bound
            mean = float(values.detach().abs().mean())
            assert len(values) < 10 or mean == pytest.approx(bound / 2, rel=0.3)
        assert not (one.weight == other.weight).any()
    assert same(list(model.state_dict().values()), list(before.values()))
    again, others = sanity.redrawn(model, seed=3), sanity.redrawn(model, seed=4)
    assert torch.equal(again[0].weight, found[0].weight)
    assert not torch.equal(others[0].weight, found[0].weight)


def test_redrawing_forgets_the_weights_and_keeps_shape_mask_and_what_is_frozen() -> None:
    frozen = mlp(WIDTHS, frozen=("eigenvectors",), eigenvalues_in=True, seed=3)
    masks = select_nodes(importance.eigenvalue(frozen), 0.5)
    for small in (compact(frozen, masks), masked(frozen, masks)):
        found = sanity.redrawn(small, seed=1)
        other = sanity.redrawn(sanity.redrawn(small, seed=9), seed=1)
        assert same(list(found.state_dict().values()), list(other.state_dict().values()))
        assert [p.requires_grad for p in found.parameters()] == [
            p.requires_grad for p in small.parameters()
        ]
        assert repr(found) == repr(small)
    ones = sanity.redrawn(frozen, seed=1, initialisation="ones")
    assert (ones[0].eigenvalues_out == 1).all() and not ones[0].eigenvalues_in.any()


def test_corruption_keeps_every_feature_and_loses_what_they_say_together() -> None:
    # Two identical features are uncorrelated afterwards.
    x = torch.linspace(0, 1, 2000)[:, None].expand(-1, 2).contiguous()
    found = sanity.corrupted(x, seed=1)
    assert torch.equal(found.sort(dim=0).values, x)
    assert abs(torch.corrcoef(found.T)[0, 1]) < 0.1
    assert torch.equal(found, sanity.corrupted(x, seed=1))
    assert not torch.equal(found, sanity.corrupted(x, seed=2))
    assert torch.equal(x[:, 0], torch.linspace(0, 1, 2000))


def test_corruption_changes_scores_that_look_and_spares_what_sees_single_features(
    model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    x, y = examples
    mixed = sanity.corrupted(x, seed=1)
    assert not same(saliency.taylor(model, x, y), saliency.taylor(model, mixed, y))
    assert not same(saliency.mean_activation(model, x), saliency.mean_activation(model, mixed))
    torch.testing.assert_close(
        mixed.mean(dim=0) @ model[0].weight.T, x.mean(dim=0) @ model[0].weight.T
    )


def test_another_gauge_is_the_same_function_and_another_ranking(
    model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    x, y = examples
    other = sanity.gauge_changed(model, sanity.random_gauge(model, seed=1))
    assert torch.equal(other(x), model(x))
    for name in ("weight_norm", "weight_norm_in_out", "connectivity"):
        assert same(importance.SCORES[name](other), importance.SCORES[name](model))
    assert same(saliency.taylor(other, x, y), saliency.taylor(model, x, y))
    product = importance.eigenvalue_times_eigenvector
    for one, two in zip(product(other), product(model), strict=True):
        torch.testing.assert_close(one, two)
    one, two = (select_nodes(importance.eigenvalue(each), 0.5) for each in (other, model))
    assert not same(one, two)


def test_the_gauge_of_the_eigenvector_norms_ranks_by_weight_norm(model: nn.Sequential) -> None:
    other = sanity.gauge_changed(model, importance.eigenvector_norm(model))
    for one, two in zip(importance.eigenvalue(other), importance.weight_norm(model), strict=True):
        torch.testing.assert_close(one, two)


def test_random_gauges_are_powers_of_two_for_every_node(model: nn.Sequential) -> None:
    factors = sanity.random_gauge(model, seed=1)
    assert [len(c) for c in factors] == [layer.out_features for layer in hidden_layers(model)]
    assert set(torch.cat(factors).tolist()) == {2.0**k for k in range(-3, 4)}
    assert same(factors, sanity.random_gauge(model, seed=1))
    assert not same(factors, sanity.random_gauge(model, seed=2))


def test_what_has_no_gauge_and_factors_that_do_not_fit_are_refused(model: nn.Sequential) -> None:
    for without in (mlp(WIDTHS, layer="dense"), mlp(WIDTHS, eigenvalues_in=True)):
        with pytest.raises(ValueError, match=r"hidden layer 1 is .*without eigenvalues_in"):
            sanity.random_gauge(without, seed=1)
    with pytest.raises(ValueError, match=r"factors of shapes \[\(40,\)\].*\[40, 30\] nodes"):
        sanity.gauge_changed(model, [torch.ones(40)])
    for wrong in (0.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="factors: some are zero or not finite"):
            sanity.gauge_changed(model, [torch.ones(40), torch.full((30,), wrong)])


def test_inputs_of_another_shape_and_unknown_initialisations_are_refused(
    model: nn.Sequential,
) -> None:
    with pytest.raises(ValueError, match=r"inputs of shape \(3,\)"):
        sanity.corrupted(torch.rand(3), seed=1)
    with pytest.raises(ValueError, match="initialisation='zeros'"):
        sanity.redrawn(model, seed=1, initialisation="zeros")
