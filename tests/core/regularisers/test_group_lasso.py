"""Group lasso: the proximal step against its definition, and whole nodes that vanish."""

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.regularisers import GroupLasso

Data = tuple[Tensor, Tensor]


def stepped(model: nn.Sequential, strength: float, learning_rate: float) -> list[Tensor]:
    """Incoming weights and biases of the hidden nodes after one proximal step."""
    regulariser = GroupLasso(strength)
    regulariser.prepare(model, torch.zeros(1, 8), seed=0)
    regulariser.after_step(model, learning_rate)
    return rows(model)


def rows(model: nn.Sequential) -> list[Tensor]:
    return [
        torch.cat([layer.weight, layer.bias[:, None]], dim=1).detach().clone()
        for layer in (model[0], model[2])
    ]


def network(layer: str) -> nn.Sequential:
    options = {"eigenvalues_in": True} if layer == "spectral" else {}
    model = ep.mlp([8, 6, 5, 4], layer=layer, bias=True, seed=1, **options).double()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for module in (model[0], model[2]):
            module.bias.normal_(generator=generator).mul_(0.1)
    return model


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_the_step_solves_its_problem(layer: str) -> None:
    """v = argmin ||v - w||^2 / 2 + t ||v||, by the conditions of the optimum."""
    model = network(layer)
    before = rows(model)
    # A step just longer than the norm of the middle node: some vanish, some stay.
    t = 1.000001 * float(torch.cat([w.norm(dim=1) for w in before]).median())
    after = stepped(model, strength=t / 0.01, learning_rate=0.01)
    silent = 0
    for ws, vs in zip(before, after, strict=True):
        for w, v in zip(ws, vs, strict=True):
            if v.norm() > 0:
                torch.testing.assert_close(v - w + t * v / v.norm(), torch.zeros_like(v))
            else:
                assert w.norm() <= t
                silent += 1
    assert silent == 6  # the median of eleven, and the five below it


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_the_output_layer_stays(layer: str) -> None:
    model = network(layer)
    before = model[4].weight.detach().clone()
    stepped(model, strength=1e9, learning_rate=1.0)
    assert torch.equal(before, model[4].weight)


def test_a_silent_node_stays_a_number() -> None:
    model = network("dense")
    with torch.no_grad():
        model[0].weight[1], model[0].bias[1] = 0, 0
    assert all(bool(row.isfinite().all()) for row in stepped(model, 1.0, 0.01))


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_whole_nodes_vanish_and_can_be_removed_for_nothing(layer: str, data: Data) -> None:
    model = ep.mlp([8, 40, 4], layer=layer, seed=1)
    options = {"epochs": 60, "batch_size": 30, "learning_rate": 0.01}
    plain, _ = ep.train(model, *data, **options)
    trained, _ = ep.train(model, *data, regulariser=GroupLasso(0.4), **options)
    norms = ep.importance.weight_norm(trained)[0]
    assert int(ep.importance.weight_norm(plain)[0].count_nonzero()) == 40
    gone = int((norms == 0).sum())
    assert 8 <= gone < 40
    accuracy = ep.evaluate(trained, *data)[0]
    assert accuracy > 0.9
    smaller = ep.compact(trained, ep.select_nodes([norms], gone / 40))
    assert smaller[0].out_features == 40 - gone
    assert ep.evaluate(smaller, *data)[0] == accuracy
