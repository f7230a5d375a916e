"""Pruning into modules: planted modules are found, and gamma does what it should."""

import itertools

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.connections import magnitude, prune_gradually, select_connections, train_masked
from eigenprune.lab.modules import (
    describe,
    find_modules,
    inside,
    modular_scores,
    normalised_cut,
    prune_to_modules,
    random_modules,
)
from eigenprune.networks import fully_connected

WIDTHS = [12, 9, 6]
# Three modules in every layer, node after node.
PLANTED = [torch.arange(n) % 3 for n in WIDTHS]


@pytest.fixture
def model() -> nn.Sequential:
    """A network with large weights inside the planted modules and small ones between them."""
    model = ep.mlp(WIDTHS, layer="dense", seed=1)
    with torch.no_grad():
        for layer, own in zip(fully_connected(model), inside(PLANTED), strict=True):
            layer.weight += layer.weight.sign()
            layer.weight[~own] *= 0.05
    return model


@pytest.fixture(scope="module")
def data() -> tuple[Tensor, Tensor]:
    inputs = torch.rand(40, WIDTHS[0], generator=torch.Generator().manual_seed(5))
    return inputs, (inputs[:, 0] * WIDTHS[-1]).long()


def untrained(network: nn.Sequential, masks: list[Tensor], step: int) -> nn.Sequential:
    return network


def share_inside(masks: list[Tensor], modules: list[Tensor]) -> float:
    own = sum(int((m & i).sum()) for m, i in zip(masks, inside(modules), strict=True))
    return own / sum(int(mask.sum()) for mask in masks)


def test_planted_modules_are_found_whatever_their_numbers(model: nn.Sequential) -> None:
    found = find_modules(model, 3)
    for one, other in zip(inside(found), inside(PLANTED), strict=True):
        assert torch.equal(one, other)
    assert all(map(torch.equal, found, find_modules(model, 3)))


def test_the_control_has_modules_of_the_same_sizes_and_a_larger_cut(model: nn.Sequential) -> None:
    control = random_modules(PLANTED, seed=1)
    assert [len(numbers) for numbers in control] == WIDTHS
    assert torch.equal(torch.cat(control).bincount(), torch.cat(PLANTED).bincount())
    assert not all(map(torch.equal, control, PLANTED))
    assert normalised_cut(model, control) > 3 * normalised_cut(model, PLANTED)


def test_the_normalised_cut_is_that_of_its_definition(model: nn.Sequential) -> None:
    for modules in (PLANTED, random_modules(PLANTED, seed=2)):
        wanted = 0.0
        for k in range(3):
            cut = volume = 0.0
            for w, (into, out) in zip(magnitude(model), itertools.pairwise(modules), strict=True):
                for i, j in itertools.product(range(w.shape[0]), range(w.shape[1])):
                    ends = int(out[i] == k) + int(into[j] == k)
                    cut += float(w[i, j]) * (ends == 1)
                    volume += float(w[i, j]) * ends
            wanted += cut / volume
        assert normalised_cut(model, modules) == pytest.approx(wanted)


def test_at_gamma_one_it_is_magnitude_pruning_bit_for_bit(
    model: nn.Sequential, data: tuple[Tensor, Tensor]
) -> None:
    def retrain(network: nn.Sequential, masks: list[Tensor], step: int) -> nn.Sequential:
        return train_masked(network, masks, *data, epochs=2, stream=f"step {step}")[0]

    modules = random_modules(PLANTED, seed=1)
    one, masks = prune_to_modules(model, modules, 0.8, gamma=1.0, steps=3, retrain=retrain)
    plain, plain_masks = prune_gradually(model, 0.8, steps=3, retrain=retrain)
    assert all(map(torch.equal, masks, plain_masks))
    assert all(map(torch.equal, one.state_dict().values(), plain.state_dict().values()))
    _, others = prune_to_modules(model, modules, 0.8, gamma=0.0, steps=3, retrain=retrain)
    assert not all(map(torch.equal, masks, others))


