"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from eigenprune.lab.datasets import FILES

# The same examples every time, so that a failure seen once is seen again; and no deadline, since a
# busy machine is no defect of the code.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return Path(__file__).parents[1]


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
