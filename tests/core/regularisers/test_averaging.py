"""Averaging changes the result of a training and none of its steps."""

import copy

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.regularisers import Averaging, Regulariser

Data = tuple[Tensor, Tensor]
OPTIONS = {"epochs": 6, "batch_size": 30, "learning_rate": 0.01}


class Remembering(Regulariser):
    """Plain training that keeps the parameters after each step."""

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        self.steps: list[dict[str, Tensor]] = []
        return model

    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        self.steps.append(copy.deepcopy(model.state_dict()))


@pytest.mark.parametrize("layer", ["dense", "spectral"])
@pytest.mark.parametrize("memory", [0.5, 0.9])
def test_the_result_is_the_mean_over_the_steps_of_plain_training(
    layer: str, memory: float, data: Data
) -> None:
    model = ep.mlp([8, 20, 4], layer=layer, activation="elu", bias=True, seed=1).double()
    inputs, targets = data[0].double(), data[1]
    plain = Remembering(0.0)
    _, losses = ep.train(model, inputs, targets, regulariser=plain, **OPTIONS)
    found, others = ep.train(model, inputs, targets, regulariser=Averaging(memory), **OPTIONS)
    assert losses == others
    count = len(plain.steps)
    weights = [(1 - memory) * memory**k / (1 - memory**count) for k in reversed(range(count))]
    for name, value in found.state_dict().items():
        mean = sum(w * state[name] for w, state in zip(weights, plain.steps, strict=True))
        torch.testing.assert_close(value, mean)
        assert not torch.allclose(value, plain.steps[-1][name]), "the control: not the last step"


def test_without_memory_it_is_plain_training(data: Data) -> None:
    model = ep.mlp([8, 20, 4], seed=1)
    plain, _ = ep.train(model, *data, **OPTIONS)
    found, _ = ep.train(model, *data, regulariser=Averaging(0.0), **OPTIONS)
    for ours, theirs in zip(found.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("memory", [-0.1, 1.0])
def test_a_memory_out_of_range_is_refused(memory: float) -> None:
    with pytest.raises(ValueError, match="0 or more, and below 1"):
        Averaging(memory)
