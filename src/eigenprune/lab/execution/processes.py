"""The executor that fills all cores: worker processes of one thread each."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any

from eigenprune.lab.errors import ExecutorError, UserError
from eigenprune.lab.execution.compute import compute_task
from eigenprune.lab.execution.futures import carry_out
from eigenprune.lab.execution.tasks import OnUnits, Places, Schedule, Stopped, Task
from eigenprune.lab.values import whole_number

# The environment variable with the default number of workers; `dvc repro` uses it too.
WORKERS = "EIGENPRUNE_WORKERS"


def on_processes(
    schedule: Schedule,
    places: Places,
    workers: int | None,
    deadline: float | None,
    report: OnUnits,
) -> bool:
    """Carry a schedule out on worker processes, see `executors.execute`.

    Args:
        schedule: what is to be done.
        places: the folders of store and data.
        workers: number of processes; `default_workers` if None.
        deadline: by `time.monotonic`, when to stop; None for never.
        report: called with the work as it is done.

    Returns:
        False if the deadline passed before everything was done.
    """
    # spawn: forking a process in which torch has started threads can hang.
    context = multiprocessing.get_context("spawn")
    # A bare pipe, not a queue: small writes are atomic, and there is no lock that a killed worker
    # could take with it.
    receiver, sender = context.Pipe(duplex=False)
    stop = context.Event()
    with (
        _draining(receiver, sender, report),
        ProcessPoolExecutor(
            workers or default_workers(),
            mp_context=context,
            initializer=_start_worker,
            initargs=(sender, stop),
        ) as pool,
    ):

        def submit(task: Task) -> Future[bool]:
            with interrupts_wait():
                return pool.submit(_in_worker, task, places)

        try:
            return carry_out(schedule, submit, deadline)
        except BrokenProcessPool as error:
            raise ExecutorError(
                "a worker process was killed (out of memory, or a script without "
                "`if __name__ == '__main__':`); finished runs are kept, start again to go on"
            ) from error
        finally:
            # After an interruption or at the deadline: the workers leave their runs where they are.
            # Without waiting for them, one that is still starting would find `stop` gone.
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Block Ctrl-C while workers may be started; they inherit the block and never see the signal.

    The signal reaches the whole group of processes, and a worker hit while importing would break
    the pool. The parent receives it as soon as the block ends.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def usable_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_workers() -> int:
    """The number of workers unless one is given: EIGENPRUNE_WORKERS, or the usable cores.

    Raises:
        UserError: if the variable is not a whole number, 1 or more.
    """
    said = os.environ.get(WORKERS, "")
    if not said:
        return usable_cores()
    workers = whole_number(said)
    if not workers:
        raise UserError(f"{WORKERS}={said!r}: allowed is a whole number, 1 or more")
    return workers


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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent alone decides
    end_with_parent()
    _worker.update(report=sender.send, stopped=stop.is_set)


def end_with_parent() -> None:
    """Let this process end as soon as its parent is gone, however the parent ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker is always somebody's child"

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _in_worker(task: Task, places: Places) -> bool:
    try:
        return compute_task(task, places, _worker["report"], _worker["stopped"])
    except Stopped:
        return False
