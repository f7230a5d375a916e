"""What executors execute: tasks of one or more runs, in an order that respects what needs what."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from eigenprune.lab import datasets
from eigenprune.lab.runs import Run, Sequel, Training, Trial, run_id
from eigenprune.lab.store import Busy, Store
from eigenprune.lab.tuning import search_of, search_runs

OnUnits = Callable[[float], None]


@dataclass(frozen=True)
class Places:
    """What a worker needs to know: the folders, and the device to compute on (torch's name)."""

    store: Path
    data: Path
    device: str = "cpu"


@dataclass(frozen=True)
class Job:
    """A network to train, unless it is trained already, and what is wanted of it."""

    training: Training
    sequels: tuple[Sequel, ...]
    trained: bool = False

    def tasks(self) -> Iterator["Task"]:
        """What can start at once."""
        followers = tuple(self.followers())
        if self.trained:
            yield from followers
        else:
            yield Task((self.training,), followers)

    def followers(self) -> Iterator["Task"]:
        """What can be done once the network is trained, in pieces worth a task each.

        Retraining takes long, looking does not.
        """
        yield from (Task((s,)) for s in self.sequels if s.retraining_epochs)
        if quick := tuple(s for s in self.sequels if not s.retraining_epochs):
            yield Task(quick)


@dataclass(frozen=True)
class Task:
    """Runs for one worker, one after another or together.

    Args:
        runs: what to compute.
        followers: what can start when this is done.
        together: as one stack, see `stacks`.
        wait: for runs that another sweep is computing, instead of putting them off.
    """

    runs: tuple[Run, ...]
    followers: tuple["Task", ...] = ()
    together: bool = False
    wait: bool = False


def of_jobs(jobs: Iterable[Job]) -> Iterator[Task]:
    """The tasks that can start at once; a network whose strength is chosen waits for the search."""
    waiting: dict[Training, list[Job]] = {}
    for job in jobs:
        if searched := search(job):
            waiting.setdefault(searched, []).append(job)
        else:
            yield from job.tasks()
    for training, after in waiting.items():
        followers = tuple(task for job in after for task in job.tasks())
        yield Task(tuple(search_runs(training)), followers)


def search(job: Job) -> Training | None:
    """The search for a strength that a job waits for, see `tuning.search_of`."""
    return None if job.trained else search_of(job.training)


class Schedule:
    """Hands out tasks: networks first, what needs them after, what others compute last."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        """Take the tasks of a sweep that can start at once."""
        self._ready = list(tasks)
        self._put_off: list[Task] = []

    def ready(self, *, in_flight: bool) -> list[Task]:
        """The tasks that can start now, each handed out once.

        Args:
            in_flight: other tasks are being computed; only when none is, and nothing else is left,
                is it time to wait for other sweeps.
        """
        if not self._ready and not in_flight:
            self._ready, self._put_off = self._put_off, []
        tasks, self._ready = self._ready, []
        return tasks

    def done(self, task: Task, complete: bool) -> None:
        """Note the end of a task: complete, or with runs that another sweep is computing."""
        if not complete:
            self._put_off.append(replace(task, wait=True))
        else:
            self._ready.extend(task.followers)


class Stopped(Exception):
    """Leave the run where it is."""


def compute_task(
    task: Task, places: Places, report: OnUnits, stopped: Callable[[], bool] = lambda: False
) -> bool:
    """Compute the runs of a task; what is in the store already costs nothing.

    Args:
        task: what to do.
        places: the folders of store and data.
        report: told the work done, in the unit of `work`.
        stopped: asked after each epoch, and while waiting.

    Returns:
        False if a run was left to another sweep that is computing it.

    Raises:
        Stopped: as soon as `stopped` says so.
    """
    if task.together:
        from eigenprune.lab.together import compute_together

        return compute_together(task, places, report, stopped)
    from eigenprune.lab.protocols import compute

    store, complete = Store(places.store), True
    for run in task.runs:
        name = run_id(run)
        if name in store:
            continue
        left = work(run)

        def on_epoch(step: float = left / max(epochs(run), 1)) -> None:
            nonlocal left
            if stopped():
                raise Stopped
            step = min(step, left)  # rounding apart, for growing that took its epochs differently
            left -= step
            report(step)

        try:
            with store.claim(name, wait=task.wait, stopped=stopped):
                compute(run, store, places.data, on_epoch)
        except Busy:
            if stopped():
                raise Stopped from None
            complete = False
            continue
        report(left)
    return complete


# A step costs this many multiply-accumulates' time before its first one: Python, autograd, Adam.
STEP_OVERHEAD = 6e6


def epochs(run: Run) -> int:
    """Epochs of training that a run takes; of growing, which ends when it has grown, the most."""
    if isinstance(run, Training):
        return run.epochs
    if isinstance(run, Trial) and run.kind == "growing":
        # The grown network and two controls; then one is pruned down.
        return 3 * (run.training.epochs + run.retraining_epochs) + run.retraining_epochs
    if isinstance(run, Trial) and run.kind == "flow":
        return run.training.epochs + run.retraining_epochs
    return run.retraining_epochs


def work(run: Run) -> float:
    """The size of a run, about proportional to its time, in forward multiply-accumulates.

    One thread does some 2e10 of them in a second, gradients and optimiser included.
    """
    training = run if isinstance(run, Training) else run.training
    rows, features, classes = datasets.shape(training.dataset)
    widths = [features, *training.hidden, classes]
    size = float(rows * sum(a * b for a, b in itertools.pairwise(widths)))
    overhead = STEP_OVERHEAD * math.ceil(rows / training.batch_size)
    if isinstance(run, Training):
        # Frozen eigenvectors need no gradient, and the first layer's no product (fixed_products).
        frozen = 0.15 if len(training.hidden) == 1 else 0.5
        share = frozen if run.trainable == "eigenvalues" else 1.0
        return (size * share + overhead) * run.epochs
    # Where nothing is trained, what is left is a look at the test set.
    kept = 1.0 if isinstance(run, Trial) else 1 - run.pruning_ratio
    return max((size * kept + overhead) * epochs(run), 0.05 * size)
