"""Penalties on weights, eigenvalues and eigenvectors: their sums, their gauges, what they do."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import eigenprune as ep
from eigenprune.regularisers import (
    L1,
    L2,
    EigenvalueL1,
    EigenvalueL1EigenvectorL2,
    EigenvalueL2,
    EigenvalueL2EigenvectorL2,
    EigenvectorL1,
    EigenvectorL2,
    GroupLassoInLoss,
)
from eigenprune.regularisers.penalty import Penalty

Data = tuple[Tensor, Tensor]
WIDTHS = [8, 5, 3, 4]

# For one layer, written out with numbers: the rows of w; lambda_out and lambda_in; phi.
PLAIN = {
    L1: lambda w, values, vectors: sum(abs(x) for row in w for x in row),
    L2: lambda w, values, vectors: sum(x * x for row in w for x in row),
    GroupLassoInLoss: lambda w, values, vectors: sum(math.hypot(*row) for row in w),
    EigenvalueL1: lambda w, values, vectors: sum(abs(x) for x in values),
    EigenvalueL2: lambda w, values, vectors: sum(x * x for x in values),
    EigenvectorL1: lambda w, values, vectors: sum(abs(x) for x in vectors),
    EigenvectorL2: lambda w, values, vectors: sum(x * x for x in vectors),
    EigenvalueL2EigenvectorL2: lambda w, values, vectors: (
        sum(x * x for x in values) + sum(x * x for x in vectors)
    ),
    EigenvalueL1EigenvectorL2: lambda w, values, vectors: (
        sum(abs(x) for x in values) + sum(x * x for x in vectors)
    ),
}
OF_WEIGHTS = {L1, L2, GroupLassoInLoss}


def penalty(made: type[Penalty], model: nn.Sequential) -> float:
    regulariser = made(1.0)
    regulariser.prepare(model, torch.zeros(1, model[0].in_features), seed=0)
    return float(regulariser.penalty().detach())


@pytest.mark.parametrize("eigenvalues_in", [False, True])
@pytest.mark.parametrize("made", PLAIN)
def test_sums_over_all_layers(made: type[Penalty], eigenvalues_in: bool) -> None:
    model = ep.mlp(WIDTHS, bias=True, eigenvalues_in=eigenvalues_in, seed=2)
    wanted = 0.0
    for layer in (model[0], model[2], model[4]):
        values = layer.eigenvalues_out.tolist()
        if eigenvalues_in:
            values += layer.eigenvalues_in.tolist()
        numbers = layer.weight.tolist(), values, layer.eigenvectors.flatten().tolist()
        wanted += PLAIN[made](*numbers)
    assert penalty(made, model) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("made", PLAIN)
def test_the_loss_is_cross_entropy_and_strength_times_penalty(
    made: type[Penalty], data: Data
) -> None:
    model = ep.mlp([8, 5, 4], seed=2)
    regulariser = made(0.3)
    regulariser.prepare(model, data[0], seed=0)
    wanted = float(F.cross_entropy(model(data[0]), data[1]).detach()) + 0.3 * penalty(made, model)
    assert float(regulariser.loss(model, *data).detach()) == pytest.approx(wanted, rel=1e-6)


def test_at_its_least_the_penalty_on_both_factors_is_the_group_lasso() -> None:
    model = ep.mlp(WIDTHS, seed=2)
    off_balance = penalty(EigenvalueL2EigenvectorL2, model)
    with torch.no_grad():
        for layer in (model[0], model[2], model[4]):
            # The gauge in which both factors have the same length.
            gauge = (layer.eigenvectors.norm(dim=1) / layer.eigenvalues_out.abs()).sqrt()
            layer.eigenvalues_out.mul_(gauge)
            layer.eigenvectors.div_(gauge[:, None])
    balanced = penalty(EigenvalueL2EigenvectorL2, model)
    assert balanced == pytest.approx(2 * penalty(GroupLassoInLoss, model), rel=1e-5)
    assert balanced < 0.99 * off_balance


@pytest.mark.parametrize("made", PLAIN)
def test_only_penalties_on_weights_do_not_see_the_gauge(made: type[Penalty]) -> None:
    model = ep.mlp(WIDTHS, seed=2)
    before = penalty(made, model)
    with torch.no_grad():
        model[0].eigenvalues_out *= 2
        model[0].eigenvectors /= 2
    assert (penalty(made, model) == pytest.approx(before, rel=1e-5)) == (made in OF_WEIGHTS)


@pytest.mark.parametrize("made", PLAIN)
def test_a_strong_penalty_shrinks_what_it_names(made: type[Penalty], data: Data) -> None:
    model = ep.mlp([8, 5, 4], seed=2)
    options = {"epochs": 20, "batch_size": 40, "learning_rate": 0.01}
    plain, _ = ep.train(model, *data, **options)
    small, _ = ep.train(model, *data, regulariser=made(10.0), **options)
    assert penalty(made, small) < 0.2 * penalty(made, plain)


def test_a_penalty_on_one_factor_leaves_the_other_to_grow(data: Data) -> None:
    """Why shrunken eigenvalues alone do not mean shrunken weights."""
    model = ep.mlp([8, 5, 4], initialisation="ones", seed=2)
    options = {"epochs": 200, "batch_size": 120, "learning_rate": 0.01}
    one, _ = ep.train(model, *data, regulariser=EigenvalueL1(0.05), **options)
    both, _ = ep.train(model, *data, regulariser=EigenvalueL1EigenvectorL2(0.05), **options)
    assert penalty(EigenvectorL2, one) > 2 * penalty(EigenvectorL2, both)
    assert penalty(L2, one) > 2 * penalty(L2, both)


def cheapest_gauge(first: type[Penalty], a: float, second: type[Penalty], b: float) -> float:
    """The smallest a * first + b * second of one node, over a fine grid of its gauges."""
    model = ep.mlp([8, 1, 1], seed=2).double()[:1]
    costs = []
    for c in torch.logspace(-3, 3, 4001, dtype=torch.float64).tolist():
        other = copy.deepcopy(model)
        with torch.no_grad():
            other[0].eigenvalues_out *= c
            other[0].eigenvectors /= c
        costs.append(a * penalty(first, other) + b * penalty(second, other))
    return min(costs)


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.1, 2.0)])
def test_l2_on_both_factors_is_group_lasso(a: float, b: float) -> None:
    """min a lambda^2 + b ||phi||^2 = 2 sqrt(ab) ||w||."""
    norm = float(ep.mlp([8, 1, 1], seed=2).double()[0].weight.detach().norm())
    found = cheapest_gauge(EigenvalueL2, a, EigenvectorL2, b)
    assert found == pytest.approx(2 * (a * b) ** 0.5 * norm, rel=1e-4)


def test_trained_with_l2_on_both_factors_a_node_stands_in_its_cheapest_gauge(data: Data) -> None:
    model = ep.mlp([8, 5, 4], initialisation="ones", seed=2)
    options = {"epochs": 1500, "batch_size": 120, "learning_rate": 0.01}
    for regulariser, near in ((EigenvalueL2EigenvectorL2(0.01), True), (L2(0.01), False)):
        trained, _ = ep.train(model, *data, regulariser=regulariser, **options)
        layer = trained[0]
        norms = layer.eigenvectors.detach().norm(dim=1)
        balanced = torch.allclose(layer.eigenvalues_out.detach().abs(), norms, rtol=0.03, atol=0.01)
        assert balanced == near


def test_l1_and_l2_together_are_concave_in_the_norm() -> None:
    """min |lambda| + ||phi||^2 = 3 (||w|| / 2)^(2/3)."""
    norm = float(ep.mlp([8, 1, 1], seed=2).double()[0].weight.detach().norm())
    found = cheapest_gauge(EigenvalueL1, 1.0, EigenvectorL2, 1.0)
    assert found == pytest.approx(3 * (norm / 2) ** (2 / 3), rel=1e-4)


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100))
def test_no_gauge_is_cheaper_than_group_lasso(a: float, b: float, w: float, c: float) -> None:
    assert a * (c * w) ** 2 + b / c**2 >= 2 * (a * b) ** 0.5 * w * (1 - 1e-9)
