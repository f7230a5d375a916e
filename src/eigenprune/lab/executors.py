"""Where runs are computed: here, or on all cores at once. The same runs give the same results."""

import itertools
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from eigenprune.lab.errors import Failure
from eigenprune.lab.runs import Pruning, Run, Training
from eigenprune.lab.store import Store

EXECUTORS = ("process", "inline")


@dataclass(frozen=True)
class Job:
    """A network to train, unless it is trained already, and the prunings of it that are wanted."""

    training: Training
    prunings: tuple[Pruning, ...]
    trained: bool = False

    def followers(self) -> list[tuple[Run, ...]]:
        """What can be done once the network is trained, in pieces worth a task each.

        Retraining takes long, looking does not.
        """
        quick = tuple(p for p in self.prunings if not p.retraining_epochs)
        slow = [(p,) for p in self.prunings if p.retraining_epochs]
        return [*slow, *([quick] if quick else [])]


@dataclass(frozen=True)
class Places:
    """The folders that a worker needs to know."""

    store: Path
    data: Path


class ExecutorError(Failure):
    """The computing itself broke, through no fault of the runs; finished ones are kept."""


OnUnits = Callable[[float], None]


def execute(
    jobs: Sequence[Job],
    places: Places,
    *,
    executor: str = "process",
    workers: int | None = None,
    on_units: OnUnits | None = None,
) -> None:
    """Compute all jobs; results go to the store as they come.

    Args:
        jobs: what is to be done.
        places: the folders of store and data.
        executor: `"process"`, one-thread worker processes, or `"inline"`, this process.
        workers: number of worker processes, 1 or more; one for each usable core if None.
        on_units: told the work done, in the unit of `work`, as it goes on.

    Raises:
        ValueError: if there is no such executor, or `workers` is below 1.
        ExecutorError: if a worker process was killed; what was finished is in the store.
    """
    if executor not in EXECUTORS:
        raise ValueError(f"executor={executor!r}: one of {', '.join(EXECUTORS)}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: 1 or more")
    report = on_units or (lambda units: None)
    if executor == "inline":
        for job in jobs:
            for task in [*([] if job.trained else [(job.training,)]), *job.followers()]:
                _compute(task, places, report)
    else:
        _on_processes(jobs, places, workers, report)


def work(run: Run) -> float:
    """The size of a run: epochs times parameters, about proportional to its time."""
    training = run.training if isinstance(run, Pruning) else run
    widths = [800, *training.hidden, 10]
    size = float(sum(a * b for a, b in itertools.pairwise(widths)))
    if isinstance(run, Training):
        # Frozen eigenvectors need no gradient.
        return size * run.epochs * (0.5 if run.trainable == "eigenvalues" else 1.0)
    return size * max((1 - run.pruning_ratio) * run.retraining_epochs, 0.05)


def _compute(
    task: tuple[Run, ...], places: Places, report: OnUnits, stop: Event | None = None
) -> None:
    from eigenprune.lab.protocols import compute

    for run in task:
        epochs = run.epochs if isinstance(run, Training) else run.retraining_epochs
        left = work(run)

        def on_epoch(step: float = left / max(epochs, 1)) -> None:
            nonlocal left
            if stop is not None and stop.is_set():
                raise _Stopped
            left -= step
            report(step)

        compute(run, Store(places.store), places.data, on_epoch)
        report(left)


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Stopped(Exception):
    """Somebody pressed Ctrl-C: leave the run where it is."""


def _on_processes(
    jobs: Sequence[Job], places: Places, workers: int | None, report: OnUnits
) -> None:
    # spawn: forking a process in which torch has started threads can hang.
    context = multiprocessing.get_context("spawn")
    # A bare pipe, not a queue: small writes are atomic, and there is no lock that a killed worker
    # could take with it.
    receiver, sender = context.Pipe(duplex=False)
    stop = context.Event()
    with (
        _draining(receiver, sender, report),
        ProcessPoolExecutor(
            min(workers or _usable_cores(), sum(1 + len(j.prunings) for j in jobs)),
            mp_context=context,
            initializer=_start_worker,
            initargs=(sender, stop),
        ) as pool,
    ):
        try:
            # Each task, and the job whose followers can start when it is done.
            waiting: dict[Future[None], Job | None] = {}

            def submit_followers(job: Job) -> None:
                for task in job.followers():
                    waiting[pool.submit(_in_worker, task, places)] = None

            for job in jobs:
                if job.trained:
                    submit_followers(job)
                else:
                    waiting[pool.submit(_in_worker, (job.training,), places)] = job
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                    if (finished := waiting.pop(future)) is not None:
                        submit_followers(finished)
        except BrokenProcessPool as error:
            raise ExecutorError(
                "a worker process was killed (out of memory, or a script without "
                "`if __name__ == '__main__':`); finished runs are kept, start again to go on"
            ) from error
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _draining(receiver: Connection, sender: Connection, report: OnUnits) -> Iterator[None]:
    """Pass on what workers report, in a thread, until they are gone."""

    def drain() -> None:
        while (amount := receiver.recv()) is not None:
            report(amount)

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    try:
        yield
    finally:
        sender.send(None)
        thread.join()


# What a worker process was given at its start.
_worker: dict[str, Any] = {}


def _start_worker(sender: Connection, stop: Event) -> None:
    import signal

    # Ctrl-C reaches the whole group of processes: the parent alone decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _worker.update(report=sender.send, stop=stop)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is always somebody's child"
    parent.join()
    os._exit(1)


def _in_worker(task: tuple[Run, ...], places: Places) -> None:
    _compute(task, places, _worker["report"], _worker["stop"])
