"""What the tests of the arena's figures share."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest

from eigenprune.report import figures


@pytest.fixture
def styled() -> Iterator[None]:
    """Figures drawn in the style of the book, and closed at the end."""
    figures.use_style()
    yield
    plt.close("all")
