"""`eigenprune tables`: all methods of the arena in one tidy table, and ranked."""

from typing import TYPE_CHECKING

import typer

from eigenprune.cli.common import project_params
from eigenprune.lab import project

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = """Examples:

    eigenprune tables"""


def tables() -> None:
    """Write the recorded arena as one table, results/paper/rivals.csv, and its leaderboard.csv.

    Both are made from the recorded results of the studies, in seconds; `dvc repro` and `eigenprune
    record` make them too. They are not kept in Git.
    """
    from eigenprune.lab.arena import recorded

    write_tables(recorded(project_params()))


def write_tables(found: "pd.DataFrame") -> None:
    """Write what `arena.recorded` returns and its leaderboard, and print their numbers of rows."""
    from eigenprune.lab.tidy_csv import write_csv
    from eigenprune.report.arena.leaderboard import write_leaderboard

    folder = project.root() / "results" / "paper"
    write_csv(found, folder / "rivals.csv")
    typer.echo(f"results/paper/rivals.csv: {len(found)} rows")
    ranked = write_leaderboard(folder / "leaderboard.csv", found)
    typer.echo(f"results/paper/leaderboard.csv: {ranked} rows")
