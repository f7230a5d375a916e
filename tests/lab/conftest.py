"""What the tests of the lab share: small studies, a store of their own, the real data."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eigenprune.lab.datasets import FILES
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


@pytest.fixture(scope="session")
def tiny() -> Study:
    """A study of seconds: three networks of eight hidden nodes, eight prunings."""
    return make_study("tiny", TINY, "test")


@pytest.fixture(scope="session")
def real_data(root: Path) -> Iterator[Path]:
    """The folder that holds MNIST and Fashion-MNIST on this machine."""
    named = os.environ.get("EIGENPRUNE_DATA")
    places = [*([Path(named)] if named else []), root.parent / "shared" / "data", root / "data"]
    for folder in places:
        if all((folder / file).is_file() for files in FILES.values() for file in files):
            yield folder
            return
    pytest.skip(
        "MNIST and Fashion-MNIST are not here: `eigenprune data fetch`, or set EIGENPRUNE_DATA; "
        f"looked in {', '.join(map(str, places))}"
    )
