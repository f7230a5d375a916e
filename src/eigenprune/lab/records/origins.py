"""The runs behind a figure or table, in a few words that can be compared."""

import hashlib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from eigenprune.lab import datasets
from eigenprune.lab.plans import plan, runs_of
from eigenprune.lab.records import code_state, manifest
from eigenprune.lab.records.recorded import folder_of, rows_by_run
from eigenprune.lab.runs import run_id
from eigenprune.lab.studies import Study
from eigenprune.lab.trials import entries, tables
from eigenprune.lab.trials.entries import Trials

DIGITS = 12  # of a hash


@dataclass(frozen=True)
class Origin:
    """Where numbers come from.

    Args:
        study: its parameters, or those of trials, as the numbers were made with them.
        recorded: whether they are of `results/paper`; else of this clone's own run store.
        runs: how many runs there are.
        common_hash: of the runs' ids, in whatever order: another set of runs has another.
        data_sha256: of the dataset that they saw.
        code: for what is not recorded, a hash of the code that was there, see `code_state`.
        commits: that computed recorded rows.
    """

    study: dict[str, Any]
    recorded: bool
    runs: int
    common_hash: str
    data_sha256: str
    code: str = ""
    commits: tuple[str, ...] = ()


def of_runs(study: Study | Trials, *, recorded: bool = False) -> Origin:
    """The origin of what shows all rows of a study or of trials.

    Args:
        study: narrowed to what is shown.
        recorded: only those rows that are in `results/paper` count, and the parameters are those
            that occur in them.
    """
    planned = set(map(run_id, runs_of(study)))
    parameters = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(study).items()
    }
    commits: set[str] = set()
    data = None
    if recorded:
        trials = isinstance(study, Trials)
        rows = tables.origins(folder_of(study)) if trials else rows_by_run(folder_of(study))
        planned &= set(rows)
        commits = {str(rows[run]["commit"]) for run in planned}
        parameters |= _occurring(study, parameters, planned)
        data = (manifest.read(folder_of(study)) or {}).get("data_sha256")
    return Origin(
        study=parameters,
        recorded=recorded,
        runs=len(planned),
        common_hash=_hash(sorted(planned)),
        data_sha256=data or datasets.checksum(study.dataset),
        code="" if recorded else code_now(),
        commits=tuple(sorted(commits)),
    )


@cache
def code_now() -> str:
    """A hash of the code that computes runs, as this process first saw it."""
    return _hash([f"{file} {print_}" for file, print_ in sorted(code_state.current().items())])


def _hash(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:DIGITS]


def _occurring(
    study: Study | Trials, parameters: dict[str, Any], runs: Collection[str]
) -> dict[str, list[Any]]:
    """The values of the parameters that a study has several of, as far as a run has them."""
    found: dict[str, set[Any]]
    if isinstance(study, Trials):
        tried = [run for run in entries.plan(study) if run_id(run) in runs]
        trainings, found = [run.training for run in tried], {"points": {r.options for r in tried}}
    else:
        rows = [row for row in plan(study) if run_id(row.run) in runs]
        trainings = [row.run.training for row in rows]
        found = {
            "methods": {row.method for row in rows},
            "pruning_ratios": {row.pruning_ratio for row in rows},
        }
    found["activations"] = {training.activation for training in trainings}
    found["seeds"] = {training.seed for training in trainings}
    return {key: [v for v in parameters[key] if v in values] for key, values in found.items()}
