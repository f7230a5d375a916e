"""Tables that the project writes and reads; errors say what is wrong with a table."""

import re
from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

# What to do about a damaged file that is in Git.
MEND = "restore it from Git"
# As in pyproject.toml, which does not bind where eigenprune runs without being installed.
OLDEST_PANDAS = "3.1.1"


def require_pandas() -> None:
    """Refuse a pandas that reads some numbers as a neighbouring float, and would write these back.

    Raises:
        UserError: if it is older than OLDEST_PANDAS. One that is missing is told when it is needed.
    """
    try:
        found = version("pandas")
    except PackageNotFoundError:
        return
    if _numbers(found) < _numbers(OLDEST_PANDAS):
        raise UserError(
            f"pandas {found} does not read every recorded number as it was written; needed: "
            f"{OLDEST_PANDAS} or newer, `pip install 'pandas>={OLDEST_PANDAS}'`"
        )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table as `csv_bytes` makes it."""
    write_whole(path, csv_bytes(table))


def csv_bytes(table: "pd.DataFrame") -> bytes:
    """A table as it is written: the same table gives the same bytes."""
    text: str = table.to_csv(index=False, lineterminator="\n")
    return text.encode()


def read_tidy(
    path: Path,
    needed: Collection[str],
    *,
    text: Collection[str] = (),
    numbers: Collection[str] = (),
    mend: str = MEND,
) -> "pd.DataFrame":
    """Read a table with a header and check its columns.

    Args:
        path: of the CSV file.
        needed: the columns that it must have.
        text: columns that are text, whatever they look like, with no empty cell.
        numbers: columns of numbers, with no empty cell.
        mend: what to do about a file that fails the check, for messages.

    Raises:
        UserError: if the file is not there, is not a table, lacks a column, or has a cell that is
            empty, or no number, where that is not allowed.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(text, str))
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there; {mend}") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a table ({str(error).strip()}): {mend}") from error
    if missing := [name for name in needed if name not in table]:
        raise UserError(f"{path}: no column {missing[0]!r}; needed: {', '.join(needed)}: {mend}")
    for name in (*text, *numbers):
        if name not in table:
            continue
        cells = table[name] if name in text else pd.to_numeric(table[name], errors="coerce")
        if (wrong := cells.isna()).any():
            first = int(wrong.argmax())
            line, cell = first + 2, table[name].iloc[first]  # the header is the first line
            raise UserError(
                f"{path}: line {line} has no {name}: {mend}"
                if pd.isna(cell)
                else f"{path}: line {line}: {name} is {cell!r}, and a number is wanted: {mend}"
            )
    return table
