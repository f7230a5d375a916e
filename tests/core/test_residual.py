"""Residual networks: what they compute, how they are trained, and nodes that leave the stream."""

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.regularisers.feature_flow import curvature, length, trajectories
from eigenprune.residual import Residual, train_residual

Data = tuple[Tensor, Tensor]
OPTIONS = {"epochs": 20, "batch_size": 40, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def data() -> Data:
    inputs = torch.rand(120, 8, generator=torch.Generator().manual_seed(5))
    return inputs, (inputs[:, 0] > 0.5).long() + (inputs[:, 1] > 0.5).long()


def network(layer: str = "dense", activation: str = "tanh", bias: bool = False) -> Residual:
    layers = ep.mlp([8, 6, 6, 6, 3], layer=layer, activation=activation, bias=bias, seed=1)
    return Residual(layers)


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_each_layer_adds_to_what_it_reads(layer: str, data: Data) -> None:
    model, (inputs, _) = network(layer, bias=True), data
    first, second, third, last = (model.layers[index] for index in (0, 2, 4, 6))
    one = torch.tanh(first(inputs))
    two = one + torch.tanh(second(one))
    three = two + torch.tanh(third(two))
    points, logits = model.flow(inputs)
    assert torch.equal(points, torch.stack([one, two, three]))
    assert torch.equal(logits, last(three)) and torch.equal(model(inputs), logits)


def test_layers_without_weights_leave_their_input_as_it_is(data: Data) -> None:
    """This is so with skips; without them, nothing passes through such a layer."""
    model = network()
    with torch.no_grad():
        for index in (2, 4):
            model.layers[index].weight.zero_()
    points, _ = model.flow(data[0])
    assert length(points).tolist() == [0.0] * 120 and bool(points.any())
    assert not trajectories(model.layers, data[0])[1:].any()


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_a_removed_node_is_one_without_weights_in_any_layer(layer: str, data: Data) -> None:
    model, keep = network(layer), torch.tensor([True, False, True, True, False, True])
    silent = network(layer)
    with torch.no_grad():
        for index in (0, 2, 4):
            module = silent.layers[index]
            rows = module.weight if isinstance(module, nn.Linear) else module.eigenvectors
            rows[~keep] = 0
    small = model.keep_nodes(keep)
    torch.testing.assert_close(small(data[0]), silent(data[0]))
    assert small.flow(data[0])[0].shape == (3, 120, 4)
    assert not torch.allclose(small(data[0]), model(data[0]))
    assert torch.equal(model(data[0]), network(layer)(data[0]))


def test_nothing_removed_is_the_same_network(data: Data) -> None:
    same = network().keep_nodes(torch.ones(6, dtype=torch.bool))
    assert torch.equal(same(data[0]), network()(data[0]))


@pytest.mark.parametrize("keep", [torch.zeros(6, dtype=torch.bool), torch.ones(5) > 0])
def test_masks_that_empty_or_do_not_fit_are_refused(keep: Tensor) -> None:
    with pytest.raises(ValueError, match="mask"):
        network().keep_nodes(keep)


def test_training_goes_down_the_slope_of_the_network_with_skips(data: Data) -> None:
    """The same as Adam written out for the network itself, but not for the plain one."""
    model = network()
    trained, losses = train_residual(model, *data, epochs=3, batch_size=120, learning_rate=0.01)
    plain, _ = ep.train(model.layers, *data, epochs=3, batch_size=120, learning_rate=0.01)
    written = network()
    adam = torch.optim.Adam(written.parameters(), lr=0.01, eps=1e-7)
    for loss in losses:
        value = nn.functional.cross_entropy(written(data[0]), data[1])
        assert loss == pytest.approx(value.item(), abs=1e-6)
        adam.zero_grad()
        value.backward()
        adam.step()
    torch.testing.assert_close(trained(data[0]), written(data[0]), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(trained.layers[0].weight, plain[0].weight, atol=1e-3)
    assert torch.equal(model(data[0]), network()(data[0]))


def test_coefficients_make_ways_short_or_straight(data: Data) -> None:
    plain, _ = train_residual(network(), *data, **OPTIONS)
    for coefficient, measure in (("k1", length), ("k2", curvature)):
        trained, _ = train_residual(network(), *data, **OPTIONS, **{coefficient: 0.3})
        long, short = (float(measure(m.flow(data[0])[0]).detach().mean()) for m in (plain, trained))
        assert short < 0.9 * long


def test_what_ranks_or_removes_single_nodes_refuses_them() -> None:
    model = network()
    for refused in (
        ep.importance.weight_norm,
        lambda m: ep.compact(m, [torch.ones(6, dtype=torch.bool)] * 3),
        lambda m: ep.masked(m, [torch.ones(6, dtype=torch.bool)] * 3),
    ):
        with pytest.raises(ValueError, match="a Residual: nodes are found in an nn"):
            refused(model)


def test_other_widths_and_too_few_layers_are_refused(data: Data) -> None:
    for widths in ([8, 6, 5, 3], [8, 3]):
        with pytest.raises(ValueError, match="hidden layer"):
            Residual(ep.mlp(widths))
    with pytest.raises(ValueError, match="at least 3 wanted"):
        train_residual(Residual(ep.mlp([8, 6, 6, 3])), *data, k2=0.1, epochs=1)


def test_arguments_of_train_residual_are_named_when_refused(data: Data) -> None:
    with pytest.raises(ValueError, match=r"^model: a Sequential, and a Residual is wanted"):
        train_residual(ep.mlp([8, 6, 3]), *data, epochs=1)
    for name in ("k1", "k2"):
        with pytest.raises(ValueError, match=rf"^{name}=-1: 0 or more"):
            train_residual(Residual(ep.mlp([8, 6, 3])), *data, epochs=1, **{name: -1})
