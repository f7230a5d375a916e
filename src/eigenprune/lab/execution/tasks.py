"""What executors execute: tasks of one or more runs, in the order of their dependencies."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from eigenprune.lab.runs import Run, Sequel, Training
from eigenprune.lab.tuning import search_of, search_runs

OnUnits = Callable[[float], None]


@dataclass(frozen=True)
class Places:
    """What a worker needs to know: the folders, and the device to compute on (torch's name)."""

    store: Path
    data: Path
    device: str = "cpu"


@dataclass(frozen=True)
class Choice:
    """The strength that a search ended with, and the processor seconds that the search took."""

    strength: float
    seconds: float


@dataclass(frozen=True)
class Job:
    """A network to train, unless it is trained already, and what is wanted of it.

    `choice` is there if the strength is chosen by a search that is recorded.
    """

    training: Training
    sequels: tuple[Sequel, ...]
    trained: bool = False
    choice: Choice | None = None

    def tasks(self) -> Iterator["Task"]:
        """The tasks that can start immediately."""
        followers = tuple(self.followers())
        if self.trained:
            yield from followers
        else:
            yield Task((self.training,), followers, choice=self.choice)

    def followers(self) -> Iterator["Task"]:
        """What can be done once the network is trained, in pieces worth a task each.

        Each retraining takes long and is a task of its own; all runs without one are quick and
        share a task.
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
        together: whether to compute them as one stack, see `stacks`.
        wait: whether to wait for runs that another sweep computes, instead of putting them off.
        choice: the strength of the network that it trains, if the search for it is recorded.
    """

    runs: tuple[Run, ...]
    followers: tuple["Task", ...] = ()
    together: bool = False
    wait: bool = False
    choice: Choice | None = None


def of_jobs(jobs: Iterable[Job]) -> Iterator[Task]:
    """The tasks that can start immediately; networks that need a search for a strength wait."""
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
    return None if job.trained or job.choice else search_of(job.training)


class Schedule:
    """Hands out tasks: networks first, then what needs them, last what other sweeps compute."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        """Take the tasks of a sweep that can start immediately."""
        self._ready = list(tasks)
        self._put_off: list[Task] = []

    def ready(self, *, in_flight: bool) -> list[Task]:
        """The tasks that can start now, each handed out once.

        Args:
            in_flight: whether other tasks are being computed; the time to wait for other sweeps
                comes only when none is and nothing else is left.
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
