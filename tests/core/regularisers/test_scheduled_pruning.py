"""Pruning while training: the schedule, who is silenced, and that silence lasts."""

import copy
import itertools

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.counts import nodes_removed
from eigenprune.regularisers import EigenvaluePruning, GradientPruning, NormPruning
from eigenprune.regularisers.scheduled_pruning import ScheduledPruning

Data = tuple[Tensor, Tensor]


def silent(model: nn.Sequential) -> Tensor:
    return torch.cat(ep.importance.weight_norm(model)) == 0


@pytest.mark.parametrize(
    ("layer", "regulariser"),
    [
        ("dense", GradientPruning),
        ("spectral", GradientPruning),
        ("dense", NormPruning),
        ("spectral", NormPruning),
        ("spectral", EigenvaluePruning),
    ],
)
def test_the_share_follows_the_schedule_and_silence_lasts(
    layer: str, regulariser: type[ScheduledPruning], data: Data
) -> None:
    seen: list[Tensor] = []
    model = ep.mlp([8, 20, 20, 4], layer=layer, activation="tanh", bias=True, seed=1)
    trained, _ = ep.train(
        model, *data, epochs=8, batch_size=30, learning_rate=0.01, regulariser=regulariser(0.7),
        watch=lambda epoch, model: seen.append(silent(model)),
    )  # fmt: skip
    shares = [0.7 * (1 - (1 - epoch / 8) ** 3) for epoch in range(9)]
    assert [int(who.sum()) for who in seen] == [nodes_removed(share, 40) for share in shares]
    for before, after in itertools.pairwise(seen):
        assert bool(after[before].all())
    assert torch.equal(seen[-1], silent(trained))
    # The bias too: a silent node can be removed for nothing.
    scores = ep.importance.weight_norm(trained)
    smaller = ep.compact(trained, ep.select_nodes(scores, 0.7))
    torch.testing.assert_close(smaller(data[0]), trained(data[0]))


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_the_score_is_the_running_mean_of_weight_times_gradient(layer: str, data: Data) -> None:
    model = ep.mlp([8, 6, 4], layer=layer, activation="tanh", seed=1).double()
    inputs, targets = data[0].double(), data[1]
    regulariser = GradientPruning(0.5)
    regulariser.prepare(model, inputs, seed=0)
    wanted = torch.zeros(6, dtype=torch.float64)
    for rows in (slice(0, 40), slice(40, 80), slice(80, 120)):
        batch = inputs[rows], targets[rows]
        model.zero_grad()
        regulariser.loss(model, *batch).backward()
        regulariser.after_step(model, 0.01)
        # Of w itself, whatever the parameters of the layer.
        wanted = 0.99 * wanted + 0.01 * ep.saliency.snip(model, *batch)[0]
    torch.testing.assert_close(regulariser.scores[0], wanted)


def test_the_lowest_scores_go_first() -> None:
    model = ep.mlp([8, 4, 3, 2], layer="dense", seed=1)
    regulariser = GradientPruning(0.5)
    regulariser.prepare(model, torch.zeros(1, 8), seed=0)
    regulariser.scores = [torch.tensor([4.0, 1.0, 3.0, 9.0]), torch.tensor([2.0, 8.0, 0.5])]
    regulariser.after_epoch(model, 1, 1)
    assert silent(model).tolist() == [False, True, True, False, True, False, True]


def test_every_layer_keeps_a_node(data: Data) -> None:
    model = ep.mlp([8, 6, 3, 4], layer="dense", seed=1)
    trained, _ = ep.train(model, *data, epochs=2, regulariser=GradientPruning(0.99))
    assert [int(score.count_nonzero()) for score in ep.importance.weight_norm(trained)] == [1, 1]


def test_nodes_of_use_are_kept(data: Data) -> None:
    """The control that can fail: as many random nodes silenced at the end hurt more."""
    model = ep.mlp([8, 40, 4], layer="dense", seed=1)
    options = {"epochs": 60, "batch_size": 30, "learning_rate": 0.01}
    trained, _ = ep.train(model, *data, regulariser=GradientPruning(0.8), **options)
    plain, _ = ep.train(model, *data, **options)
    random = ep.masked(plain, ep.select_nodes(ep.importance.random(plain), 0.8))
    accuracy = ep.evaluate(trained, *data)[0]
    assert accuracy > 0.9
    assert accuracy > ep.evaluate(random, *data)[0] + 0.05


def test_eigenvalues_and_norms_rank_each_in_its_way() -> None:
    """Another gauge changes who goes first by the eigenvalue, and not by the norm."""
    layer = ep.SpectralLinear(2, 2)
    layer.eigenvalues_out.data = torch.tensor([1.0, 2.0])
    layer.eigenvectors.data = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    model = nn.Sequential(layer, nn.ReLU(), ep.SpectralLinear(2, 2))
    for regulariser, left in ((EigenvaluePruning(0.5), 1), (NormPruning(0.5), 0)):
        copied = copy.deepcopy(model)
        regulariser.prepare(copied, torch.zeros(1, 2), seed=0)
        regulariser.after_epoch(copied, 1, 1)
        assert silent(copied).tolist() == [left != 0, left != 1]
