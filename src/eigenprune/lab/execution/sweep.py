"""Carry out a study or trials: finished runs are reused, the rest is computed."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from eigenprune.lab import datasets, devices, project, results
from eigenprune.lab.errors import ExecutorError
from eigenprune.lab.execution import executors
from eigenprune.lab.execution.searches import recorded_choices
from eigenprune.lab.execution.tasks import Choice, Job, OnUnits, Places
from eigenprune.lab.execution.work import work
from eigenprune.lab.plans import runs_of
from eigenprune.lab.records.recorded import folder_of, recorded_results, rows_by_run
from eigenprune.lab.runs import Run, Sequel, Training, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study
from eigenprune.lab.trials import tables
from eigenprune.lab.trials.entries import Trials
from eigenprune.lab.tuning import search_of, search_runs
from eigenprune.lab.writable import require_room

if TYPE_CHECKING:
    import pandas as pd

# In the unit of `work`: some 20 seconds on one core. Each worker spends five on importing torch.
WORTH_PROCESSES = 4e11


@dataclass(frozen=True)
class Outlook:
    """What a study still needs: the jobs, and all runs that these will compute, with searches."""

    jobs: list[Job]
    left: list[Run]
    runs_done: int
    work: float

    @property
    def runs_to_compute(self) -> int:
        """How many runs are left."""
        return len(self.left)


def outlook(
    study: Study | Trials,
    store: Store,
    part: Collection[Training] | None = None,
    *,
    weights: bool = False,
    anew: bool = False,
) -> Outlook:
    """Divide the runs of a study into done (in the store, or recorded in Git) and to be computed.

    A network need not be trained again if all that is wanted of it has been recorded, unless its
    weights are wanted too (`weights`). With `anew`, what is recorded does not count as done.
    """
    recorded = {} if anew else recorded_runs(study)
    choices = {} if anew else recorded_choices(study)
    return outlook_of(
        runs_of(study), store, part, recorded=recorded, choices=choices, weights=weights
    )


def outlook_of(
    wanted_runs: Iterable[Sequel],
    store: Store,
    part: Collection[Training] | None = None,
    *,
    recorded: Collection[str] = (),
    choices: Mapping[str, Choice] = MappingProxyType({}),
    weights: bool = False,
) -> Outlook:
    """The outlook for runs of any studies.

    With `part`, only its networks count, see `shards.networks_of`.
    Runs whose id is in `recorded` are done elsewhere, and so are the searches of `choices`, see
    `searches.recorded_choices`.
    """
    wanted: dict[Training, dict[Sequel, None]] = {}
    for run in wanted_runs:
        wanted.setdefault(run.training, {})[run] = None
    jobs: list[Job] = []
    # By run, since two rows may share a run, and so may two searches.
    runs: dict[Run, None] = {}
    left: dict[Run, None] = {}
    waiting: dict[Training, bool] = {}
    for training, sequels in wanted.items():
        if part is not None and training not in part:
            continue
        ids = {sequel: run_id(sequel) for sequel in sequels}
        missing = tuple(s for s, name in ids.items() if name not in recorded and name not in store)
        trained = run_id(training) in store or (
            not weights and all(name in recorded for name in ids.values())
        )
        runs |= dict.fromkeys([training, *ids])
        left |= dict.fromkeys(missing if trained else [training, *missing])
        searched = search_of(training)
        choice = choices.get(run_id(searched)) if searched else None
        if missing or not trained:
            jobs.append(Job(training, missing, trained, choice))
        if searched:
            needed = not trained and choice is None
            waiting[searched] = waiting.get(searched, False) or needed
    # A search that no network waits for is done, wherever its runs are.
    for searched, needed in waiting.items():
        searching = search_runs(searched)
        runs |= dict.fromkeys(searching)
        if needed:
            left |= {run: None for run in searching if run_id(run) not in store}
    return Outlook(jobs, list(left), len(runs) - len(left), sum(map(work, left)))


def recorded_runs(study: Study | Trials) -> Mapping[str, dict[str, Any]]:
    """The results of a study, or of trials, that are recorded in Git, by run id."""
    return tables.recorded(study) if isinstance(study, Trials) else recorded_results(study)


def recorded_rows(study: Study | Trials) -> Mapping[str, dict[str, Any]]:
    """What made the recorded runs of a study, or of trials (commit, machine, seconds), by run id.

    For a study, each row holds its results too.
    """
    read = tables.origins if isinstance(study, Trials) else rows_by_run
    return read(folder_of(study))


def run_by_run(study: Study | Trials) -> bool:
    """Whether no run of a study can be stacked (see `stacks`), as in the arena and in trials."""
    return isinstance(study, Trials) or study.held_out > 0


def executor_for(todo: Outlook) -> str:
    """Worker processes if the work on the CPU is worth starting them, else this process."""
    return "process" if todo.work > WORTH_PROCESSES else "inline"


OnStart = Callable[[Outlook], OnUnits]


def run_study(
    study: Study | Trials,
    *,
    device: str = "cpu",
    executor: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    max_seconds: float | None = None,
    part: Collection[Training] | None = None,
    weights: bool = False,
    anew: bool = False,
    on_start: OnStart | None = None,
) -> "pd.DataFrame":
    """The tidy curves of a study, or the table of trials, computing what is not done yet.

    Args:
        study: what to compute.
        device: see `devices.chosen`; the arena and trials are always computed on the CPU, see
            `run_by_run`. The CPU is the default because its results are the same, bit for bit, on
            every machine of its kind. A GPU computes networks of one form together, see `stacks`.
        executor: see `executors.execute`; if None, this process for a GPU, and what `executor_for`
            says for the CPU.
        workers: see `executors.execute`.
        address: see `executors.execute`.
        max_seconds: see `executors.execute`.
        part: only these networks, see `shards.networks_of`; all if None.
        weights: train recorded networks again if they are not in the store, for callers that
            need the weights, which are not recorded.
        anew: also compute what is recorded in Git, unless this project's store has it.
        on_start: called with what is to be done; returns a function to call with the work as it is
            done (see `progress.shown`).

    Returns:
        One row per activation, method, seed and pruning ratio, with the columns COLUMNS; for trials
        see `trials.tables.table`. Runs that diverged have no row.

    Raises:
        ExecutorError: see `executors.execute`.
        UserError: if the dataset's files are not there or not the canonical ones, or the device is
            not there.
    """
    places = Places(store=project.store_dir(), data=project.data_dir())
    store = Store(places.store)
    todo = outlook(study, store, part, weights=weights, anew=anew)
    if todo.jobs:  # what is recorded can be shown without the data
        datasets.require_files(study.dataset, places.data)
        require_room(store.folder, f"the run store {store.folder} (EIGENPRUNE_STORE)")
    on_units = on_start(todo) if on_start is not None else None
    if todo.jobs:
        # Refuse damaged data here, in one sentence, and not from within a worker.
        datasets.load(study.dataset, places.data)
        # Runs that cannot be stacked are faster on all cores than one by one beside a GPU.
        where = "cpu" if run_by_run(study) else devices.chosen(device)
        complete = executors.execute(
            todo.jobs,
            replace(places, device=where),
            executor=executor or ("inline" if where != "cpu" else executor_for(todo)),
            workers=workers,
            address=address,
            max_seconds=max_seconds,
            together=where != "cpu",
            on_units=on_units,
        )
        if complete and (
            lost := outlook(study, store, part, weights=weights, anew=anew).runs_to_compute
        ):
            raise ExecutorError(
                f"{lost} runs were computed and are not in {places.store}: is its disk full?"
            )
    return tables.table(study) if isinstance(study, Trials) else results.curves(study)
