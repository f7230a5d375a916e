"""What is common to executors that hand tasks to a pool and get futures back."""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait

from eigenprune.lab.execution.tasks import Schedule, Task


def carry_out(
    schedule: Schedule, submit: Callable[[Task], Future[bool]], deadline: float | None
) -> bool:
    """Submit each task as soon as it can start, until all are done or the time is up.

    Args:
        schedule: what is to be done.
        submit: gives a task to the pool; its future says whether it is complete.
        deadline: by `time.monotonic`, when to stop; None for never.

    Returns:
        False if the deadline passed before everything was done; tasks may still be in flight then.
    """
    in_flight: dict[Future[bool], Task] = {}
    while True:
        for task in schedule.ready(in_flight=bool(in_flight)):
            in_flight[submit(task)] = task
        if not in_flight:
            return True
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        done, _ = wait(in_flight, timeout, FIRST_COMPLETED)
        if not done:
            return False
        for future in done:
            schedule.done(in_flight.pop(future), future.result())
