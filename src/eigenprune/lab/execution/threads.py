"""The executor for a GPU: threads of this process, so that stacks fill it side by side.

A stack of few networks, as the seeds of a study are, is a chain of kernels too short to keep a GPU
busy. What one process does on several streams runs at the same time; what several processes do
takes turns.
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

# Stacks side by side, where the GPU has memory for them.
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
        report: told the work as it is done, by any of the threads.

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
        # Settings of the whole process: the tasks find them made, and leave them so.
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
    """As many stacks as take half of a GPU's memory: data, libraries and other programs need some.

    >>> at_once("cpu")
    1
    """
    if device == "cpu":
        return 1
    memory: int = torch.cuda.get_device_properties(device).total_memory
    return max(1, min(AT_ONCE, memory // (2 * ROOM)))
