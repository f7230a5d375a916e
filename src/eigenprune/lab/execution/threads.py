"""The executor for a GPU: threads of this process, so that several stacks together fill the GPU.

A stack of few networks, such as the seeds of one study, is a chain of kernels too short to keep a
GPU busy. Several streams of one process run at the same time; several processes take turns.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from eigenprune.lab import devices
from eigenprune.lab.execution.compute import compute_task
from eigenprune.lab.execution.futures import carry_out
from eigenprune.lab.execution.stacks import ROOM
from eigenprune.lab.execution.tasks import OnUnits, Places, Schedule, Stopped, Task
from eigenprune.lab.protocols import one_thread

# The most stacks side by side, if the GPU has memory for them.
AT_ONCE = 6


def on_threads(
    schedule: Schedule,
    places: Places,
    threads: int | None,
    deadline: float | None,
    report: OnUnits,
) -> bool:
    """Carry a schedule out on threads of this process, see `executors.execute`.

    Args:
        schedule: what is to be done.
        places: the folders of store and data, and the GPU.
        threads: number of tasks at once; None for `AT_ONCE`, or fewer on a GPU with less memory.
        deadline: by `time.monotonic`, when to stop; None for never.
        report: called with the work as it is done, by any of the threads.

    Returns:
        False if the deadline passed before everything was done.
    """
    stop = threading.Event()

    def in_thread(task: Task) -> bool:
        try:
            return compute_task(task, places, report, stop.is_set)
        except Stopped:
            return False

    with (
        # Settings of the whole process: the tasks find them in place and leave them so.
        one_thread(),
        devices.full_precision(torch.device(places.device)),
        ThreadPoolExecutor(threads or at_once(places.device)) as pool,
    ):

        def submit(task: Task) -> Future[bool]:
            return pool.submit(in_thread, task)

        try:
            return carry_out(schedule, submit, deadline)
        finally:
            # After an interruption or at the deadline: each thread leaves its run where it is.
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def at_once(device: str) -> int:
    """How many stacks fit in half of a GPU's memory, up to `AT_ONCE`.

    Data, libraries and other programs need the rest.

    >>> at_once("cpu")
    1
    """
    if device == "cpu":
        return 1
    memory: int = torch.cuda.get_device_properties(device).total_memory
    return max(1, min(AT_ONCE, memory // (2 * ROOM)))
