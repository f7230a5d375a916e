"""Growing starts small and adds only when training stalls; its controls are about as large."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune import seeds
from eigenprune.connections import train_masked, without_absent
from eigenprune.growing import (
    Epoch,
    Grown,
    Growth,
    dense_gradients,
    grow,
    random_masks,
    small_dense,
    static_sparse,
)
from eigenprune.growing.rules import what_follows
from eigenprune.growing.steps import add_connections, add_nodes
from eigenprune.networks import fully_connected

Data = tuple[Tensor, Tensor]
BOTH = Growth(wanted_loss=0.0, max_epochs=60, tolerance=0.05, patience=2, max_nodes=16, new_nodes=2)
OPTIONS = {"batch_size": 15, "learning_rate": 0.02, "seed": 3}


@pytest.fixture(scope="module")
def data() -> Data:
    inputs = torch.rand(60, 10, generator=torch.Generator().manual_seed(5))
    return inputs, (inputs[:, 0] > 0.5).long() + (inputs[:, 1] > 0.5).long()


def first(bias: bool = False, hidden: tuple[int, ...] = (4,)) -> nn.Sequential:
    return ep.mlp([10, *hidden, 3], layer="dense", activation="tanh", bias=bias, seed=1)


@pytest.fixture(scope="module")
def grown(data: Data) -> Grown:
    return grow(first(), *data, BOTH, **OPTIONS)


def count(masks: list[Tensor]) -> int:
    return sum(int(mask.sum()) for mask in masks)


def test_it_begins_with_few_connections_and_ends_with_what_it_says(grown: Grown) -> None:
    start, end = grown.history[0], grown.history[-1]
    assert (start.nodes, start.connections) == (4, round(0.05 * 40) + 1)
    assert end.nodes == grown.network[0].out_features > 4
    assert end.connections == count(grown.masks)
    assert [epoch.epoch for epoch in grown.history] == list(range(1, len(grown.history) + 1))


def test_it_learns_more_than_it_could_without_growing(grown: Grown, data: Data) -> None:
    never = replace(BOTH, tolerance=0.0, patience=60)
    stuck = grow(first(), *data, never, **OPTIONS)
    assert {epoch.connections for epoch in stuck.history} == {3}
    assert grown.history[-1].loss < 0.7 * stuck.history[-1].loss


def test_nodes_and_connections_come_with_their_events_and_never_go(grown: Grown) -> None:
    events = {epoch.event for epoch in grown.history}
    assert {"connections", "nodes"} <= events
    for one, next_one in itertools.pairwise(grown.history):
        assert (next_one.nodes > one.nodes) == (one.event == "nodes")
        assert (next_one.connections > one.connections) == (one.event != "")
        assert next_one.nodes <= 16


def test_it_grows_only_at_the_end_of_a_stretch_that_brought_too_little(grown: Grown) -> None:
    for one, after in zip(grown.history[1::2], grown.history[3::2], strict=False):
        stalled = after.loss > 0.95 * one.loss
        assert stalled == (after.event != "") or after is grown.history[-1]
    assert all(epoch.event == "" for epoch in grown.history[0::2])


def test_absent_connections_are_exactly_zero(grown: Grown) -> None:
    for layer, mask in zip(fully_connected(grown.network), grown.masks, strict=True):
        assert not mask.all() and not layer.weight[~mask].any()
        assert layer.weight[mask].all()


def test_connections_alone_leave_the_nodes(data: Data) -> None:
    alone = replace(BOTH, max_nodes=None, max_epochs=40)
    grown = grow(first(), *data, alone, **OPTIONS)
    assert {epoch.nodes for epoch in grown.history} == {4}
    assert "nodes" not in {epoch.event for epoch in grown.history}
    assert grown.history[-1].connections > grown.history[0].connections


def test_one_seed_one_network_bit_for_bit(grown: Grown, data: Data) -> None:
    again = grow(first(), *data, BOTH, **OPTIONS)
    other = grow(first(), *data, BOTH, **{**OPTIONS, "seed": 4})
    assert again.history == grown.history != other.history
    for one, two in zip(
        grown.network.state_dict().values(), again.network.state_dict().values(), strict=True
    ):
        assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("growth", "event"),
    [
        (replace(BOTH, wanted_loss=5.0), "reached"),
        (replace(BOTH, max_epochs=5), "spent"),
        (replace(BOTH, max_nodes=None, connectivity=1.0, tolerance=0.9), "full"),
    ],
)
def test_it_ends_for_the_reason_that_it_gives(growth: Growth, event: str, data: Data) -> None:
    history = grow(first(), *data, growth, **OPTIONS).history
    assert history[-1].event == event
    assert len(history) == {"reached": 2, "spent": 5, "full": 4}[event]


FULL, HALF = [torch.ones(2, 2).bool()] * 2, [torch.eye(2).bool()] * 2


@pytest.mark.parametrize(
    ("loss", "masks", "before", "at_growth", "event"),
    [
        (0.90, HALF, 1.0, math.inf, ""),
        (0.99, HALF, 1.0, math.inf, "connections"),
        (0.99, HALF, 1.0, 1.2, "connections"),  # they helped
        (0.99, HALF, 1.0, 1.0, "nodes"),  # they did not
        (0.99, FULL, 1.0, math.inf, "nodes"),  # no connection is absent
        (math.nan, HALF, 1.0, math.inf, "diverged"),
    ],
)
def test_connections_first_and_nodes_when_these_do_not_help(
    loss: float, masks: list[Tensor], before: float, at_growth: float, event: str
) -> None:
    last = Epoch(4, loss, 2, 4)
    assert what_follows(BOTH, last, masks, before, at_growth) == event
    narrow = replace(BOTH, max_nodes=3)
    instead = {"nodes": "full" if masks is FULL else "connections"}.get(event, event)
    assert what_follows(narrow, last, masks, before, at_growth) == instead


def test_the_gradients_of_absent_connections_are_the_dense_ones(data: Data) -> None:
    inputs, targets = data[0].double(), data[1]
    model = first().double()
    masks = random_masks(model, 0.3, seeds.generator(1, "test"))
    sparse = without_absent(model, masks)
    gradients = dense_gradients(sparse, inputs, targets)
    for number, layer in enumerate(fully_connected(sparse)):
        i, j = (~masks[number]).nonzero()[0].tolist()
        losses = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                layer.weight[i, j] = step
            losses.append(ep.evaluate(sparse, inputs, targets)[1])
            with torch.no_grad():
                layer.weight[i, j] = 0
        slope = (losses[0] - losses[1]) / 2e-5
        assert slope == pytest.approx(float(gradients[number][i, j]), rel=1e-4, abs=1e-9)
        assert slope != 0


@pytest.mark.parametrize("choice", ["largest", "random"])
def test_as_many_absent_connections_are_added_as_wanted_and_the_old_keep_their_weights(
    data: Data, choice: str
) -> None:
    model, growth = first(bias=True), replace(BOTH, choice=choice, new_connections=0.2)
    masks = random_masks(model, 0.3, seeds.generator(1, "test"))
    old = without_absent(model, masks)
    new, wider = add_connections(old, masks, *data, growth, seeds.generator(2, "test"))
    assert count(wider) - count(masks) == round(0.2 * 52)
    chosen, passed_over = [], []
    for a, b, before, after, g in zip(
        fully_connected(old), fully_connected(new), masks, wider, dense_gradients(old, *data),
        strict=True,
    ):  # fmt: skip
        assert not (before & ~after).any()
        assert torch.equal(a.weight[before], b.weight[before]) and torch.equal(a.bias, b.bias)
        assert b.weight[after].all() and not b.weight[~after].any()
        chosen.append(g[after & ~before].abs())
        passed_over.append(g[~after].abs())
    least, most = float(torch.cat(chosen).min()), float(torch.cat(passed_over).max())
    assert (least >= most) == (choice == "largest")


@pytest.mark.parametrize("hidden", [(4,), (4, 5)])
def test_new_nodes_are_alive_and_the_old_keep_their_weights(hidden: tuple[int, ...]) -> None:
    model = first(bias=True, hidden=hidden)
    masks = random_masks(model, 0.3, seeds.generator(1, "test"))
    old = without_absent(model, masks)
    new, wider = add_nodes(old, masks, BOTH, seeds.generator(2, "test"))
    layers, before = fully_connected(new), fully_connected(old)
    assert [layer.out_features for layer in layers] == [n + 2 for n in hidden] + [3]
    for a, b, mask, small in zip(before, layers, wider, masks, strict=True):
        rows, columns = a.weight.shape
        assert torch.equal(b.weight[:rows, :columns], a.weight)
        assert torch.equal(mask[:rows, :columns], small)
        assert not b.weight[~mask].any() and torch.equal(b.bias[:rows], a.bias)
        assert not b.bias[rows:].any()
    for into, out in itertools.pairwise(wider):
        assert into[-2:].any(dim=1).all() and out[:, -2:].any(dim=0).all()


def test_the_static_control_has_as_many_connections_elsewhere(grown: Grown, data: Data) -> None:
    network, masks = static_sparse(grown.network, grown.masks, seed=1)
    for own, other in zip(grown.masks, masks, strict=True):
        assert own.shape == other.shape and own.sum() == other.sum()
    assert not all(map(torch.equal, grown.masks, masks))
    assert not torch.equal(network[0].weight, grown.network[0].weight)
    trained, _ = train_masked(network, masks, *data, epochs=2)
    nonzero = sum(int(layer.weight.count_nonzero()) for layer in fully_connected(trained))
    assert nonzero == grown.history[-1].connections


@pytest.mark.parametrize("hidden", [(20,), (20, 10)])
def test_the_dense_control_is_the_widest_that_has_no_more_connections(
    hidden: tuple[int, ...],
) -> None:
    model = first(hidden=hidden)
    whole = ep.parameters(model)
    assert ep.parameters(small_dense(model, whole, seed=1)) == whole
    for connections in (60, 100, 170):
        small = small_dense(model, connections, seed=1)
        width = small[0].out_features
        wider = [max(1, round(n * (width + 1) / 20)) for n in hidden]
        assert ep.parameters(small) <= connections
        assert ep.parameters(first(hidden=tuple(wider))) > connections
        assert [type(m) for m in small] == [type(m) for m in model]
    with pytest.raises(ValueError, match="connections=12"):
        small_dense(model, 12, seed=1)


def test_what_is_frozen_stays_so_while_it_grows(data: Data) -> None:
    model = first(bias=True)
    model[0].bias.requires_grad_(False)
    grown = grow(model, *data, BOTH, **OPTIONS)
    assert {"connections", "nodes"} <= {epoch.event for epoch in grown.history}
    layers = fully_connected(grown.network)
    assert not layers[0].bias.requires_grad and not layers[0].bias.any()
    assert layers[1].bias.requires_grad and layers[1].bias.any()


def test_the_first_network_is_left_as_it_is(data: Data) -> None:
    model = first()
    before = [parameter.clone() for parameter in model.parameters()]
    grow(model, *data, replace(BOTH, max_epochs=8), **OPTIONS)
    assert all(map(torch.equal, before, model.parameters()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_epochs", 0),
        ("patience", 0),
        ("new_nodes", 0),
        ("connectivity", 0.0),
        ("new_connections", 1.5),
        ("patience", 2.5),
        ("max_nodes", -3),
        ("wanted_loss", math.nan),
        ("tolerance", 1.0),
        ("choice", "best"),
    ],
)
def test_rules_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        replace(BOTH, **{name: value})


def test_a_network_that_is_too_large_or_has_no_hidden_layer_is_refused(data: Data) -> None:
    with pytest.raises(ValueError, match="max_nodes=3: 4 hidden nodes"):
        grow(first(), *data, replace(BOTH, max_nodes=3))
    with pytest.raises(ValueError, match="no hidden layer"):
        grow(ep.mlp([10, 3], layer="dense"), *data, BOTH)


def test_the_control_takes_only_masks_that_fit() -> None:
    with pytest.raises(ValueError, match="masks of shapes"):
        static_sparse(first(), [torch.ones(4, 10) > 0], seed=1)
