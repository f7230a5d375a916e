"""What the tests of the arena's figures share."""

import pytest

from eigenprune.report import figures


@pytest.fixture
def styled() -> None:
    """Figures drawn in the style of the book."""
    figures.use_style()
