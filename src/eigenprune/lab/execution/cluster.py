"""The executor for many machines: the workers of a Dask cluster."""

import time
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack

from eigenprune.lab.errors import ExecutorError, UserError
from eigenprune.lab.execution.compute import compute_task
from eigenprune.lab.execution.futures import carry_out
from eigenprune.lab.execution.processes import default_workers
from eigenprune.lab.execution.tasks import OnUnits, Places, Schedule, Stopped, Task
from eigenprune.lab.execution.work import work


def on_dask(
    schedule: Schedule,
    places: Places,
    workers: int | None,
    address: str | None,
    deadline: float | None,
    report: OnUnits,
) -> bool:
    """Carry a schedule out on a Dask cluster, see `executors.execute`.

    If a worker is lost, its task is given to another one. Workers must see the folders of `places`
    under the same names, as on the shared file system of a cluster.

    Args:
        schedule: what is to be done.
        places: the folders of store and data.
        workers: number of workers of a cluster on this machine; `default_workers` if None.
        address: of a running scheduler, e.g. `tcp://10.0.0.1:8786`; None: start a cluster here.
        deadline: by `time.monotonic`, when to stop; None for never.
        report: called with the work of each task when it is done.

    Returns:
        False if the deadline passed before everything was done.

    Raises:
        UserError: if Dask is not installed or no scheduler answers at the address.
        ExecutorError: if a task has killed one worker after the other, or the scheduler is gone.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise UserError(
            "--executor dask: Dask is not installed; `pip install '.[cluster]'` in the folder of "
            "eigenprune brings it"
        ) from error
    # Workers on other machines have monotonic clocks of their own.
    stop_at = None if deadline is None else time.time() + deadline - time.monotonic()
    with ExitStack() as stack:
        if address is None:
            cluster = distributed.LocalCluster(
                n_workers=workers or default_workers(), threads_per_worker=1, dashboard_address=None
            )
            client = stack.enter_context(distributed.Client(stack.enter_context(cluster)))
        else:
            try:
                client = stack.enter_context(distributed.Client(address, timeout="10s"))
            except (OSError, ValueError) as error:
                raise UserError(f"--address: no Dask scheduler answers at {address!r}") from error
        pool = client.get_executor(pure=False)

        def submit(task: Task) -> Future[bool]:
            def tell(future: Future[bool]) -> None:
                # One that was put off, because another sweep computes it, is not complete.
                if not (future.cancelled() or future.exception()) and future.result():
                    report(sum(map(work, task.runs)))

            future: Future[bool] = pool.submit(_on_worker, task, places, stop_at)
            future.add_done_callback(tell)
            return future

        try:
            return carry_out(schedule, submit, deadline)
        except distributed.KilledWorker as error:
            raise ExecutorError(
                "one run has killed several workers (out of memory?); finished runs are kept"
            ) from error
        except CancelledError as error:
            raise ExecutorError(
                "the Dask scheduler is gone; finished runs are kept, start again to go on"
            ) from error
        finally:
            pool.shutdown(wait=False)  # cancels what is left


def _on_worker(task: Task, places: Places, stop_at: float | None) -> bool:
    def stopped() -> bool:
        return stop_at is not None and time.time() > stop_at

    try:
        return compute_task(task, places, lambda units: None, stopped)
    except Stopped:
        return False
