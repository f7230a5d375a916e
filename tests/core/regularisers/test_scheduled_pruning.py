"""Pruning while training: the schedule, which nodes go, and undisturbed training of the rest."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.counts import nodes_removed
from eigenprune.networks import fully_connected, hidden_layers
from eigenprune.regularisers import (
    REGULARISERS,
    AveragedTaylorPruning,
    EigenvaluePruning,
    GradientPruning,
    NormPruning,
    RandomPruning,
    TaylorPruning,
)
from eigenprune.regularisers.scaling import scale_incoming, scale_outgoing
from eigenprune.regularisers.scheduled_pruning import ScheduledPruning

Data = tuple[Tensor, Tensor]


def silent(model: nn.Sequential) -> Tensor:
    return torch.cat(ep.importance.weight_norm(model)) == 0


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters())


KINDS = [
    ("dense", GradientPruning),
    ("spectral", GradientPruning),
    ("dense", NormPruning),
    ("spectral", NormPruning),
    ("spectral", EigenvaluePruning),
    ("dense", TaylorPruning),
    ("spectral", TaylorPruning),
    ("dense", RandomPruning),
    ("spectral", RandomPruning),
]


@pytest.mark.parametrize(
    ("layer", "regulariser"),
    [*KINDS, ("dense", AveragedTaylorPruning), ("spectral", AveragedTaylorPruning)],
)
def test_the_share_follows_the_schedule(
    layer: str, regulariser: type[ScheduledPruning], data: Data
) -> None:
    seen: list[int] = []
    model = ep.mlp([8, 20, 20, 4], layer=layer, activation="tanh", bias=True, seed=1)
    trained, _ = ep.train(
        model, *data, epochs=8, batch_size=30, learning_rate=0.01, regulariser=regulariser(0.7),
        watch=lambda epoch, model: seen.append(sum(m.out_features for m in hidden_layers(model))),
    )  # fmt: skip
    last = 8 * regulariser.UNTIL
    shares = [0.7 * (1 - (1 - min(epoch, last) / last) ** 3) for epoch in range(9)]
    layers = 2 if regulariser.SCOPE == "layer" else 1
    assert seen == [40 - layers * nodes_removed(share, 40 // layers) for share in shares]
    assert int(silent(trained).sum()) == 28
    # The bias is zero too: leaving a removed node out changes nothing.
    scores = ep.importance.weight_norm(trained)
    smaller = ep.compact(trained, ep.select_nodes(scores, 0.7))
    torch.testing.assert_close(smaller(data[0]), trained(data[0]))


def masking(fast: type[ScheduledPruning]) -> type[ScheduledPruning]:
    """The plain reference: nothing shrinks, removed nodes are set to zero after every step."""

    class Masking(fast):  # type: ignore[misc, valid-type]
        def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
            self.silent = [
                torch.zeros(layer.out_features, dtype=torch.bool) for layer in hidden_layers(model)
            ]
            return super().prepare(model, inputs, seed)

        def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
            super().after_step(model, learning_rate)
            self.silence(model)

        def rank(self, model: nn.Sequential) -> list[Tensor]:
            ranked = super().rank(model)
            return [r.masked_fill(s, -1) for r, s in zip(ranked, self.silent, strict=True)]

        def remove(
            self, model: nn.Sequential, masks: list[Tensor], optimiser: torch.optim.Optimizer
        ) -> None:
            self.silent = [~mask for mask in masks]
            self.silence(model)

        def silence(self, model: nn.Sequential) -> None:
            for layer, reader, silent in zip(
                hidden_layers(model), fully_connected(model)[1:], self.silent, strict=True
            ):
                scale_incoming(layer, (~silent).double())
                scale_outgoing(reader, (~silent).double())  # affects nothing but norms

        def finish(self, model: nn.Sequential) -> nn.Sequential:
            return model

    return Masking


@pytest.mark.parametrize("options", [{}, {"eigenvalues_in": True}])
@pytest.mark.parametrize(("layer", "regulariser"), KINDS)
def test_what_is_left_trains_as_if_the_others_were_silent(
    layer: str, regulariser: type[ScheduledPruning], options: dict[str, bool], data: Data
) -> None:
    if layer == "dense" and options:
        options = {}  # no eigenvalues
    model = ep.mlp(
        [8, 20, 20, 4], layer=layer, activation="elu", bias=True, seed=1, **options
    ).double()  # fmt: skip
    inputs, targets = data[0].double(), data[1]
    how = {"epochs": 12, "batch_size": 30, "learning_rate": 0.01}
    fast, losses = ep.train(model, inputs, targets, regulariser=regulariser(0.8), **how)
    slow, wanted = ep.train(model, inputs, targets, regulariser=masking(regulariser)(0.8), **how)
    assert losses == pytest.approx(wanted, rel=1e-9)
    assert torch.equal(silent(fast), silent(slow)) and int(silent(fast).sum()) == 32
    torch.testing.assert_close(fast(inputs), slow(inputs))
    # The control: an optimiser that forgets its state takes another path.
    forgetful = type("Forgetful", (regulariser,), {"remove": forgetting(regulariser)})
    _, others = ep.train(model, inputs, targets, regulariser=forgetful(0.8), **how)
    assert others != pytest.approx(wanted, rel=1e-9)


def forgetting(regulariser: type[ScheduledPruning]) -> Callable[..., None]:
    def remove(
        self: ScheduledPruning,
        model: nn.Sequential,
        masks: list[Tensor],
        optimiser: torch.optim.Optimizer,
    ) -> None:
        regulariser.remove(self, model, masks, optimiser)
        optimiser.state.clear()

    return remove


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
        # The weight and gradient are those of w itself, whatever the parameters of the layer.
        wanted = 0.999 * wanted + 0.001 * ep.saliency.snip(model, *batch)[0]
    torch.testing.assert_close(regulariser.scores[0], wanted)


class Gate(nn.Module):
    """Multiplies each node by a gate whose value is 1."""

    def __init__(self, nodes: int) -> None:
        super().__init__()
        self.gates = nn.Parameter(torch.ones(nodes, dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.gates


@pytest.mark.parametrize("gauge", [1.0, -3.0])
@pytest.mark.parametrize("options", [{}, {"eigenvalues_in": True}, {"frozen": ["eigenvalues_out"]}])
def test_taylor_is_the_squared_gradient_of_a_gate_whatever_the_layer(
    options: dict[str, object], gauge: float, data: Data
) -> None:
    spectral = ep.mlp([8, 6, 5, 4], activation="tanh", seed=1, **options).double()
    if "eigenvalues_in" not in options:
        with torch.no_grad():
            spectral[0].eigenvalues_out.mul_(gauge)
            spectral[0].eigenvectors.div_(gauge)
    inputs, targets = data[0].double(), data[1]
    dense = ep.networks.as_dense(spectral)
    gate = Gate(6)
    gated = nn.Sequential(dense[0], gate, *dense[1:])
    nn.functional.cross_entropy(gated(inputs), targets).backward()
    wanted = gate.gates.grad**2
    for model in (spectral, dense):
        regulariser = TaylorPruning(0.5)
        regulariser.prepare(model, inputs, seed=0)
        model.zero_grad()
        regulariser.loss(model, inputs, targets).backward()
        torch.testing.assert_close(regulariser.worth(model[0]).detach(), wanted)


def test_the_lowest_scores_go_first() -> None:
    model = ep.mlp([8, 4, 3, 2], layer="dense", seed=1)
    regulariser = GradientPruning(0.5)
    regulariser.prepare(model, torch.zeros(1, 8), seed=0)
    regulariser.scores = [torch.tensor([4.0, 1.0, 3.0, 9.0]), torch.tensor([2.0, 8.0, 0.5])]
    regulariser.after_epoch(model, adam(model), 1, 1)
    assert [kept.tolist() for kept in regulariser.kept] == [[0, 3], [1]]
    assert silent(regulariser.finish(model)).tolist() == [0, 1, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("name", [n for n in REGULARISERS if n.endswith("_pruning")])
def test_torch_may_begin_everything_in_double_precision(name: str, data: Data) -> None:
    model = ep.mlp([8, 20, 4], seed=1).double()
    torch.set_default_dtype(torch.float64)
    try:
        ep.train(model, data[0].double(), data[1], epochs=2, regulariser=REGULARISERS[name](0.5))
    finally:
        torch.set_default_dtype(torch.float32)


def test_every_layer_keeps_a_node(data: Data) -> None:
    model = ep.mlp([8, 6, 3, 4], layer="dense", seed=1)
    trained, _ = ep.train(model, *data, epochs=2, regulariser=GradientPruning(0.99))
    assert [int(score.count_nonzero()) for score in ep.importance.weight_norm(trained)] == [1, 1]


def test_nodes_of_use_are_kept(data: Data) -> None:
    """The control: silencing as many random nodes at the end does more harm."""
    model = ep.mlp([8, 40, 4], layer="dense", seed=1)
    options = {"epochs": 60, "batch_size": 30, "learning_rate": 0.01}
    trained, _ = ep.train(model, *data, regulariser=GradientPruning(0.8), **options)
    plain, _ = ep.train(model, *data, **options)
    random = ep.masked(plain, ep.select_nodes(ep.importance.random(plain), 0.8))
    accuracy = ep.evaluate(trained, *data)[0]
    assert accuracy > 0.9
    assert accuracy > ep.evaluate(random, *data)[0] + 0.05


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_lots_know_nothing_of_the_network_and_fall_otherwise_for_each_seed(
    layer: str, data: Data
) -> None:
    def who_is_left(seed: int, weights: int, layer: str = "dense") -> list[list[int]]:
        regulariser = RandomPruning(0.8)
        model = ep.mlp([8, 20, 20, 4], layer=layer, seed=weights)
        ep.train(model, *data, epochs=4, seed=seed, regulariser=regulariser)
        return [kept.tolist() for kept in regulariser.kept]

    assert who_is_left(1, 1) == who_is_left(1, 2) == who_is_left(1, 1, layer)
    assert who_is_left(1, 1) != who_is_left(2, 1)
    assert [len(kept) for kept in who_is_left(1, 1)] == [4, 4]


def test_eigenvalues_and_norms_rank_each_in_its_way() -> None:
    """Another gauge changes which node goes first by the eigenvalue, but not by the norm."""
    layer = ep.SpectralLinear(2, 2)
    layer.eigenvalues_out.data = torch.tensor([1.0, 2.0])
    layer.eigenvectors.data = torch.tensor([[3.0, 0.0], [1.0, 0.0]])
    model = nn.Sequential(layer, nn.ReLU(), ep.SpectralLinear(2, 2))
    for regulariser, left in ((EigenvaluePruning(0.5), 1), (NormPruning(0.5), 0)):
        copied = copy.deepcopy(model)
        regulariser.prepare(copied, torch.zeros(1, 2), seed=0)
        regulariser.after_epoch(copied, adam(copied), 1, 1)
        assert [kept.tolist() for kept in regulariser.kept] == [[left]]
