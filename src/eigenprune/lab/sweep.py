"""Carry a study out: what is in the store is returned, the rest is computed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eigenprune.lab import datasets, executors, project
from eigenprune.lab.executors import Job, Places
from eigenprune.lab.results import table
from eigenprune.lab.runs import Run, Training, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import PlannedRow, Study, plan

if TYPE_CHECKING:
    import pandas as pd

# In the unit of `executors.work`. Each worker spends some five seconds on importing torch; a study
# of the digits is done in that time.
WORTH_PROCESSES = 1e9


@dataclass(frozen=True)
class Outlook:
    """What a study still needs."""

    jobs: list[Job]
    runs_done: int
    runs_to_compute: int
    work: float


def outlook(rows: Sequence[PlannedRow], store: Store) -> Outlook:
    """Divide the runs behind some rows into done and to be computed."""
    wanted: dict[Training, dict[Run, None]] = {}
    for row in rows:
        wanted.setdefault(row.run.training, {})[row.run] = None
    jobs, done, work = [], 0, 0.0
    for training, prunings in wanted.items():
        missing = tuple(p for p in prunings if run_id(p) not in store)
        trained = run_id(training) in store
        done += len(prunings) - len(missing) + trained
        if missing or not trained:
            jobs.append(Job(training, missing))  # type: ignore[arg-type]
            work += sum(map(executors.work, missing))
            work += 0.0 if trained else executors.work(training)
    total = len(wanted) + sum(map(len, wanted.values()))
    return Outlook(jobs, done, total - done, work)


OnStart = Callable[[Outlook], executors.OnUnits]


def run_study(
    study: Study,
    *,
    executor: str | None = None,
    workers: int | None = None,
    on_start: OnStart | None = None,
) -> "pd.DataFrame":
    """The tidy curves of a study, computed as far as they are not in the store.

    Args:
        study: what to compute.
        executor: `"process"` or `"inline"`, see `executors.execute`; None: processes where the
            work is worth their start.
        workers: see `executors.execute`.
        on_start: told what is to be done; returns a function that is told the work as it is done
            (see `progress.shown`).

    Returns:
        One row per activation, method, seed and pruning ratio, with the columns COLUMNS. Runs that
        diverged have no row.

    Raises:
        UserError: if the dataset's files are not there or not the canonical ones.
    """
    places = Places(store=project.store_dir(), data=project.data_dir())
    datasets.require_files(study.dataset, places.data)
    store = Store(places.store)
    rows = plan(study)
    todo = outlook(rows, store)
    on_units = on_start(todo) if on_start is not None else None
    if todo.jobs:
        # Refuse damaged data here, in one sentence, and not from within a worker.
        datasets.load(study.dataset, places.data)
        chosen = executor or ("process" if todo.work > WORTH_PROCESSES else "inline")
        executors.execute(todo.jobs, places, executor=chosen, workers=workers, on_units=on_units)
    return table(study, rows, store)
