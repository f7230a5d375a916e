"""Trials that take seconds, and the rows that their runs leave."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from eigenprune.lab.protocols import compute
from eigenprune.lab.runs import Trial
from eigenprune.lab.store import Store
from eigenprune.lab.trials.entries import Trials, make_trials

Make = Callable[..., Trials]
RowsOf = Callable[[Trial], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def values() -> Mapping[str, Any]:
    """The values of small trials on digits, of any kind."""
    return {
        "dataset": "digits",
        "hidden": [12, 8],
        "activations": ["relu"],
        "seeds": [1],
        "epochs": 3,
        "retraining_epochs": 2,
        "batch_size": 100,
        "learning_rate": 0.01,
        "held_out": 0.2,
    }


@pytest.fixture(scope="session")
def make(values: Mapping[str, Any]) -> Make:
    """A function that makes small trials of a kind and a grid, with other values if given."""

    def made(kind: str, grid: Any, **changes: Any) -> Trials:
        return make_trials("tiny", {**values, "kind": kind, "grid": grid, **changes}, "test")

    return made


@pytest.fixture
def rows_of(store_folder: Path) -> RowsOf:
    """A function that returns the rows that a run leaves in the store of the test."""

    def computed(run: Trial) -> list[dict[str, Any]]:
        return compute(run, Store(store_folder), Path("no-data")).record["result"]["rows"]

    return computed
