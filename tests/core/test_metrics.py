"""Accuracy, loss and cost against plain counts."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import eigenprune as ep
from eigenprune import metrics


@pytest.mark.parametrize("layer", ["dense", "spectral"])
@given(st.lists(st.integers(1, 7), min_size=3, max_size=5), st.booleans())
def test_cost_of_a_network(layer: str, widths: list[int], bias: bool) -> None:
    model = ep.mlp(widths, layer=layer, bias=bias)
    weights = sum(a * b for a, b in itertools.pairwise(widths))
    assert ep.multiply_accumulates(model) == weights
    assert ep.parameters(model) == weights + bias * sum(widths[1:])
    dense = ep.mlp(widths, layer="dense", bias=bias)
    assert ep.parameters(model) == sum(p.numel() for p in dense.parameters())


def test_compaction_lowers_the_cost_and_masking_does_not() -> None:
    model, masks = ep.mlp([7, 6, 5, 3]), [torch.arange(6) < 2, torch.arange(5) < 4]
    assert ep.parameters(ep.compact(model, masks)) == 7 * 2 + 2 * 4 + 4 * 3
    assert ep.parameters(ep.masked(model, masks)) == ep.parameters(model)


def test_evaluation_in_pieces_is_the_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ep.mlp([4, 5, 3], seed=1)
    inputs = torch.randn(101, 4, generator=torch.Generator().manual_seed(1))
    targets = torch.randint(3, (101,), generator=torch.Generator().manual_seed(2))
    guesses = model(inputs).argmax(dim=1).tolist()
    right = sum(guess == wanted for guess, wanted in zip(guesses, targets.tolist(), strict=True))
    for rows in (1, 10, 101, 1000):
        monkeypatch.setattr(metrics, "_ROWS_AT_ONCE", rows)
        accuracy, loss = ep.evaluate(model, inputs, targets)
        assert accuracy == right / 101
        assert loss == pytest.approx(F.cross_entropy(model(inputs), targets).item(), rel=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_is_without_dropout_and_leaves_the_mode(training: bool) -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.9), nn.Linear(5, 3)).train(training)
    inputs, targets = torch.rand(20, 4), torch.zeros(20, dtype=torch.int64)
    assert ep.evaluate(model, inputs, targets) == ep.evaluate(model, inputs, targets)
    assert all(module.training == training for module in model.modules())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_losses_of_half_precision_are_summed_in_single(dtype: torch.dtype) -> None:
    """Ten thousand losses of ten nats are more than float16 can hold."""
    logits = torch.tensor([[20.0, 0.0]], dtype=dtype).repeat(10_000, 1)
    accuracy, loss = ep.evaluate(nn.Identity(), logits, torch.ones(10_000, dtype=torch.int64))
    assert accuracy == 0 and loss == pytest.approx(20)


@pytest.mark.parametrize(
    ("targets", "named"),
    [
        (torch.full((4,), -100), "^targets from -100 to -100"),
        (torch.full((4,), 3), "^targets from 3 to 3: class numbers from 0 to 2"),
        (torch.zeros(4), "dtype torch.int64 wanted"),
        (torch.zeros(4, 3).long(), r"^targets of shape \(4, 3\)"),
        (torch.zeros(3).long(), "^4 inputs and 3 targets"),
        ([0] * 4, "^targets: a list"),
    ],
)
def test_targets_that_are_no_classes_are_refused(targets: torch.Tensor, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ep.evaluate(ep.mlp([5, 3]), torch.rand(4, 5), targets)
