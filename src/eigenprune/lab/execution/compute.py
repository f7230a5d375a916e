"""What a worker does with a task: its runs one after another, or as one stack."""

from collections.abc import Callable, Iterator

from eigenprune.lab.execution.tasks import OnUnits, Places, Stopped, Task
from eigenprune.lab.execution.work import epochs, work
from eigenprune.lab.memory import room_for
from eigenprune.lab.own_code import told_where
from eigenprune.lab.runs import Pruning, Run, run_id, training_of
from eigenprune.lab.store import Busy, Store


def compute_task(
    task: Task, places: Places, report: OnUnits, stopped: Callable[[], bool] = lambda: False
) -> bool:
    """Compute the runs of a task; runs that are in the store already cost nothing.

    Args:
        task: what to do.
        places: the folders of store and data.
        report: called with the work done, in the unit of `work`.
        stopped: asked after each epoch, and while waiting.

    Returns:
        False if a run was left to another sweep that is computing it.

    Raises:
        Stopped: as soon as `stopped` says so.
        Failure: if the networks are larger than the memory.
        UserError: if a score or regulariser of the reader's own raises anything.
    """
    if task.together:
        from eigenprune.lab.execution.together import compute_together

        with told_where(pair for run in task.runs for pair in _scores_and_regularisers(run)):
            return compute_together(task, places, report, stopped)
    from eigenprune.lab.execution.chosen import train_chosen
    from eigenprune.lab.protocols import compute

    store, complete = Store(places.store), True
    for run in task.runs:
        name = run_id(run)
        if name in store:
            continue
        left = work(run)
        training = training_of(run)

        def on_epoch(step: float = left / max(epochs(run), 1)) -> None:
            nonlocal left
            if stopped():
                raise Stopped
            step = min(step, left)  # rounding, or growing for other epochs
            left -= step
            report(step)

        try:
            with (
                store.claim(name, wait=task.wait, stopped=stopped),
                told_where(_scores_and_regularisers(run)),
                room_for(training.hidden),
            ):
                if task.choice is None:
                    compute(run, store, places.data, on_epoch)
                elif name not in store:  # after waiting, it may be there
                    train_chosen(run, task.choice, store, places.data, on_epoch)
        except Busy:
            if stopped():
                raise Stopped from None
            complete = False
            continue
        report(left)
    return complete


def _scores_and_regularisers(run: Run) -> Iterator[tuple[str, str]]:
    """Field and name of each that a run uses, as `own_code` takes them; a name may be empty."""
    training = training_of(run)
    yield "regulariser", training.regulariser
    if training.tuning is not None:
        yield "score", training.tuning.score
    if isinstance(run, Pruning):
        yield "score", run.score
