"""A recorded table as files in Git: one file, or for a large table one for each part.

The rows of `curves.csv` and those of `runs.csv` are of the same networks. In a study with many
rows, each activation has its own files, and within it the retrained and the reconstructed networks
of the arena have theirs: `curves-relu.csv`, `curves-relu-retrained.csv`, and `runs-relu.csv`
likewise.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eigenprune.lab.errors import UserError
from eigenprune.lab.rivals import entry_of
from eigenprune.lab.tidy_csv import csv_bytes, read_tidy

if TYPE_CHECKING:
    import pandas as pd

# The most rows in one file, at some 130 bytes each: no file of the repository has a megabyte.
MOST = 5_000


def parts(table: "pd.DataFrame") -> Iterator[tuple[str, "pd.DataFrame"]]:
    """The parts that a table is kept in, each with the suffix that its file names have.

    Args:
        table: with the columns `activation` and `method`.
    """
    if len(table) <= MOST:
        yield "", table
        return
    suffixes = table["method"].map(lambda name: name.removeprefix(entry_of(name)))
    for suffix, part in table.groupby("-" + table["activation"] + suffixes, sort=False):
        yield str(suffix), part


def contents(
    folder: Path, table: "pd.DataFrame", columns: Mapping[str, Sequence[str]]
) -> dict[Path, bytes | None]:
    """The contents of the files of a recording, for `write_all`; None for files to be removed.

    Args:
        folder: of the recording.
        table: all its rows.
        columns: the columns kept in the files of each name, `curves` and `runs`.
    """
    files: dict[Path, bytes | None] = {
        folder / f"{name}{suffix}.csv": csv_bytes(part[list(those)])
        for suffix, part in parts(table)
        for name, those in columns.items()
    }
    # Removals come last: after an interruption both are there, which `there` reports, not neither.
    gone = (path for name in columns for path in there(folder, name, mixed=True))
    return files | {path: None for path in gone if path not in files}


def there(folder: Path, name: str, *, mixed: bool = False) -> list[Path]:
    """The files of a table that are there: `curves.csv`, or `curves-relu.csv` and the like.

    Retrained and reconstructed networks come after the pruned ones, as in a table in one file.

    Raises:
        UserError: if the table is there both whole and in parts, unless it may be `mixed`.
    """
    found = sorted(folder.glob(f"{name}*.csv"), key=lambda path: path.stem)
    if not mixed and len(found) > 1 and found[0].stem == name:
        raise UserError(
            f"{folder}: {found[0].name} and {found[1].name} hold the same table; `eigenprune "
            "record` writes it whole or in parts: delete the files that Git does not have, or the "
            "older ones"
        )
    return found


def read(
    folder: Path,
    name: str,
    needed: Collection[str],
    *,
    text: Collection[str] = (),
    numbers: Collection[str] = (),
) -> "pd.DataFrame":
    """A whole table, its parts one below the other; see `tidy_csv.read_tidy`.

    Raises:
        UserError: if there is no file of it, or one is no such table.
    """
    import pandas as pd

    files = there(folder, name) or [folder / f"{name}.csv"]
    tables = [read_tidy(path, needed, text=text, numbers=numbers) for path in files]
    return pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
