"""The tidy table that everything reads: one row per network, one file per study."""

from pathlib import Path

import pandas as pd

from eigenprune.lab.rows import COLUMNS, NUMBERS
from eigenprune.lab.tidy_csv import MEND, read_tidy, write_csv


def write_curves(curves: pd.DataFrame, path: Path) -> None:
    """Write a table with the columns COLUMNS; the same table gives the same bytes."""
    write_csv(curves[list(COLUMNS)], path)


def read_curves(path: Path, mend: str = MEND) -> pd.DataFrame:
    """Read what `write_curves` wrote.

    Args:
        path: the file.
        mend: advice for the error message if the file is missing or damaged.

    Raises:
        UserError: if the file is missing, is not a table or lacks a column.
    """
    return read_tidy(path, COLUMNS, text=["hidden"], numbers=NUMBERS, mend=mend)
