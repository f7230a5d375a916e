"""Importance scores against plain loops."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import eigenprune as ep
from eigenprune import importance
from eigenprune.networks import fully_connected

Loop = Callable[[nn.Sequential, int, int], float]


def length(numbers: list[float]) -> float:
    return sum(number * number for number in numbers) ** 0.5


def incoming(model: nn.Sequential, layer: int, node: int) -> list[float]:
    return fully_connected(model)[layer].weight.tolist()[node]


def outgoing(model: nn.Sequential, layer: int, node: int) -> list[float]:
    return [row[node] for row in fully_connected(model)[layer + 1].weight.tolist()]


def eigenvalue(model: nn.Sequential, layer: int, node: int) -> float:
    return abs(fully_connected(model)[layer].eigenvalues_out.tolist()[node])


def eigenvector(model: nn.Sequential, layer: int, node: int) -> list[float]:
    return fully_connected(model)[layer].eigenvectors.tolist()[node]


# Each score of one node, written out.
LOOPS: dict[str, Loop] = {
    "connectivity": lambda m, k, i: sum(abs(w) for w in incoming(m, k, i)),
    "eigenvalue": eigenvalue,
    "eigenvector_norm": lambda m, k, i: length(eigenvector(m, k, i)),
    "eigenvalue_times_eigenvector": (
        lambda m, k, i: eigenvalue(m, k, i) * length(eigenvector(m, k, i))
    ),
    "weight_norm": lambda m, k, i: length(incoming(m, k, i)),
    "weight_norm_in_out": lambda m, k, i: length(incoming(m, k, i)) * length(outgoing(m, k, i)),
}
SPECTRAL_ONLY = {"eigenvalue", "eigenvector_norm", "eigenvalue_times_eigenvector"}
WIDTHS = st.lists(st.integers(1, 6), min_size=3, max_size=5)


def test_every_score_has_its_loop_here() -> None:
    # test_synflow compares iterative_synflow with another reference.
    assert {*LOOPS, "random", "iterative_synflow"} == set(importance.SCORES)


@pytest.mark.parametrize("name", LOOPS)
@given(widths=WIDTHS, seed=st.integers(0, 100), eigenvalues_in=st.booleans())
@settings(max_examples=25)
def test_scores_of_spectral_networks(
    name: str, widths: list[int], seed: int, eigenvalues_in: bool
) -> None:
    model = ep.mlp(widths, seed=seed, eigenvalues_in=eigenvalues_in)
    agree_with_loop(name, model, widths)


@pytest.mark.parametrize("name", sorted(set(LOOPS) - SPECTRAL_ONLY))
@given(widths=WIDTHS, seed=st.integers(0, 100))
@settings(max_examples=25)
def test_scores_of_dense_networks(name: str, widths: list[int], seed: int) -> None:
    agree_with_loop(name, ep.mlp(widths, layer="dense", seed=seed), widths)


def agree_with_loop(name: str, model: nn.Sequential, widths: list[int]) -> None:
    scores = importance.SCORES[name](model)
    assert [tuple(score.shape) for score in scores] == [(width,) for width in widths[1:-1]]
    assert not any(score.requires_grad for score in scores)
    for layer, score in enumerate(scores):
        expected = [LOOPS[name](model, layer, node) for node in range(len(score))]
        assert score.tolist() == pytest.approx(expected, rel=1e-4, abs=1e-7)


@given(
    st.lists(st.integers(1, 6), min_size=3, max_size=5), st.integers(0, 100), st.integers(0, 100)
)
def test_random_depends_on_its_seed_alone(widths: list[int], seed: int, other: int) -> None:
    spectral, dense = ep.mlp(widths, seed=seed), ep.mlp(widths, layer="dense", seed=other)
    drawn = importance.random(spectral, seed=seed)
    assert [len(score) for score in drawn] == widths[1:-1]
    assert all(map(torch.equal, drawn, importance.random(dense, seed=seed)))
    assert all(((score >= 0) & (score < 1)).all() for score in drawn)
    if seed != other:
        assert not torch.equal(drawn[0], importance.random(spectral, seed=other)[0])


def test_random_draws_each_layer_anew() -> None:
    first, second = importance.random(ep.mlp([4, 5, 5, 3]), seed=1)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", sorted(SPECTRAL_ONLY))
def test_spectral_scores_refuse_dense_layers(name: str) -> None:
    spectral_then_dense = nn.Sequential(
        ep.SpectralLinear(4, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)
    )
    with pytest.raises(ValueError, match=r"hidden layer 2 is a Linear.*weight_norm"):
        importance.SCORES[name](spectral_then_dense)


def test_the_output_layer_is_not_asked() -> None:
    """It has no hidden nodes, so it may be dense."""
    model = nn.Sequential(ep.SpectralLinear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    assert len(importance.eigenvalue(model)) == 1


@pytest.mark.parametrize("name", importance.SCORES)
def test_scoring_leaves_the_network_as_it_is(name: str) -> None:
    model, twin = ep.mlp([4, 5, 3], seed=1), ep.mlp([4, 5, 3], seed=1)
    for score in importance.SCORES[name](model):
        score.mul_(0)  # a view of the network's own numbers would change them
    assert all(map(torch.equal, model.state_dict().values(), twin.state_dict().values()))
