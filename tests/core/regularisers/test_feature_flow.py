"""Feature flow: lengths and angles of polylines, and networks whose paths get short or straight."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.regularisers import FlowAngle, FlowCurvature, FlowLength, Regulariser
from eigenprune.regularisers.feature_flow import (
    FeatureFlow,
    curvature,
    length,
    trajectories,
    turning_angles,
)

Data = tuple[Tensor, Tensor]


@pytest.fixture
def points() -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(5, 4, 3, generator=generator, dtype=torch.float64)


def test_length_and_curvature_are_sums_written_out(points: Tensor) -> None:
    for row in range(4):
        x = points[:, row].tolist()
        long = sum(math.dist(x[i], x[i + 1]) for i in range(4))
        bent = sum(
            math.hypot(*(x[i + 1][k] - 2 * x[i][k] + x[i - 1][k] for k in range(3)))
            for i in range(1, 4)
        )
        assert float(length(points)[row]) == pytest.approx(long)
        assert float(curvature(points)[row]) == pytest.approx(bent)


def test_angles_are_those_of_the_arc_cosine(points: Tensor) -> None:
    steps = points.diff(dim=0)
    cosines = nn.functional.cosine_similarity(steps[1:], steps[:-1], dim=2)
    torch.testing.assert_close(turning_angles(points), cosines.acos())


def test_angles_do_not_depend_on_the_lengths_of_steps(points: Tensor) -> None:
    steps = points.diff(dim=0) * torch.tensor([1.0, 7.0, 0.1, 3.0])[:, None, None]
    other = torch.cat([points[:1], points[:1] + steps.cumsum(dim=0)])
    torch.testing.assert_close(turning_angles(other), turning_angles(points))
    assert not torch.allclose(curvature(other), curvature(points))


def test_a_closed_convex_polygon_turns_once() -> None:
    """Seven sides, and the first one again: the angles add up to 2 pi."""
    angles = torch.arange(9, dtype=torch.float64) * 2 * math.pi / 7
    polygon = torch.stack([angles.cos(), angles.sin()], dim=1)[:, None]
    assert float(turning_angles(polygon).sum()) == pytest.approx(2 * math.pi)


def test_small_angles_straight_lines_and_points_that_stay() -> None:
    angle = 1e-6
    bend = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1 + math.cos(angle), math.sin(angle)]])
    assert float(turning_angles(bend.double()[:, None])) == pytest.approx(angle, rel=1e-2)
    straight = torch.arange(4.0)[:, None, None] * torch.tensor([1.0, 2.0])
    assert float(curvature(straight)) == 0 and turning_angles(straight).tolist() == [[0.0], [0.0]]
    back = torch.tensor([[0.0], [1.0], [0.0]])[:, None]
    assert float(turning_angles(back)) == pytest.approx(math.pi)
    assert turning_angles(torch.zeros(3, 1, 2)).tolist() == [[0.0]]


def test_gradients_stay_numbers_where_all_nodes_are_silent(data: Data) -> None:
    model = ep.mlp([8, 5, 5, 5, 4], layer="dense", seed=1)
    with torch.no_grad():
        model[0].weight.abs_().neg_()
    for made in (FlowLength, FlowCurvature, FlowAngle):
        model.zero_grad()
        made(1.0).loss(model, *data).backward()
        assert all(bool(p.grad.isfinite().all()) for p in model.parameters())


def test_the_gradient_of_the_angle_is_its_slope_and_none_where_a_point_stays(
    points: Tensor,
) -> None:
    assert torch.autograd.gradcheck(turning_angles, points.requires_grad_())
    staying = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])[:, None]
    staying.requires_grad_()
    turning_angles(staying).sum().backward()
    assert staying.grad is not None and bool(staying.grad.isfinite().all())
    # The third point is a corner nevertheless; the first point has no part in it.
    assert not staying.grad[0].any() and bool(staying.grad[1:].any())


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_angles_do_not_depend_on_the_scale(points: Tensor, scale: float) -> None:
    single = points.float()
    torch.testing.assert_close(turning_angles(scale * single), turning_angles(single))


def test_points_are_the_activations() -> None:
    model, inputs = ep.mlp([8, 5, 5, 4], activation="tanh", seed=1), torch.rand(3, 8)
    first = torch.tanh(model[0](inputs))
    wanted = torch.stack([first, torch.tanh(model[2](first))])
    assert torch.equal(trajectories(model, inputs), wanted)


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_strength_makes_ways_short_or_straight(layer: str, data: Data) -> None:
    model = ep.mlp([8, 10, 10, 10, 4], layer=layer, activation="tanh", seed=1)
    options = {"epochs": 60, "batch_size": 40, "learning_rate": 0.01}
    plain, _ = ep.train(model, *data, **options)
    measures = {
        FlowLength(0.1): length,
        FlowCurvature(0.1): curvature,
        FlowAngle(1.0): lambda points: turning_angles(points).sum(dim=0),
    }
    for regulariser, measure in measures.items():
        trained, _ = ep.train(model, *data, regulariser=regulariser, **options)
        ways = [float(measure(trajectories(m, data[0])).detach().mean()) for m in (plain, trained)]
        assert ways[1] < 0.8 * ways[0]
        assert ep.evaluate(trained, *data)[0] > 0.9


@pytest.mark.parametrize(
    ("k1", "k2", "same"),
    [(0, 0, Regulariser(0)), (0.2, 0, FlowLength(0.2)), (0, 0.3, FlowCurvature(0.3))],
)
def test_with_one_coefficient_it_is_that_penalty_and_with_none_plain_training(
    k1: float, k2: float, same: Regulariser, data: Data
) -> None:
    model = ep.mlp([8, 5, 5, 5, 4], layer="dense", seed=1)
    options = {"epochs": 3, "batch_size": 40}
    both, _ = ep.train(model, *data, regulariser=FeatureFlow(k1, k2), **options)
    one, _ = ep.train(model, *data, regulariser=same, **options)
    assert all(map(torch.equal, both.parameters(), one.parameters()))


def test_both_penalties_add_up(data: Data) -> None:
    model = ep.mlp([8, 5, 5, 5, 4], layer="dense", seed=1)
    plain = Regulariser(0).loss(model, *data)
    penalties = FlowLength(0.2).loss(model, *data) + FlowCurvature(0.3).loss(model, *data)
    both = FeatureFlow(0.2, 0.3).loss(model, *data)
    torch.testing.assert_close(both, penalties - plain)
    ways = trajectories(model, data[0])
    wanted = plain + (0.2 * length(ways).mean() + 0.3 * curvature(ways).mean()) / 5
    torch.testing.assert_close(both, wanted)


@pytest.mark.parametrize("strengths", [(-1, 0), (0, -1), (math.inf, 0), (0, math.nan)])
def test_coefficients_out_of_range_are_refused(strengths: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        FeatureFlow(*strengths)


@pytest.mark.parametrize(
    ("made", "widths"),
    [
        (FlowLength, [8, 5, 4]),
        (FlowLength, [8, 5, 6, 4]),
        (FlowCurvature, [8, 5, 5, 4]),
        (FlowCurvature, [8, 5, 5, 6, 4]),
        (FlowAngle, [8, 5, 5, 4]),
        (lambda k: FeatureFlow(k, k), [8, 5, 5, 4]),
    ],
)
def test_too_few_layers_and_other_widths_are_refused(
    made: Callable[[float], Regulariser], widths: list[int], data: Data
) -> None:
    with pytest.raises(ValueError, match="hidden layers of widths"):
        ep.train(ep.mlp(widths), *data, epochs=1, regulariser=made(0.1))
