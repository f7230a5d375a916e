"""What all tests share."""

from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, so that a failure seen once is seen again; and no deadline, since a
# busy machine is no defect of the code.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return Path(__file__).parents[1]
