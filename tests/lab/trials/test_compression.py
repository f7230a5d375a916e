"""Trials of compression: each method as it is and with the same retraining."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eigenprune import compression
from eigenprune.lab import datasets
from eigenprune.lab.protocols import trained_network
from eigenprune.lab.runs import Trial
from eigenprune.lab.store import Store
from eigenprune.lab.trials.entries import Trials, plan
from eigenprune.metrics import evaluate, parameters
from eigenprune.training import train

Make = Callable[..., Trials]
RowsOf = Callable[[Trial], list[dict[str, Any]]]


def one(make: Make, method: str, **options: Any) -> Trial:
    grid = {"method": [method], **{name: [value] for name, value in options.items()}}
    (run,) = plan(make("compression", grid))
    return run


def test_the_control_is_the_network_as_it_is_and_plainly_trained_on(
    make: Make, rows_of: RowsOf, store_folder: Path
) -> None:
    run = one(make, "none")
    before, after = rows_of(run)
    network = trained_network(run.training, Store(store_folder), Path("no-data"))
    assert network is not None
    seen = datasets.held_out("digits", Path("no-data"), run.training.held_out)
    test = datasets.load("digits", Path("no-data"))
    assert len(seen.train_inputs) < len(test.train_inputs)
    longer, _ = train(
        network, seen.train_inputs, seen.train_targets, epochs=run.retraining_epochs,
        batch_size=100, learning_rate=0.01, seed=1, stream="retraining",
    )  # fmt: skip
    for row, model in ((before, network), (after, longer)):
        assert (row["accuracy"], row["loss"]) == evaluate(
            model, test.test_inputs, test.test_targets
        )
        assert row["parameters"] == parameters(model) and row["bytes"] == 4 * parameters(model)
    assert [before["retraining_epochs"], after["retraining_epochs"]] == [0, 2]
    assert before["loss"] != after["loss"]


@pytest.mark.parametrize("method", ["magnitude", "gradual-magnitude"])
def test_what_has_been_removed_stays_away(make: Make, rows_of: RowsOf, method: str) -> None:
    rows = rows_of(one(make, method, sparsity=0.75))
    weights = 64 * 12 + 12 * 8 + 8 * 10
    assert {row["parameters"] for row in rows} == {weights // 4}
    assert [row["retraining_epochs"] for row in rows] == ([0, 2] if method == "magnitude" else [2])


def test_nothing_removed_is_the_control(make: Make, rows_of: RowsOf) -> None:
    assert rows_of(one(make, "magnitude", sparsity=0)) == rows_of(one(make, "none"))


@pytest.mark.parametrize(
    ("method", "options"),
    [("quantised", {"bits": 8}), ("clustered", {"clusters": 4})],
)
def test_what_has_no_free_weights_is_not_retrained(
    make: Make, rows_of: RowsOf, store_folder: Path, method: str, options: dict[str, int]
) -> None:
    run = one(make, method, **options)
    (row,) = rows_of(run)
    network = trained_network(run.training, Store(store_folder), Path("no-data"))
    assert network is not None
    function = {"quantised": compression.quantise, "clustered": compression.cluster_weights}
    _, size = function[method](network, **options)
    assert (row["parameters"], row["bytes"]) == (size.parameters, size.bytes)


def test_factors_are_retrained_and_sparse_ones_stay_sparse(make: Make, rows_of: RowsOf) -> None:
    for run in (one(make, "low-rank", rank=3), one(make, "sparse-dense", rank=3, sparsity=0.5)):
        before, after = rows_of(run)
        assert before["parameters"] == after["parameters"] < 64 * 12 + 12 * 8 + 8 * 10
        assert after["loss"] < before["loss"]
