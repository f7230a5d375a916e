"""Where runs are computed: here, on all cores or on a cluster, with the same results."""

import time
from collections.abc import Sequence

from eigenprune.lab.execution.compute import compute_task
from eigenprune.lab.execution.stacks import in_stacks
from eigenprune.lab.execution.tasks import Job, OnUnits, Places, Schedule, Stopped, of_jobs

EXECUTORS = ("process", "inline", "dask")


def execute(
    jobs: Sequence[Job],
    places: Places,
    *,
    executor: str = "process",
    workers: int | None = None,
    address: str | None = None,
    max_seconds: float | None = None,
    together: bool = False,
    on_units: OnUnits | None = None,
) -> bool:
    """Compute all jobs; results go to the store as they come.

    Several sweeps may share a store: a run that one of them is computing is left alone by the
    others, which wait for it at the end.

    Args:
        jobs: what is to be done.
        places: the folders of store and data, and the device.
        executor: `"process"`, one-thread worker processes; `"inline"`, this process, and for a GPU
            several threads of it, see `threads`; `"dask"`, the workers of a Dask cluster.
        workers: number of worker processes, 1 or more; if None, `processes.default_workers`, or one
            for a GPU. With `"inline"` on a GPU it is the number of threads; if None, see
            `threads.at_once`. A running cluster has its own number.
        address: of the scheduler of a running Dask cluster whose workers see the same folders; a
            cluster on this machine is started if None.
        max_seconds: stop after that time, above 0, at the end of an epoch; no limit if None.
        together: compute runs of one form as one stack, see `stacks`.
        on_units: called with the work as it is done, in the unit of `work`.

    Returns:
        True if everything was computed, False if the time was up first.

    Raises:
        ValueError: if there is no such executor, or a number is out of its range.
        ExecutorError: if a worker process was killed; finished runs are in the store.
    """
    if executor not in EXECUTORS:
        raise ValueError(f"executor={executor!r}: one of {', '.join(EXECUTORS)}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: 1 or more")
    if max_seconds is not None and not max_seconds > 0:
        raise ValueError(f"max_seconds={max_seconds}: above 0")
    deadline = None if max_seconds is None else time.monotonic() + max_seconds
    report = on_units or (lambda units: None)
    schedule = Schedule(in_stacks(jobs) if together else of_jobs(jobs))
    if executor == "inline" and places.device == "cpu":
        return _inline(schedule, places, deadline, report)
    if executor == "inline":
        from eigenprune.lab.execution.threads import on_threads

        return on_threads(schedule, places, workers, deadline, report)
    if workers is None and places.device != "cpu":
        workers = 1
    if executor == "dask":
        from eigenprune.lab.execution.cluster import on_dask

        return on_dask(schedule, places, workers, address, deadline, report)
    from eigenprune.lab.execution.processes import on_processes

    return on_processes(schedule, places, workers, deadline, report)


def _inline(schedule: Schedule, places: Places, deadline: float | None, report: OnUnits) -> bool:
    def stopped() -> bool:
        return deadline is not None and time.monotonic() > deadline

    while tasks := schedule.ready(in_flight=False):
        for task in tasks:
            try:
                schedule.done(task, compute_task(task, places, report, stopped))
            except Stopped:
                return False
            if stopped():
                return False
    return True
