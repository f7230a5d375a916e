"""Hard concrete gates: their distribution, their fold into the weights, and nodes that close."""

import copy

import pytest
import torch
from torch import Tensor

import eigenprune as ep
from eigenprune import seeds
from eigenprune.regularisers import HardConcrete
from eigenprune.regularisers.hard_concrete import HardConcreteGate

Data = tuple[Tensor, Tensor]


def gate(log_alpha: list[float]) -> HardConcreteGate:
    made = HardConcreteGate(len(log_alpha), seeds.generator(1, "test"))
    with torch.no_grad():
        made.log_alpha.copy_(torch.tensor(log_alpha))
    return made


def test_the_chance_to_be_open_is_what_many_draws_say() -> None:
    made = gate([-3.0, -1.0, 0.0, 1.0, 3.0])
    draws = torch.stack([made.draw().detach() for _ in range(20_000)])
    assert draws.min() >= 0 and draws.max() <= 1
    shares = (draws > 0).double().mean(dim=0)
    torch.testing.assert_close(
        shares, made.chance_to_be_open().detach().double(), atol=0.01, rtol=0
    )
    # Exactly 0 and exactly 1 both occur, and so do gates in between.
    assert all(((draws == 0) | (draws == 1)).any(dim=0))
    assert (
        (draws[:, 2] == 0).any() and (draws[:, 2] == 1).any() and draws[:, 2].unique().numel() > 9
    )


def test_gates_of_evaluation() -> None:
    made = gate([-9.0, 0.0, 9.0]).eval()
    assert made.fixed().tolist() == [0.0, 0.5, 1.0]
    inputs = torch.rand(4, 3)
    assert torch.equal(made(inputs), inputs * torch.tensor([0.0, 0.5, 1.0]))


def test_the_gradient_reaches_the_gates() -> None:
    made = gate([0.0] * 50)
    made(torch.ones(3, 50)).sum().backward()
    assert int(made.log_alpha.grad.count_nonzero()) > 10


@pytest.mark.parametrize("activation", ["relu", "tanh", "elu"])
@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_the_fold_is_exact_and_a_closed_gate_scores_zero(layer: str, activation: str) -> None:
    options = {"eigenvalues_in": True} if layer == "spectral" else {}
    model = ep.mlp([8, 5, 4, 3], layer=layer, activation=activation, bias=True, seed=1, **options)
    regulariser = HardConcrete(0.1)
    gated = regulariser.prepare(model.double(), torch.zeros(1, 8), seed=0).eval()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for made in regulariser.gates:
            made.log_alpha.normal_(generator=generator)
        regulariser.gates[0].log_alpha[2] = -5
        inputs = torch.randn(7, 8, generator=generator, dtype=torch.float64)
        before = copy.deepcopy(gated)(inputs)
        folded = regulariser.finish(gated)
        torch.testing.assert_close(folded(inputs), before)
    scores = ep.importance.weight_norm_in_out(folded)
    assert scores[0][2] == 0 and int(scores[0].count_nonzero()) == 4
    assert ep.importance.weight_norm(folded)[0][2] > 0


def test_a_stronger_penalty_closes_more_gates(data: Data) -> None:
    model = ep.mlp([8, 30, 4], layer="dense", seed=1)
    options = {"epochs": 120, "batch_size": 40, "learning_rate": 0.02}
    scores = [
        ep.importance.weight_norm_in_out(
            ep.train(model, *data, regulariser=HardConcrete(strength), **options)[0]
        )[0]
        for strength in (0.0, 0.02, 10.0)
    ]
    closed = [int((score == 0).sum()) for score in scores]
    assert closed[0] < closed[1] < closed[2] == 30
