"""Tables in Markdown, so that the book can number them and print them."""

import re
from typing import Any

import pandas as pd


def table_text(table: pd.DataFrame) -> str:
    r"""A table in MyST Markdown: the index first, repeated labels of an outer level left blank.

    Columns of numbers are aligned to the right, columns of words to the left.

    >>> rows = pd.MultiIndex.from_tuples([("relu", 0.5), ("relu", 0.9)], names=["act", "ratio"])
    >>> print(table_text(pd.DataFrame({"|x|": ["1", "2"]}, index=rows)))
    | act | ratio | \|x\| |
    |:--|:--|--:|
    | relu | 0.5 | 1 |
    |  | 0.9 | 2 |

    An empty table gets one row that says so, because LaTeX cannot set a table without rows.

    >>> print(table_text(pd.DataFrame({"x": []})))
    |  | x |
    |:--|--:|
    | none |  |
    """
    if table.columns.nlevels > 1:
        raise ValueError("a table with columns of several levels cannot be written in Markdown")
    levels = table.index.nlevels
    names = ["" if name is None else name for name in table.index.names]
    lines = [
        _line([*names, *table.columns]),
        "|" + "|".join([":--"] * levels + _alignments(table)) + "|",
    ]
    before: tuple[object, ...] = ()
    for label, *cells in table.itertuples():
        key = label if isinstance(label, tuple) else (label,)
        # A label is left blank where it and all labels before it repeat those of the line above.
        shown = [
            "" if key[: level + 1] == before[: level + 1] and level < levels - 1 else key[level]
            for level in range(levels)
        ]
        lines.append(_line([*shown, *cells]))
        before = key
    if not len(table):
        lines.append(_line(["none", *[""] * (levels - 1 + len(table.columns))]))
    return "\n".join(lines)


def _alignments(table: pd.DataFrame) -> list[str]:
    columns = (table.iloc[:, position] for position in range(table.shape[1]))
    return [
        "--:" if all(re.match(r"[-+−]?\d|$", _escaped(cell)) for cell in column) else ":--"
        for column in columns
    ]


def _line(cells: list[Any]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(cell: Any) -> str:
    text = "" if pd.isna(cell) else str(cell)
    for character in "\\|*_`<$":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())
