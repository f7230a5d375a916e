"""Tables of numbers with one column of classes, read from CSV; every mistake is named."""

import csv
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eigenprune.lab.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
SHOWN = 10  # the most columns that a message lists
# float() also reads `1_4` and `nan`, which are no numbers in a table.
IN_NUMBERS = frozenset("+-.0123456789Ee")


@dataclass(frozen=True)
class Table:
    """Rows of numbers, one column of `columns` each, and the class of each row."""

    columns: list[str]
    rows: list[list[float]]
    classes: list[str]


def read_table(content: bytes, target: str, name: str) -> Table:
    r"""Read a CSV file with a header.

    The delimiter is the one that gives the header the target and the most columns.

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
    text = _text(content, name)
    delimiter = max(DELIMITERS, key=lambda each: _fit(text, each, target))
    lines = _reader(text, delimiter)
    line = 1  # where the row that is read next begins
    try:
        header = _header(lines)
        _check_header(header, target, name)
        rows, classes = [], []
        line = lines.line_num + 1
        for cells in lines:
            first, line = line, lines.line_num + 1
            if not any(map(str.strip, cells)):
                continue
            where = f"{name}: line {first}"
            if len(cells) != len(header):
                count = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
                last = line - 1
                hint = f"; it goes on to line {last}: is a quote open?" if last > first else ""
                raise UserError(
                    f"{where} has {count}, the header has {len(header)}, separated by "
                    f"{DELIMITERS[delimiter]}{hint}"
                )
            named = dict(zip(header, map(str.strip, cells), strict=True))
            classes.append(_class(named.pop(target), f"{where}, column {target!r}"))
            rows.append([_number(cell, f"{where}, column {key!r}") for key, cell in named.items()])
    except csv.Error as error:
        raise UserError(f"{name}: line {line}: not valid CSV ({error})") from None
    if not rows:
        raise UserError(f"{name}: has no rows below its header")
    return Table([column for column in header if column != target], rows, classes)


def _text(content: bytes, name: str) -> str:
    """The text, if it is text, and not only blanks."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None
    if text is None or "\0" in text:
        raise UserError(f"{name}: is not UTF-8 text; save it as CSV with that encoding")
    if not text.strip():
        raise UserError(f"{name}: is empty")
    return text


def _fit(text: str, delimiter: str, target: str) -> tuple[bool, int]:
    """Whether a delimiter gives the header the target, and how many columns it gives it."""
    try:
        header = _header(_reader(text, delimiter))
    except csv.Error:  # between other delimiters, a long header is one cell, which may be too large
        return False, 0
    return target in header, len(header)


def _reader(text: str, delimiter: str) -> "Reader":
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)


def _header(lines: "Reader") -> list[str]:
    return [cell.strip() for cell in next(lines)]


def _check_header(header: list[str], target: str, name: str) -> None:
    if not any(header):
        raise UserError(f"{name}: line 1 is empty; it must be the header, which names the columns")
    if len(header) == 1:
        raise UserError(
            f"{name}: has one column only, {header[0][:80]!r}; wanted are the target "
            f"{target!r} and others, separated by commas, semicolons or tabs"
        )
    if target not in header:
        hint = did_you_mean(target, header)
        shown = " ".join(", ".join(header[:SHOWN]).split())  # a quoted name may span lines
        more = f" and {len(header) - SHOWN} more" if len(header) > SHOWN else ""
        raise UserError(
            f"{name}: has no column {target!r}, the target{hint}; it has: {shown}{more}"
        )
    if "" in header:
        number = header.index("") + 1
        # Where rows are sorted by class, row numbers used as a feature would give the class away.
        hint = "; if it is the row index of pandas, save with index=False" if number == 1 else ""
        raise UserError(f"{name}: column {number} has no name{hint}")
    for column in header:
        if header.count(column) > 1:
            raise UserError(f"{name}: the column {column!r} appears twice in the header")


def _class(cell: str, where: str) -> str:
    if not cell:
        raise UserError(f"{where}: is empty; every row needs a class")
    return cell


def _number(cell: str, where: str) -> float:
    try:
        number = float(cell) if IN_NUMBERS.issuperset(cell) else math.nan
    except ValueError:
        number = math.nan
    if math.isnan(number):
        hint = "; decimals are written with a point, as in 1.5" if "," in cell else ""
        raise UserError(f"{where}: {cell!r} is not a number{hint}")
    if not math.isfinite(2 * number):  # a column from -number to number spans twice that
        raise UserError(f"{where}: {cell!r} is too large a number")
    return number
