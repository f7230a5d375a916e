"""What the tests of the lab share: a small study, and a run store for each test."""

from pathlib import Path
from typing import Any

import pytest

from eigenprune.lab.execution import together
from eigenprune.lab.runs import run_id
from eigenprune.lab.studies import Study, make_study

TINY: dict[str, Any] = {
    "dataset": "digits",
    "hidden": [8],
    "activations": ["relu"],
    "methods": ["direct", "post", "pre", "random"],
    "seeds": [1],
    "pruning_ratios": [0.5],
    "epochs": 2,
    "retraining_epochs": 1,
    "batch_size": 100,
    "learning_rate": 0.01,
    "initialisation": "2022",
}


@pytest.fixture(autouse=True)
def store_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run store of one test, so that none touches the project's."""
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "runs"))
    monkeypatch.setenv("EIGENPRUNE_DATA", str(tmp_path / "no-data"))
    return tmp_path / "runs"


@pytest.fixture
def kept_in_stacks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the runs that stacks keep, in the order in which they are kept."""
    names: list[str] = []
    keep = together.keep
    monkeypatch.setattr(
        together, "keep", lambda run, *a, **o: names.append(run_id(run)) or keep(run, *a, **o)
    )
    return names


@pytest.fixture(scope="session")
def tiny() -> Study:
    """A study that takes seconds: three networks of eight hidden nodes, eight prunings."""
    return make_study("tiny", TINY, "test")
