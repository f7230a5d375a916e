"""Feature flow: lengths and angles of polylines, and networks that go short or straight."""

import math

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.regularisers import FlowCurvature, FlowLength
from eigenprune.regularisers.feature_flow import curvature, length, trajectories, turning_angles

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
    for made in (FlowLength, FlowCurvature):
        model.zero_grad()
        made(1.0).loss(model, *data).backward()
        assert all(bool(p.grad.isfinite().all()) for p in model.parameters())


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
    for made, measure in ((FlowLength, length), (FlowCurvature, curvature)):
        trained, _ = ep.train(model, *data, regulariser=made(0.1), **options)
        ways = [float(measure(trajectories(m, data[0])).detach().mean()) for m in (plain, trained)]
        assert ways[1] < 0.8 * ways[0]
        assert ep.evaluate(trained, *data)[0] > 0.9


@pytest.mark.parametrize(
    ("made", "widths"),
    [
        (FlowLength, [8, 5, 4]),
        (FlowLength, [8, 5, 6, 4]),
        (FlowCurvature, [8, 5, 5, 4]),
        (FlowCurvature, [8, 5, 5, 6, 4]),
    ],
)
def test_too_few_layers_and_other_widths_are_refused(
    made: type[FlowLength] | type[FlowCurvature], widths: list[int], data: Data
) -> None:
    with pytest.raises(ValueError, match="hidden layers of widths"):
        ep.train(ep.mlp(widths), *data, epochs=1, regulariser=made(0.1))
