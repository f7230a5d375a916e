"""Choosing nodes: laws, and a slow plain reference with lists and `sorted`."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from eigenprune import select_nodes
from eigenprune.pruning import SCOPES

# Few different values, so that many nodes are equal; zeros of both signs are equal too.
SCORES = st.lists(
    st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.5, 3.0, math.inf]), min_size=1, max_size=8),
    min_size=1,
    max_size=4,
)
RATIOS = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


def tensors(scores: list[list[float]]) -> list[Tensor]:
    return [torch.tensor(layer) for layer in scores]


def lists(masks: list[Tensor]) -> list[list[bool]]:
    return [mask.tolist() for mask in masks]


def plain(scores: list[list[float]], ratio: float, scope: str, minimum: int) -> list[list[bool]]:
    """The rule of `select_nodes`, one node at a time."""
    if scope == "layer":
        return [plain([layer], ratio, "global", minimum)[0] for layer in scores]
    keep = [[True] * len(layer) for layer in scores]
    nodes = [(score, k, i) for k, layer in enumerate(scores) for i, score in enumerate(layer)]
    to_remove = math.floor(Fraction(str(ratio)) * len(nodes) + Fraction(1, 2))
    for _, k, i in sorted(nodes, key=lambda node: (node[0], -node[1], -node[2])):
        if to_remove and sum(keep[k]) > minimum:
            keep[k][i] = False
            to_remove -= 1
    return keep


@given(SCORES, RATIOS, st.sampled_from(SCOPES), st.integers(1, 4))
def test_equals_the_plain_reference(
    scores: list[list[float]], ratio: float, scope: str, minimum: int
) -> None:
    chosen = select_nodes(tensors(scores), ratio, scope=scope, minimum_per_layer=minimum)
    assert all(mask.dtype == torch.bool for mask in chosen)
    assert lists(chosen) == plain(scores, ratio, scope, minimum)


@given(st.integers(1, 300), st.integers(0, 100))
def test_the_number_removed_is_exact(nodes: int, percent: int) -> None:
    (mask,) = select_nodes([torch.arange(float(nodes))], percent / 100)
    wanted = (2 * percent * nodes + 100) // 200  # floor(r n + 1/2) in whole numbers
    assert int((~mask).sum()) == min(wanted, nodes - 1)
    # Only the lowest scores went.
    assert mask.tolist() == sorted(mask.tolist())


def test_products_that_floats_round_down_are_still_exact() -> None:
    assert 0.29 * 50 < 14.5
    assert int((~select_nodes([torch.arange(50.0)], 0.29)[0]).sum()) == 15


@given(SCORES, RATIOS, RATIOS, st.sampled_from(SCOPES), st.integers(1, 3))
def test_masks_are_nested(
    scores: list[list[float]], one: float, other: float, scope: str, minimum: int
) -> None:
    low, high = sorted([one, other])
    fewer, more = (
        select_nodes(tensors(scores), ratio, scope=scope, minimum_per_layer=minimum)
        for ratio in (low, high)
    )
    assert all(bool((kept | ~stays).all()) for kept, stays in zip(fewer, more, strict=True))


@given(SCORES, RATIOS, st.integers(1, 9))
def test_every_layer_keeps_its_best_nodes(
    scores: list[list[float]], ratio: float, minimum: int
) -> None:
    masks = select_nodes(tensors(scores), ratio, minimum_per_layer=minimum)
    for layer, mask in zip(scores, masks, strict=True):
        assert int(mask.sum()) >= min(minimum, len(layer))
        kept = [score for score, stays in zip(layer, mask.tolist(), strict=True) if stays]
        gone = [score for score, stays in zip(layer, mask.tolist(), strict=True) if not stays]
        assert not gone or min(kept) >= max(gone)


@given(SCORES, st.sampled_from(SCOPES), st.integers(1, 3))
def test_ratio_zero_keeps_all_and_ratio_one_the_minimum(
    scores: list[list[float]], scope: str, minimum: int
) -> None:
    assert all(mask.all() for mask in select_nodes(tensors(scores), 0, scope=scope))
    masks = select_nodes(tensors(scores), 1, scope=scope, minimum_per_layer=minimum)
    kept = [int(mask.sum()) for mask in masks]
    assert kept == [min(minimum, len(layer)) for layer in scores]


def test_of_equal_scores_the_earlier_node_stays() -> None:
    ones = [torch.ones(2), torch.ones(3)]
    assert lists(select_nodes(ones, 0.4)) == [[True, True], [True, False, False]]
    assert lists(select_nodes(ones, 0.5, scope="layer")) == [[True, False], [True, False, False]]


def test_global_and_layer_differ_where_layers_do() -> None:
    scores = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])]
    assert lists(select_nodes(scores, 0.5, minimum_per_layer=1)) == [[False, True], [False, True]]
    scores = [torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0])]
    by_layer = [[False, True, True]] * 2
    assert lists(select_nodes(scores, 1 / 3)) == [[False, False, True], [True, True, True]]
    assert lists(select_nodes(scores, 1 / 3, scope="layer")) == by_layer


def test_scores_are_left_alone_and_may_need_gradients() -> None:
    scores = torch.tensor([2.0, 1.0, 3.0], requires_grad=True)
    (mask,) = select_nodes([scores], 0.34)
    assert mask.tolist() == [True, False, True] and not mask.requires_grad
    assert scores.tolist() == [2.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("scores", "arguments", "named"),
    [
        ([[1.0, 2.0]], {"pruning_ratio": -0.01}, "pruning_ratio=-0.01"),
        ([[1.0, 2.0]], {"pruning_ratio": 1.01}, "pruning_ratio=1.01"),
        ([[1.0, 2.0]], {"pruning_ratio": 50}, "pruning_ratio=50"),
        ([[1.0, 2.0]], {"pruning_ratio": math.nan}, "pruning_ratio=nan"),
        ([[1.0, 2.0]], {"pruning_ratio": 0.5, "scope": "local"}, "global, layer"),
        ([[1.0, 2.0]], {"pruning_ratio": 0.5, "minimum_per_layer": 0}, "minimum_per_layer=0"),
        ([[1.0, math.nan]], {"pruning_ratio": 0.0}, "NaN"),
        ([[1.0], [math.nan]], {"pruning_ratio": 0.5, "scope": "layer"}, "NaN"),
        ([], {"pruning_ratio": 0.5}, "one non-empty tensor"),
        ([[]], {"pruning_ratio": 0.5}, "one non-empty tensor"),
        ([[[1.0, 2.0]]], {"pruning_ratio": 0.5}, "one non-empty tensor"),
    ],
)
def test_bad_arguments_are_refused(
    scores: list[list[float]], arguments: dict[str, float], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        select_nodes(tensors(scores), **arguments)


@pytest.mark.parametrize(
    ("scores", "arguments", "named"),
    [
        (torch.ones(3), {}, r"^scores: a Tensor, and a list is wanted, one non-empty tensor"),
        (None, {}, r"^scores: a NoneType, and a list is wanted"),
        ([[1.0, 2.0]], {}, r"^scores: a list with a list in it: one non-empty tensor"),
        ([torch.ones(3)], {"pruning_ratio": "0.5"}, r"^pruning_ratio='0\.5': a fraction"),
        ([torch.ones(3)], {"pruning_ratio": None}, r"^pruning_ratio=None: a fraction"),
        ([torch.ones(3)], {"minimum_per_layer": 1.5}, r"^minimum_per_layer=1\.5: a whole number"),
    ],
)
def test_arguments_of_other_types_are_refused(
    scores: object, arguments: dict[str, object], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        select_nodes(scores, **{"pruning_ratio": 0.5, **arguments})
