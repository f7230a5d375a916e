"""Dropout: the share of silent nodes, the unchanged mean, and no trace at the end."""

import pytest
import torch
from torch import Tensor

import eigenprune as ep
from eigenprune import seeds
from eigenprune.regularisers import Dropout
from eigenprune.regularisers.dropout import SeededDropout

Data = tuple[Tensor, Tensor]


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.7])
def test_the_share_of_silent_nodes_and_the_mean(probability: float) -> None:
    dropout = SeededDropout(probability, seeds.generator(1, "test"))
    outputs = dropout(torch.full((400, 100), 3.0))
    silent = outputs == 0
    assert float(silent.float().mean()) == pytest.approx(probability, abs=0.01)
    assert float(outputs.mean()) == pytest.approx(3.0, rel=0.02)
    torch.testing.assert_close(
        outputs[~silent], torch.full_like(outputs[~silent], 3 / (1 - probability))
    )
    # Examples and nodes are drawn independently.
    if probability:
        assert len(silent.unique(dim=0)) == 400 and len(silent.unique(dim=1)[0]) == 100


def test_in_evaluation_nothing_is_dropped_and_nothing_drawn() -> None:
    dropout = SeededDropout(0.5, seeds.generator(1, "test")).eval()
    before = dropout.generator.get_state()
    inputs = torch.rand(5, 4)
    assert torch.equal(dropout(inputs), inputs)
    assert torch.equal(dropout.generator.get_state(), before)


def test_it_stands_behind_every_hidden_activation() -> None:
    model = ep.mlp([8, 6, 5, 4])
    changed = Dropout(0.5).prepare(model, torch.zeros(1, 8), seed=0)
    assert [type(module).__name__ for module in changed] == [
        "SpectralLinear", "ReLU", "SeededDropout",
        "SpectralLinear", "ReLU", "SeededDropout", "SpectralLinear",
    ]  # fmt: skip


def test_nodes_that_can_be_missed(data: Data) -> None:
    """The purpose of dropout here: the network tolerates the loss of random nodes better."""
    model = ep.mlp([8, 60, 4], layer="dense", seed=1)
    options = {"epochs": 150, "batch_size": 40, "learning_rate": 0.01}
    plain, _ = ep.train(model, *data, **options)
    dropped, _ = ep.train(model, *data, regulariser=Dropout(0.5), **options)

    def mean_loss(network: torch.nn.Sequential) -> float:
        losses = []
        for seed in range(20):
            masks = ep.select_nodes(ep.importance.random(network, seed=seed), 0.5)
            losses.append(ep.evaluate(ep.compact(network, masks), *data)[1])
        return sum(losses) / len(losses)

    assert mean_loss(dropped) < mean_loss(plain)
