"""Single connections: the right ones go and the absent stay zero."""

import itertools

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune import connections
from eigenprune.connections import (
    cubic_sparsity,
    magnitude,
    prune_gradually,
    select_connections,
    train_masked,
    without_absent,
)
from eigenprune.networks import as_dense, fully_connected

Data = tuple[Tensor, Tensor]
WIDTHS = [6, 5, 4, 3]


@pytest.fixture(scope="module")
def data() -> Data:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.rand(50, 6, generator=generator)
    return inputs, (inputs[:, 0] * 3).long()


@pytest.fixture
def model() -> nn.Sequential:
    return ep.mlp(WIDTHS, layer="dense", bias=True, seed=1)


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


def count(masks: list[Tensor]) -> int:
    return sum(int(mask.sum()) for mask in masks)


def untrained(network: nn.Sequential, masks: list[Tensor], step: int) -> nn.Sequential:
    return network


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.95, 1.0])
def test_the_strongest_stay_and_as_many_as_wanted(model: nn.Sequential, sparsity: float) -> None:
    scores = magnitude(model)
    masks = select_connections(scores, sparsity)
    total = sum(a * b for a, b in itertools.pairwise(WIDTHS))
    assert count(masks) == round(total * (1 - sparsity))
    kept = torch.cat([score[mask] for score, mask in zip(scores, masks, strict=True)])
    gone = torch.cat([score[~mask] for score, mask in zip(scores, masks, strict=True)])
    if len(kept) and len(gone):
        assert kept.min() > gone.max()


def test_of_equal_scores_the_earlier_stays() -> None:
    first, second = select_connections([torch.ones(1, 3), torch.ones(2, 1)], 0.4)
    assert first.all() and not second.any()


def test_what_is_gone_does_not_come_back() -> None:
    present = [torch.tensor([[False, True, True]])]
    (mask,) = select_connections([torch.tensor([[9.0, 1.0, 2.0]])], 2 / 3, present=present)
    assert mask.tolist() == [[False, False, True]]
    with pytest.raises(ValueError, match="3 connections would stay, and 2 are there"):
        select_connections([torch.ones(1, 3)], 0.0, present=present)


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_with_all_connections_it_is_plain_training_bit_for_bit(data: Data, layer: str) -> None:
    model = ep.mlp(WIDTHS, layer=layer, seed=1)
    everything = [torch.ones_like(layer.weight).bool() for layer in fully_connected(model)]
    options = {"epochs": 3, "batch_size": 7, "seed": 2, "learning_rate": 0.01, "stream": "a"}
    plain, losses = ep.train(as_dense(model), *data, **options)
    masked, masked_losses = train_masked(model, everything, *data, **options)
    assert same(plain, masked) and losses == masked_losses


def test_absent_connections_stay_exactly_zero_and_the_others_learn(
    data: Data, model: nn.Sequential
) -> None:
    masks = select_connections(magnitude(model), 0.6)
    before = without_absent(model, masks)
    trained, losses = train_masked(
        model, masks, *data, epochs=20, batch_size=10, learning_rate=0.01
    )
    assert losses[-1] < losses[0]
    for old, new, mask in zip(
        fully_connected(before), fully_connected(trained), masks, strict=True
    ):
        assert not old.weight[~mask].any() and not new.weight[~mask].any()
        assert not torch.equal(old.weight[mask], new.weight[mask])


def test_equals_a_network_that_has_no_other_weights(data: Data) -> None:
    # Products with the mask: no gradient reaches an absent connection at all.
    class Product(nn.Module):
        def __init__(self, mask: Tensor) -> None:
            super().__init__()
            self.mask = mask

        def forward(self, weight: Tensor) -> Tensor:
            return weight * self.mask

    model = ep.mlp(WIDTHS, layer="dense", seed=1).double()
    masks = select_connections(magnitude(model), 0.5)
    inputs, targets = data[0].double(), data[1]
    trained, _ = train_masked(model, masks, inputs, targets, epochs=4, batch_size=50)
    plain = as_dense(model)
    for layer, mask in zip(fully_connected(plain), masks, strict=True):
        torch.nn.utils.parametrize.register_parametrization(layer, "weight", Product(mask))
    adam = torch.optim.Adam(plain.parameters(), lr=1e-3, eps=1e-7)
    for _ in range(4):
        adam.zero_grad()
        nn.functional.cross_entropy(plain(inputs), targets).backward()
        adam.step()
    for one, other in zip(fully_connected(trained), fully_connected(plain), strict=True):
        torch.testing.assert_close(one.weight, other.weight, rtol=1e-6, atol=1e-8)


