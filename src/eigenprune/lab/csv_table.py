"""Tables of numbers with one column of classes, read from CSV; every mistake is named."""

import csv
import io
import math
from dataclasses import dataclass

from eigenprune.lab.errors import UserError, did_you_mean

DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Table:
    """Rows of numbers, one column of `columns` each, and the class of each row."""

    columns: list[str]
    rows: list[list[float]]
    classes: list[str]


def read_table(content: bytes, target: str, name: str) -> Table:
    r"""Read a CSV file with a header; the delimiter is the most frequent one in the header.

    Args:
        content: of the file, UTF-8.
        target: the column with the classes; all others hold numbers.
        name: of the file, for messages; they count lines from 1, the header.

    Raises:
        UserError: at the first thing that is wrong.

    Example:
        >>> read_table(b"a;b;kind\n1;2;x\n3;4e-1;y\n", "kind", "my.csv")
        Table(columns=['a', 'b'], rows=[[1.0, 2.0], [3.0, 0.4]], classes=['x', 'y'])
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{name}: is not UTF-8 text; save it as CSV with that encoding") from None
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        header = [column.strip() for column in next(lines, [])]
        _check_header(header, target, name)
        rows, classes = [], []
        for cells in lines:
            if not any(map(str.strip, cells)):
                continue
            where = f"{name}: line {lines.line_num}"
            if len(cells) != len(header):
                raise UserError(f"{where} has {len(cells)} cells, the header has {len(header)}")
            named = dict(zip(header, map(str.strip, cells), strict=True))
            classes.append(_class(named.pop(target), f"{where}, column {target!r}"))
            rows.append([_number(cell, f"{where}, column {key!r}") for key, cell in named.items()])
    except csv.Error as error:
        raise UserError(f"{name}: line {lines.line_num}: not valid CSV ({error})") from None
    if not rows:
        raise UserError(f"{name}: has no rows below its header")
    return Table([column for column in header if column != target], rows, classes)


def _check_header(header: list[str], target: str, name: str) -> None:
    if target not in header:
        hint = did_you_mean(target, header)
        raise UserError(
            f"{name}: has no column {target!r}, the target{hint}; it has: {', '.join(header)}"
        )
    if "" in header:
        number = header.index("") + 1
        # Where rows are sorted by class, row numbers used as a feature would give the class away.
        hint = "; if it is the row index of pandas, save with index=False" if number == 1 else ""
        raise UserError(f"{name}: column {number} has no name{hint}")
    for column in header:
        if header.count(column) > 1:
            raise UserError(f"{name}: the column {column!r} appears twice in the header")
    if len(header) == 1:
        raise UserError(f"{name}: has no column besides the target {target!r}")


def _class(cell: str, where: str) -> str:
    if not cell:
        raise UserError(f"{where}: is empty; every row needs a class")
    return cell


def _number(cell: str, where: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UserError(f"{where}: {cell!r} is not a number")
    return number
