"""What of a study, or of trials, is done, running and pending."""

from dataclasses import dataclass

from eigenprune.lab import devices
from eigenprune.lab.execution.processes import usable_cores
from eigenprune.lab.execution.sweep import outlook, run_by_run
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

    Searches for strengths are runs of it. The rest takes all cores, or the GPU if there is one.
    `seconds_left` is None where no finished run tells how fast they are; what a GPU did does not
    tell it of the cores, nor they of the GPU.
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
        at_once = usable_cores() if device == "cpu" else 1
        left = None if pace is None else todo.work * pace / at_once
    return Status(
        study.name,
        done=todo.runs_done,
        running=running,
        pending=todo.runs_to_compute - running,
        seconds_left=left,
    )


def _seconds_per_work(study: Study | Trials, store: Store, device: str) -> float | None:
    seconds = done = 0.0
    networks: set[Training] = set()
    for training in {run.training for run in runs_of(study)}:
        # What a network took whose strength was chosen is what these took.
        networks |= {*candidates(training)} if training.tuning else {training}
    for run in networks:
        entry = store.get(run_id(run))
        if entry is not None and entry.record["made_with"]["device"] == device:
            seconds += entry.record["made_with"]["seconds"]
            done += work(run)
    return seconds / done if done else None