def test_the_schedule_begins_at_nothing_rises_and_ends_where_it_should() -> None:
    values = [cubic_sparsity(step, 7, 0.98) for step in range(8)]
    assert values[0] == 0 and values[-1] == 0.98
    steps = [b - a for a, b in itertools.pairwise(values)]
    assert all(a > b > 0 for a, b in itertools.pairwise(steps))


def test_gradual_pruning_passes_nested_masks_at_the_sparsities_of_the_schedule(
    data: Data, model: nn.Sequential
) -> None:
    seen: list[list[Tensor]] = []

    def retrain(network: nn.Sequential, masks: list[Tensor], step: int) -> nn.Sequential:
        assert step == len(seen) + 1
        seen.append(masks)
        return train_masked(network, masks, *data, epochs=1, stream=f"step {step}")[0]

    network, masks = prune_gradually(model, 0.9, steps=4, retrain=retrain)
    total = sum(mask.numel() for mask in masks)
    for step, at in enumerate(seen, start=1):
        assert count(at) == total - round(total * cubic_sparsity(step, 4, 0.9))
    for one, next_one in itertools.pairwise(seen):
        assert not any((b & ~a).any() for a, b in zip(one, next_one, strict=True))
    assert all(map(torch.equal, seen[-1], masks))
    assert sum(int(n.weight.count_nonzero()) for n in fully_connected(network)) == count(masks)


def test_without_training_gradual_pruning_is_pruning_at_once(model: nn.Sequential) -> None:
    at_once = select_connections(magnitude(model), 0.8)
    for steps in (1, 5):
        network, masks = prune_gradually(model, 0.8, steps=steps, retrain=untrained)
        assert all(map(torch.equal, masks, at_once))
        assert same(network, without_absent(model, at_once))


def test_retraining_that_brings_connections_back_is_refused(
    data: Data, model: nn.Sequential
) -> None:
    with pytest.raises(ValueError, match="it gave absent connections weight"):
        prune_gradually(
            model,
            0.5,
            steps=2,
            retrain=lambda network, _, __: ep.train(network, *data, epochs=1)[0],
        )


def test_the_network_is_left_as_it_is(data: Data, model: nn.Sequential) -> None:
    before = {key: value.clone() for key, value in model.state_dict().items()}
    masks = select_connections(magnitude(model), 0.5)
    train_masked(model, masks, *data, epochs=1)
    prune_gradually(model, 0.5, steps=2, retrain=untrained)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_arguments_out_of_range_are_refused(data: Data, model: nn.Sequential) -> None:
    with pytest.raises(ValueError, match=r"sparsity=1\.5"):
        select_connections(magnitude(model), 1.5)
    with pytest.raises(ValueError, match="NaN"):
        select_connections([torch.tensor([[float("nan")]])], 0.5)
    with pytest.raises(ValueError, match="step=3, steps=2"):
        cubic_sparsity(3, 2, 0.5)
    with pytest.raises(ValueError, match=r"sparsity=-0\.1"):
        prune_gradually(model, -0.1, steps=1, retrain=untrained)
    with pytest.raises(ValueError, match=r"\[\(5, 6\)\]: \[\(5, 6\), .* wanted"):
        train_masked(model, [torch.ones(5, 6).bool()], *data, epochs=1)
    with pytest.raises(ValueError, match="dtype bool"):
        without_absent(model, connections.magnitude(model))


def test_masks_of_what_is_present_must_fit_the_scores() -> None:
    scores = [torch.rand(5, 6), torch.rand(3, 5)]
    present = [torch.ones(5, 6) > 0, torch.ones(3, 5) > 0]
    for wrong in ([], present[:1], present[::-1], [mask.flatten() for mask in present]):
        with pytest.raises(ValueError, match=r"^masks of shapes .*: \[\(5, 6\), \(3, 5\)\] wanted"):
            select_connections(scores, 0.5, present=wrong)
    with pytest.raises(ValueError, match="dtype bool"):
        select_connections(scores, 0.5, present=scores)
    with pytest.raises(ValueError, match=r"^masks: a Tensor, and a list"):
        select_connections(scores, 0.5, present=present[0])
    with pytest.raises(ValueError, match=r"^scores: an empty list"):
        select_connections([], 0.5)
    with pytest.raises(ValueError, match=r"steps=2\.5: a whole number"):
        cubic_sparsity(1, 2.5, 0.5)
