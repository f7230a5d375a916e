"""The tidy table that everything reads: one row per network, one file per study."""

from pathlib import Path

import pandas as pd

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError
from eigenprune.lab.rows import COLUMNS


def write_curves(curves: pd.DataFrame, path: Path) -> None:
    """Write a table with the columns COLUMNS; the same table gives the same bytes."""
    text = curves.to_csv(columns=list(COLUMNS), index=False, lineterminator="\n")
    write_whole(path, text.encode())


def read_curves(path: Path) -> pd.DataFrame:
    """Read what `write_curves` wrote.

    Raises:
        UserError: if the file is not there or lacks a column.
    """
    try:
        curves = pd.read_csv(path, dtype={"hidden": str})
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there; `dvc repro` makes it") from error
    if missing := [name for name in COLUMNS if name not in curves]:
        raise UserError(f"{path}: no column {missing[0]!r}; needed: {', '.join(COLUMNS)}")
    return curves
