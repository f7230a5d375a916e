"""Synaptic flow: it is conserved, it is the sum over paths, and why nodes are ranked in rounds."""

import pytest
import torch
from torch import nn

import eigenprune as ep
from eigenprune.networks import as_dense, fully_connected
from eigenprune.synflow import iterative_synflow, synaptic_flow

WIDTHS = [6, 5, 4, 3]


@pytest.fixture(params=["dense", "spectral"])
def model(request: pytest.FixtureRequest) -> nn.Sequential:
    return ep.mlp(WIDTHS, layer=request.param, seed=3).double()


def test_the_flow_is_conserved_and_is_the_sum_over_paths(model: nn.Sequential) -> None:
    a, b, c = (layer.weight.detach().abs() for layer in fully_connected(model))
    first, second = synaptic_flow(model)
    paths = torch.einsum("ij,ki,lk->ik", a, b, c)
    torch.testing.assert_close(first, paths.sum(dim=1))
    torch.testing.assert_close(second, paths.sum(dim=0))


def test_the_flow_without_some_nodes_is_that_of_the_network_without_them(
    model: nn.Sequential,
) -> None:
    masks = ep.select_nodes(synaptic_flow(model), 0.4)
    smaller = synaptic_flow(ep.compact(model, masks))
    for flow, mask, wanted in zip(synaptic_flow(model, masks), masks, smaller, strict=True):
        torch.testing.assert_close(flow[mask], wanted)
        assert not flow[~mask].any()


def test_one_node_a_round_in_the_order_of_the_flow_of_what_is_left(model: nn.Sequential) -> None:
    """The plain reference: find the node with the least flow, remove it, and repeat."""
    masks = [torch.ones(n, dtype=torch.bool) for n in WIDTHS[1:-1]]
    order = []
    while any(mask.sum() > 1 for mask in masks):
        least = min(
            (float(flow[node]), layer, node)
            for layer, flow in enumerate(synaptic_flow(model, masks))
            for node in range(len(flow))
            if masks[layer][node] and masks[layer].sum() > 1
        )
        masks[least[1]][least[2]] = False
        order.append(least[1:])
    scores = iterative_synflow(model, rounds=10_000)  # no two nodes in one round
    nodes = [(layer, node) for layer, score in enumerate(scores) for node in range(len(score))]
    ranked = sorted(nodes, key=lambda place: float(scores[place[0]][place[1]]))
    assert ranked[: len(order)] == order


def test_rounds_keep_the_wide_layer_that_one_round_empties() -> None:
    """The control: the flow of the whole network, computed once."""
    model = ep.mlp([10, 60, 6, 10], layer="dense", seed=1)
    wide_left = [
        int(ep.select_nodes(scores, 0.9)[0].sum())
        for scores in (synaptic_flow(model), iterative_synflow(model, rounds=1),
                       iterative_synflow(model))
    ]  # fmt: skip
    assert wide_left[0] == wide_left[1] == 1
    assert wide_left[2] >= 3


def test_the_gauge_does_not_matter() -> None:
    spectral = ep.mlp(WIDTHS, seed=3).double()
    with torch.no_grad():
        spectral[0].eigenvalues_out.mul_(-3)
        spectral[0].eigenvectors.div_(-3)
    for one, other in zip(
        iterative_synflow(spectral), iterative_synflow(as_dense(spectral)), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_no_rounds_are_refused(model: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="rounds=0: a whole number, 1 or more"):
        iterative_synflow(model, rounds=0)
    with pytest.raises(ValueError, match=r"rounds=1\.5: a whole number"):
        iterative_synflow(model, rounds=1.5)
