"""Trials of seconds, and what a run of theirs leaves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eigenprune.lab.protocols import compute
from eigenprune.lab.runs import Trial
from eigenprune.lab.store import Store
from eigenprune.lab.trials.entries import Trials, make_trials

VALUES: dict[str, Any] = {
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

Make = Callable[..., Trials]
RowsOf = Callable[[Trial], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def make() -> Make:
    """Small trials on digits, of a kind, a grid and other values."""

    def made(kind: str, grid: Any, **changes: Any) -> Trials:
        return make_trials("tiny", {**VALUES, "kind": kind, "grid": grid, **changes}, "test")

    return made


@pytest.fixture
def rows_of(store_folder: Path) -> RowsOf:
    """The rows that a run leaves in the store of the test."""

    def computed(run: Trial) -> list[dict[str, Any]]:
        return compute(run, Store(store_folder), Path("no-data")).record["result"]["rows"]

    return computed
