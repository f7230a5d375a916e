"""What is recorded has one strength for all seeds of a method, retrained or not."""

from pathlib import Path

import pandas as pd

from eigenprune.lab import rivals
from eigenprune.lab.records.recorded import STRENGTH, rows_by_run


def contradictions(rows: pd.DataFrame) -> list[str]:
    """The methods with more than one strength for an activation.

    Two machines that round differently can end a search with two strengths, each for the rows that
    it recorded.
    """
    if STRENGTH not in rows:
        return []
    rows = rows[rows[STRENGTH].notna()]
    methods = rows["method"].str.removesuffix(rivals.RETRAINED)
    found = rows.groupby(["study", methods, "activation"])[STRENGTH].nunique()
    return [", ".join(where) for where, strengths in found.items() if strengths > 1]


def recorded(root: Path) -> dict[str, pd.DataFrame]:
    folders = [path.parent for path in sorted(root.glob("results/paper/*/summary.json"))]
    return {folder.name: pd.DataFrame(rows_by_run(folder).values()) for folder in folders}


def test_one_strength_serves_all(root: Path) -> None:
    tables = recorded(root)
    assert any(STRENGTH in rows for rows in tables.values())
    assert {name: found for name, rows in tables.items() if (found := contradictions(rows))} == {}


def test_a_second_strength_is_seen(root: Path) -> None:
    rows = next(rows for rows in recorded(root).values() if STRENGTH in rows)
    chosen = rows.index[rows[STRENGTH].notna()]
    first = rows.loc[chosen[0]]
    rows.loc[chosen[0], STRENGTH] *= 3
    method = first["method"].removesuffix(rivals.RETRAINED)
    assert contradictions(rows) == [f"{first['study']}, {method}, {first['activation']}"]
