"""Networks cut to one shape: the pruned networks stay what they were."""

import pytest
import torch
from torch import Tensor

import eigenprune as ep
from eigenprune.lab.execution.one_shape import of_one_shape

SEEDS = (1, 2, 3, 4)


@pytest.fixture
def masks() -> list[list[Tensor]]:
    """Different masks for each network; one layer stays whole, and one keeps a single node."""
    generator = torch.Generator().manual_seed(3)
    drawn = [[torch.rand(n, generator=generator) < 0.5 for n in (7, 6)] for _ in SEEDS]
    drawn[1][1][:] = True
    drawn[2][0][:] = torch.arange(7) == 4
    return drawn


@pytest.mark.parametrize("options", [{"layer": "dense"}, {"eigenvalues_in": True}])
def test_pruned_further_they_are_what_they_would_be_pruned_at_once(
    masks: list[list[Tensor]], options: dict[str, object]
) -> None:
    networks = [ep.mlp([5, 7, 6, 3], seed=seed, bias=True, **options) for seed in SEEDS]
    cut = of_one_shape(networks, masks)
    for network, own, (small, left) in zip(networks, masks, cut, strict=True):
        one, other = ep.compact(small, left), ep.compact(network, own)
        assert repr(one) == repr(other)
        assert all(map(torch.equal, one.parameters(), other.parameters()))


def test_they_are_as_small_as_one_shape_can_be(masks: list[list[Tensor]]) -> None:
    networks = [ep.mlp([5, 7, 6, 3], seed=seed) for seed in SEEDS]
    widest = [max(int(own[layer].sum()) for own in masks) for layer in (0, 1)]
    assert widest[0] < 7 and widest[1] == 6
    for small, _ in of_one_shape(networks, masks):
        assert [layer.out_features for layer in list(small)[::2]] == [*widest, 3]
