"""The runs behind a figure or table, in a few words that can be compared."""

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from eigenprune.lab.plans import plan
from eigenprune.lab.recorded import folder_of, rows_by_run
from eigenprune.lab.runs import run_id
from eigenprune.lab.studies import Study

DIGITS = 12  # of the common hash


@dataclass(frozen=True)
class Origin:
    """Where numbers come from.

    Args:
        study: its parameters, as the numbers were made with them.
        recorded: whether they are of `results/paper`; else of this clone's own run store.
        runs: how many runs there are.
        common_hash: of the runs' ids, in whatever order: another set of runs has another.
        commits: that computed recorded rows.
    """

    study: dict[str, Any]
    recorded: bool
    runs: int
    common_hash: str
    commits: tuple[str, ...] = ()


def of_runs(study: Study, *, recorded: bool = False) -> Origin:
    """The origin of what shows all rows of a study.

    Args:
        study: narrowed to what is shown.
        recorded: only those rows that are in `results/paper` count.
    """
    ids = {run_id(row.run) for row in plan(study)}
    commits: set[str] = set()
    if recorded:
        rows = rows_by_run(folder_of(study))
        ids &= rows.keys()
        commits = {str(rows[run]["commit"]) for run in ids}
    digest = hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
    parameters = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(study).items()
    }
    return Origin(parameters, recorded, len(ids), digest[:DIGITS], tuple(sorted(commits)))
