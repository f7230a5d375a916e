"""Network slimming: the gain, its fold into the weights, and nodes that become short."""

import copy

import pytest
import torch
from torch import Tensor

import eigenprune as ep
from eigenprune.regularisers import GateL1

Data = tuple[Tensor, Tensor]


def test_it_starts_as_the_plain_network() -> None:
    model, inputs = ep.mlp([8, 5, 4, 3], seed=1), torch.rand(7, 8)
    wanted = model(inputs)
    gated = GateL1(0.1).prepare(model, inputs, seed=0)
    assert torch.equal(gated(inputs), wanted)
    # Before the activation, in the place of the scale of a batch normalisation.
    assert [type(module).__name__ for module in gated][:3] == ["SpectralLinear", "Gain", "ReLU"]


@pytest.mark.parametrize("activation", ["relu", "tanh", "elu"])
@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_the_fold_is_exact_and_the_norm_sees_the_gain(layer: str, activation: str) -> None:
    options = {"eigenvalues_in": True} if layer == "spectral" else {}
    model = ep.mlp([8, 5, 4, 3], layer=layer, activation=activation, bias=True, seed=1, **options)
    regulariser = GateL1(0.1)
    generator = torch.Generator().manual_seed(4)
    gated = regulariser.prepare(model.double(), torch.zeros(1, 8), seed=0)
    with torch.no_grad():
        for parameter in gated.parameters():
            parameter.normal_(generator=generator)
        regulariser.gains[0].gain[2] = 0
        inputs = torch.randn(7, 8, generator=generator, dtype=torch.float64)
        before, norms = copy.deepcopy(gated)(inputs), ep.importance.weight_norm(model)
        folded = regulariser.finish(gated)
        torch.testing.assert_close(folded(inputs), before)
    for score, norm, gain in zip(
        ep.importance.weight_norm(folded), norms, regulariser.gains, strict=True
    ):
        torch.testing.assert_close(score, norm * gain.gain.detach().abs())


def test_a_stronger_penalty_shortens_more_nodes(data: Data) -> None:
    model = ep.mlp([8, 30, 4], layer="dense", seed=1)
    options = {"epochs": 100, "batch_size": 40, "learning_rate": 0.01}
    short = []
    for strength in (0.0, 0.002, 0.02):
        trained, _ = ep.train(model, *data, regulariser=GateL1(strength), **options)
        norms = ep.importance.weight_norm(trained)[0]
        short.append(int((norms < 0.02 * norms.max()).sum()))
        # The short nodes can therefore be removed at little cost.
        smaller = ep.compact(trained, ep.select_nodes([norms], short[-1] / 30))
        assert ep.evaluate(smaller, *data)[0] > 0.9
    assert short[0] == 0 and short[0] < short[1] < short[2]