def test_at_gamma_zero_nothing_between_stays_while_something_inside_could(
    model: nn.Sequential,
) -> None:
    modules = random_modules(PLANTED, seed=1)
    total = sum(own.numel() for own in inside(modules))
    within = sum(int(own.sum()) for own in inside(modules))
    for kept in (within // 2, within, within + 10):
        sparsity = 1 - kept / total
        _, masks = prune_to_modules(model, modules, sparsity, gamma=0.0, steps=1, retrain=untrained)
        assert sum(int(mask.sum()) for mask in masks) == kept
        assert share_inside(masks, modules) == pytest.approx(min(within, kept) / kept)
    # Of the connections between modules, the ten strongest stay.
    between = torch.cat([s[~i] for s, i in zip(magnitude(model), inside(modules), strict=True)])
    stayed = torch.cat(
        [
            size[mask & ~own]
            for size, mask, own in zip(magnitude(model), masks, inside(modules), strict=True)
        ]
    )
    assert torch.equal(stayed.sort().values, between.sort().values[-10:])


def test_the_smaller_gamma_the_more_is_inside(model: nn.Sequential) -> None:
    modules = random_modules(PLANTED, seed=1)
    shares = [
        share_inside(select_connections(modular_scores(model, modules, gamma), 0.7), modules)
        for gamma in (0.0, 0.1, 0.3, 1.0)
    ]
    assert shares == sorted(shares, reverse=True) and shares[0] > shares[-1]


def test_absent_connections_stay_absent_at_every_gamma(
    model: nn.Sequential, data: tuple[Tensor, Tensor]
) -> None:
    for gamma in (0.0, 0.3):
        network, masks = prune_to_modules(
            model, PLANTED, 0.9, gamma=gamma, steps=4,
            retrain=lambda n, m, step: train_masked(n, m, *data, epochs=1)[0],
        )  # fmt: skip
        for layer, mask in zip(fully_connected(network), masks, strict=True):
            assert not layer.weight[~mask].any()
        assert sum(int(mask.sum()) for mask in masks) == round(0.1 * (12 * 9 + 9 * 6))


def test_what_is_described_is_what_is_there() -> None:
    # Two inputs, three hidden nodes, one output. Hidden node 1 has no input, node 2 no output.
    model = ep.mlp([2, 3, 1], layer="dense", activation="relu")
    masks = [
        torch.tensor([[True, False], [False, False], [True, True]]),
        torch.tensor([[True, True, False]]),
    ]
    with torch.no_grad():
        for layer, mask in zip(fully_connected(model), masks, strict=True):
            layer.weight.copy_(mask)
    modules = [torch.tensor([0, 1]), torch.tensor([0, 0, 1]), torch.tensor([0])]
    found = describe(model, masks, modules, torch.rand(4, 2), torch.zeros(4, dtype=torch.int64))
    assert found.accuracy == 1
    assert found.sparsity == pytest.approx(4 / 9)
    assert found.effective_sparsity == pytest.approx(7 / 9)
    assert found.share_inside == pytest.approx(4 / 5)
    assert found.dead_nodes == 2
    # Five connections, one of them between the modules; the volumes are 7 and 3.
    assert found.normalised_cut == pytest.approx(1 / 7 + 1 / 3)


def test_the_network_is_left_as_it_is(model: nn.Sequential) -> None:
    before = [parameter.clone() for parameter in model.parameters()]
    modules = find_modules(model, 3)
    prune_to_modules(model, modules, 0.9, gamma=0.1, steps=2, retrain=untrained)
    assert all(map(torch.equal, before, model.parameters()))


def test_arguments_out_of_range_are_refused(model: nn.Sequential) -> None:
    for modules in (1, 27):
        with pytest.raises(
            ValueError, match=f"modules={modules}: 2 or more, and fewer than the 27"
        ):
            find_modules(model, modules)
    with pytest.raises(ValueError, match=r"gamma=1\.5"):
        modular_scores(model, PLANTED, 1.5)
    with pytest.raises(ValueError, match=r"the layers have \[12, 9, 6\] nodes"):
        normalised_cut(model, PLANTED[1:])
