"""The score says how many nodes of each layer go, and chance says which ones."""

import pytest
import torch
from torch import Tensor

import eigenprune as ep
from eigenprune.regularisers import AveragedGradientPruning, AveragedShuffledPruning
from eigenprune.regularisers.scheduled_pruning import ScheduledPruning

Data = tuple[Tensor, Tensor]


def left(
    regulariser: ScheduledPruning, data: Data, *, layer: str = "dense", weights: int = 1
) -> list[set[int]]:
    model = ep.mlp([8, 30, 20, 4], layer=layer, seed=weights)
    # One removal: until then, the networks of a score and of its control are the same.
    ep.train(model, *data, epochs=1, seed=1, learning_rate=0.01, regulariser=regulariser)
    return [set(kept.tolist()) for kept in regulariser.kept]


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_as_many_of_each_layer_as_the_score_takes_and_others(layer: str, data: Data) -> None:
    by_score = left(AveragedGradientPruning(0.8), data, layer=layer, weights=4)
    at_random = left(AveragedShuffledPruning(0.8), data, layer=layer, weights=4)
    widths = [len(kept) for kept in by_score]
    assert [len(kept) for kept in at_random] == widths and sum(widths) == 10
    assert widths != [6, 4], "the score takes other shares of the two layers"
    assert at_random != by_score


def test_chance_knows_nothing_of_the_weights(data: Data) -> None:
    """Another network keeps other widths, but of two sets of kept nodes one contains the other."""
    for one, other in zip(
        left(AveragedShuffledPruning(0.8), data),
        left(AveragedShuffledPruning(0.8), data, weights=2),
        strict=True,
    ):
        assert one <= other or other <= one
    scores = zip(
        left(AveragedGradientPruning(0.8), data),
        left(AveragedGradientPruning(0.8), data, weights=2),
        strict=True,
    )
    assert not all(one <= other or other <= one for one, other in scores), "the control"


def test_scores_are_dealt_in_the_order_drawn() -> None:
    model, regulariser = ep.mlp([2, 3, 2], seed=1), AveragedShuffledPruning(0.5)
    regulariser.prepare(model, torch.zeros(1, 2), seed=0)
    regulariser.lots = [torch.tensor([0.9, 0.1, 0.5])]
    regulariser.scores = [torch.tensor([1.0, 2.0, 3.0])]
    assert regulariser.rank(model)[0].tolist() == [3.0, 1.0, 2.0]
    regulariser.kept, regulariser.scores = [torch.tensor([0, 2])], [torch.tensor([5.0, 4.0])]
    assert regulariser.rank(model)[0].tolist() == [5.0, 4.0]
