"""Trials of feature flow: what coefficients of 0 leave alone, and what others change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eigenprune import compact, importance, select_nodes
from eigenprune.lab import datasets
from eigenprune.lab.execution.work import epochs
from eigenprune.lab.protocols import compute, trained_network
from eigenprune.lab.runs import Trial
from eigenprune.lab.store import Store
from eigenprune.lab.trials.entries import Trials, plan
from eigenprune.metrics import evaluate
from eigenprune.regularisers.feature_flow import length, trajectories, turning_angles
from eigenprune.training import train

Make = Callable[..., Trials]
RowsOf = Callable[[Trial], list[dict[str, Any]]]

ARCHITECTURES = ("plain", "residual")


def one(
    make: Make,
    architecture: str,
    k1: float = 0,
    k2: float = 0,
    pruning_ratio: float = 0.5,
    **changes: Any,
) -> Trial:
    grid = {
        "architecture": [architecture],
        "k1": [k1],
        "k2": [k2],
        "pruning_ratio": [pruning_ratio],
    }
    (run,) = plan(make("flow", grid, hidden=[10, 10, 10], **changes))
    return run


def test_without_penalties_the_plain_one_is_the_network_as_it_is(
    make: Make, rows_of: RowsOf, store_folder: Path
) -> None:
    run = one(make, "plain")
    (row,) = rows_of(run)
    network = trained_network(run.training, Store(store_folder), Path("no-data"))
    assert network is not None
    seen = datasets.held_out("digits", Path("no-data"), run.training.held_out)
    test = datasets.load("digits", Path("no-data"))
    small = compact(network, select_nodes(importance.weight_norm(network), 0.5, scope="layer"))
    longer, _ = train(
        small, seen.train_inputs, seen.train_targets, epochs=run.retraining_epochs,
        batch_size=100, learning_rate=0.01, seed=1, stream="retraining",
    )  # fmt: skip
    examples = test.test_inputs, test.test_targets
    assert (row["accuracy"], row["loss"]) == evaluate(network, *examples)
    assert row["pruned_accuracy"] == evaluate(small, *examples)[0]
    assert row["retrained_accuracy"] == evaluate(longer, *examples)[0]
    points = trajectories(network, test.test_inputs).detach()
    assert row["length"] == pytest.approx(float(length(points).mean()))
    assert row["angle"] == pytest.approx(float(turning_angles(points).sum(dim=0).mean()))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_penalties_shorten_and_straighten(make: Make, rows_of: RowsOf, architecture: str) -> None:
    found = {
        point: rows_of(one(make, architecture, *point, epochs=10))[0]
        for point in ((0, 0), (1, 0), (0, 1), (1, 1))
    }
    assert found[1, 0]["length"] < 0.9 * found[0, 0]["length"]
    assert found[0, 1]["angle"] < 0.95 * found[0, 0]["angle"]
    assert found[1, 1]["length"] < 0.9 * found[0, 1]["length"]
    assert len({row["loss"] for row in found.values()}) == 4


def test_skips_make_another_network_of_the_same_layers(make: Make, rows_of: RowsOf) -> None:
    (plain,), (residual,) = (rows_of(one(make, name)) for name in ARCHITECTURES)
    assert plain["loss"] != residual["loss"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_nothing_removed_loses_nothing(make: Make, rows_of: RowsOf, architecture: str) -> None:
    (row,) = rows_of(one(make, architecture, 0.1, pruning_ratio=0))
    assert row["pruned_accuracy"] == row["accuracy"]
    # What is removed afterwards makes no difference to the training.
    (half,) = rows_of(one(make, architecture, 0.1))
    assert half["accuracy"] == row["accuracy"] and half["pruned_accuracy"] < row["accuracy"]


def test_the_epochs_are_those_that_are_announced(make: Make, store_folder: Path) -> None:
    run, counted = one(make, "residual", 0.1, 0.1), []
    store = Store(store_folder)
    compute(run.training, store, Path("no-data"))
    compute(run, store, Path("no-data"), lambda: counted.append(1))
    assert len(counted) == epochs(run) == 3 + 2
