"""The result is the mean of the networks after each step; all else is as in the base pruning."""

import copy

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.regularisers import (
    AveragedGradientPruning,
    AveragedRandomPruning,
    AveragedTaylorPruning,
    GradientPruning,
    RandomPruning,
    TaylorPruning,
)
from eigenprune.regularisers.scheduled_pruning import ScheduledPruning
from eigenprune.shrinking import grown_back

Data = tuple[Tensor, Tensor]
OPTIONS = {"epochs": 6, "batch_size": 30, "learning_rate": 0.01}
M = AveragedTaylorPruning.AVERAGE


class Remembering(AveragedTaylorPruning):
    """Keeps the parameters after each step, in the shapes that they had before the first."""

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        self.steps: list[dict[str, Tensor]] = []
        return super().prepare(model, inputs, seed)

    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        super().after_step(model, learning_rate)
        full = grown_back(model, self.whole, self.kept)
        self.steps.append(copy.deepcopy(full.state_dict()))


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_what_is_left_is_the_mean_over_the_steps(layer: str, data: Data) -> None:
    model = ep.mlp([8, 20, 20, 4], layer=layer, activation="elu", bias=True, seed=1).double()
    regulariser = Remembering(0.8)
    trained, _ = ep.train(model, data[0].double(), data[1], regulariser=regulariser, **OPTIONS)
    assert len(regulariser.steps) == 24 and sum(map(len, regulariser.kept)) == 8
    # The mean is over the steps only: the network before the first step has no part in it.
    weights = [(1 - M) * M**k / (1 - M**24) for k in reversed(range(24))]
    assert sum(weights) == pytest.approx(1)
    mean = {
        name: sum(w * state[name] for w, state in zip(weights, regulariser.steps, strict=True))
        for name in model.state_dict()
    }
    last = regulariser.steps[-1]
    for name, found in trained.state_dict().items():
        # What was removed is zero after the last step and in the result, whatever it was before.
        torch.testing.assert_close(found, torch.where(last[name] == 0, 0.0, mean[name]))
        assert not torch.equal(found, last[name]), "the control: the mean is not the last step"


@pytest.mark.parametrize("layer", ["dense", "spectral"])
@pytest.mark.parametrize(
    ("of", "alone"),
    [
        (AveragedTaylorPruning, TaylorPruning),
        (AveragedGradientPruning, GradientPruning),
        (AveragedRandomPruning, RandomPruning),
    ],
)
def test_steps_and_nodes_are_those_of_the_pruning_below(
    layer: str, of: type[ScheduledPruning], alone: type[ScheduledPruning], data: Data
) -> None:
    model = ep.mlp([8, 20, 20, 4], layer=layer, activation="elu", seed=1)
    early = type("Early", (alone,), {"UNTIL": of.UNTIL})
    averaged, plain = of(0.8), early(0.8)
    _, losses = ep.train(model, *data, regulariser=averaged, **OPTIONS)
    _, others = ep.train(model, *data, regulariser=plain, **OPTIONS)
    assert losses == others
    assert all(map(torch.equal, averaged.kept, plain.kept))


def test_the_mean_is_nearer_to_where_noisy_steps_lead() -> None:
    """For targets that contradict each other, the best loss is known."""
    inputs = torch.eye(2).repeat(200, 1)
    targets = torch.tensor([0, 1, 0, 1, 0, 1, 1, 0]).repeat(50)
    model = ep.mlp([2, 8, 2], layer="dense", activation="tanh", seed=1)
    options = {"epochs": 60, "batch_size": 4, "learning_rate": 0.02}
    best = -(0.75 * torch.tensor(0.75).log() + 0.25 * torch.tensor(0.25).log())
    losses = []
    for regulariser in (AveragedTaylorPruning(0.5), TaylorPruning(0.5)):
        trained, _ = ep.train(model, inputs, targets, regulariser=regulariser, **options)
        losses.append(ep.evaluate(trained, inputs, targets)[1] - float(best))
    assert 0 <= losses[0] < losses[1] / 2


def test_without_a_step_it_is_the_network_itself(data: Data) -> None:
    model = ep.mlp([8, 20, 4], seed=1)
    trained, _ = ep.train(model, *data, epochs=0, regulariser=AveragedTaylorPruning(0.5))
    assert all(map(torch.equal, model.state_dict().values(), trained.state_dict().values()))


def test_what_is_frozen_stays_to_the_last_bit(data: Data) -> None:
    model = ep.mlp([8, 20, 4], layer="dense", bias=True, seed=1)
    with torch.no_grad():
        model[2].bias.uniform_(generator=torch.Generator().manual_seed(1))
    model[2].bias.requires_grad_(False)
    trained, _ = ep.train(model, *data, epochs=2, regulariser=AveragedTaylorPruning(0.5))
    assert torch.equal(trained[2].bias, model[2].bias)
