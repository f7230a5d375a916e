"""How many runs of a study, or of trials, are done, running and pending."""

from dataclasses import dataclass

from eigenprune.lab import devices
from eigenprune.lab.execution.processes import default_workers
from eigenprune.lab.execution.sweep import outlook, recorded_rows, run_by_run
from eigenprune.lab.execution.work import work
from eigenprune.lab.plans import runs_of
from eigenprune.lab.runs import Training, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials
from eigenprune.lab.tuning import candidates


@dataclass(frozen=True)
class Status:
    """Runs of a study by state, and the seconds that the rest will take here.

    Searches for strengths count as runs of the study. `seconds_left` assumes that the rest uses all
    cores, or the GPU if there is one, and that the machine does nothing else. It is None if no run
    in the store or in Git shows how fast these runs are: times on a GPU say nothing about the
    cores, nor times on the cores about a GPU.
    """

    study: str
    done: int
    running: int
    pending: int
    seconds_left: float | None


def study_status(study: Study | Trials, store: Store) -> Status:
    """Look at the store, the recorded results and the claims of other processes."""
    todo = outlook(study, store)
    running = sum(store.claimed(run_id(run)) for run in todo.left)
    left: float | None = 0.0
    if todo.jobs:
        device = devices.name("cpu" if run_by_run(study) else devices.chosen("auto"))
        pace = _seconds_per_work(study, store, device)
        left = None if pace is None else todo.work * pace / _at_once(device)
    return Status(
        study.name,
        done=todo.runs_done,
        running=running,
        pending=todo.runs_to_compute - running,
        seconds_left=left,
    )


def _seconds_per_work(study: Study | Trials, store: Store, device: str) -> float | None:
    recorded = _recorded_seconds(study, device)
    seconds = done = 0.0
    networks: set[Training] = set()
    for training in {run.training for run in runs_of(study)}:
        # Where a strength is chosen, the candidates count: the network is one of them or as long.
        networks |= {*candidates(training)} if training.tuning else {training}
    for run in networks:
        name = run_id(run)
        entry = store.get(name)
        made = {} if entry is None else entry.record["made_with"]
        took = made["seconds"] if made.get("device") == device else recorded.get(name)
        if took is not None:
            seconds += took
            done += work(run)
    return seconds / done if done else None


def _recorded_seconds(study: Study | Trials, device: str) -> dict[str, float]:
    """The seconds of the trainings whose results are in Git, by run id."""
    return {
        str(row["training"]): float(row["training_seconds"])
        for row in recorded_rows(study).values()
        if row["device"] == device and row["training_seconds"] > 0  # NaN if unknown
    }


def _at_once(device: str) -> int:
    if device == "cpu":
        return default_workers()
    from eigenprune.lab.execution.threads import at_once

    return at_once("cuda")
