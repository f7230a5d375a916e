"""The runs behind a figure or table, in a short form that can be compared."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from eigenprune.lab import datasets, rivals
from eigenprune.lab.execution.sweep import recorded_rows
from eigenprune.lab.fingerprint import short_hash
from eigenprune.lab.methods import Method
from eigenprune.lab.plans import PlannedRow, plan
from eigenprune.lab.records import code_state, manifest
from eigenprune.lab.records.recorded import folder_of
from eigenprune.lab.runs import Trial, run_id
from eigenprune.lab.studies import Study
from eigenprune.lab.trials import entries
from eigenprune.lab.trials.entries import Trials

# Parameters for which a study, or trials, have several values and may get more: then what is
# recorded is only a part.
SEVERAL = ("activations", "methods", "points", "pruning_ratios", "seeds")


@dataclass(frozen=True)
class Origin:
    """Where numbers come from.

    Args:
        study: the parameters of the study, or of the trials, that the numbers were made with.
        recorded: whether the numbers are from `results/paper`, or else from this clone's own run
            store.
        runs: how many runs there are.
        rows: how many rows of the study they make; two rows may share one run.
        common_hash: a hash of the runs' ids in any order; another set of runs has another hash.
        data_sha256: the checksum of the dataset that the runs used.
        code: a hash of the code for what is not recorded, see `code_state`.
        commits: those that computed the recorded rows.
    """

    study: dict[str, Any]
    recorded: bool
    runs: int
    rows: int
    common_hash: str
    data_sha256: str
    code: str = ""
    commits: tuple[str, ...] = ()


def of_runs(study: Study | Trials, *, recorded: bool = False) -> Origin:
    """The origin of a figure or table that shows all rows of a study or of trials.

    Args:
        study: narrowed to what is shown.
        recorded: only those rows that are in `results/paper` count, and the parameters are those
            that occur in them.
    """
    planned = _planned(study, _methods(study), datasets.checksum(study.dataset))
    parameters = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(study).items()
    }
    commits: set[str] = set()
    data = None
    if recorded:
        rows = recorded_rows(study)
        planned = {name: row for name, row in planned.items() if name in rows}
        commits = {str(rows[name]["commit"]) for name in planned}
        parameters |= _occurring(parameters, [row for same in planned.values() for row in same])
        data = (manifest.read(folder_of(study)) or {}).get("data_sha256")
    return Origin(
        study=parameters,
        recorded=recorded,
        runs=len(planned),
        rows=sum(map(len, planned.values())),
        common_hash=short_hash(sorted(planned)),
        data_sha256=data or datasets.checksum(study.dataset),
        code="" if recorded else code_now(),
        commits=tuple(sorted(commits)),
    )


@cache
def code_now() -> str:
    """A hash of the code that computes runs, as this process first saw it."""
    return short_hash(f"{file} {print_}" for file, print_ in sorted(code_state.current().items()))


def _methods(study: Study | Trials) -> tuple[Method, ...]:
    return () if isinstance(study, Trials) else tuple(map(rivals.find, study.methods))


@cache
def _planned(
    study: Study | Trials, methods: tuple[Method, ...], data: str
) -> dict[str, list[PlannedRow | Trial]]:
    """The rows of a study or trials, by the id of their run; two rows may share one run.

    A chapter shows the same study many times. Methods and data are arguments only for the cache,
    since what their names stand for may change.
    """
    planned: dict[str, list[PlannedRow | Trial]] = {}
    for each in entries.plan(study) if isinstance(study, Trials) else plan(study):
        planned.setdefault(run_id(each if isinstance(each, Trial) else each.run), []).append(each)
    return planned


def _occurring(
    parameters: dict[str, Any], found: Iterable[PlannedRow | Trial]
) -> dict[str, list[Any]]:
    """The values of the parameters in SEVERAL that occur in a row."""
    values: dict[str, set[Any]] = {key: set() for key in SEVERAL if key in parameters}
    for each in found:
        if isinstance(each, Trial):
            training = each.training
            values["points"].add(each.options)
        else:
            training = each.run.training
            values["methods"].add(each.method)
            values["pruning_ratios"].add(each.pruning_ratio)
        values["activations"].add(training.activation)
        values["seeds"].add(training.seed)
    return {key: [v for v in parameters[key] if v in those] for key, those in values.items()}
