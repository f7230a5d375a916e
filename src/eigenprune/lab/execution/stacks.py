"""Which runs are computed together on a GPU, where that is faster than one by one.

Trainings that differ only in the seed form a stack, and so do the retrainings of networks that were
pruned, at any ratio, from such trainings. `tasks.Job` is for runs computed one by one. Regularised
networks and trials are computed that way, on the CPU, even if there is a GPU.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from eigenprune.lab import datasets
from eigenprune.lab.execution.tasks import Job, Task, of_jobs
from eigenprune.lab.execution.work import work
from eigenprune.lab.runs import Pruning, Run, Training, training_of

# The most bytes that a stack may take, as `memory` counts them: the GPU of a laptop has twice as
# many. A larger stack would gain little, since one of this size keeps a GPU busy, and would lose
# more if it were killed.
ROOM = 3 * 2**30
# The most networks in a stack: each is claimed in the store by an open file.
MOST = 200

_Run = TypeVar("_Run", Training, Pruning)


def in_stacks(jobs: Iterable[Job]) -> Iterator[Task]:
    """The tasks that can start immediately, like `Job.tasks`, runs of one form in one task.

    Finished trainings are included: they cost only a look into the store, and what is pruned from
    them is retrained together with the others of its form.
    """
    alone: list[Job] = []
    of_one_form: dict[Training, dict[Training, tuple[Pruning, ...]]] = {}
    for job in jobs:
        prunings = tuple(run for run in job.sequels if isinstance(run, Pruning) and not run.redrawn)
        training = job.training
        # A regulariser works on one network at a time, and so does a trial. Stacks do not support
        # held-out examples, networks that are pruned before they are trained, or redrawn weights.
        single = training.regulariser or training.held_out or not training.epochs
        if single or len(prunings) < len(job.sequels):
            alone.append(job)
        else:
            form = replace(training, seed=0)
            of_one_form.setdefault(form, {})[job.training] = prunings
    yield from of_jobs(alone)
    tasks = [
        Task(
            trainings,
            tuple(_followers([wanted[training] for training in trainings])),
            together=True,
        )
        for wanted in of_one_form.values()
        for trainings in _pieces(list(wanted))
    ]
    # The longest tasks start first, so that no stack is left at the end with the GPU to itself.
    yield from sorted(tasks, key=_work_of_all, reverse=True)


def _work_of_all(task: Task) -> float:
    return sum(map(work, task.runs)) + sum(map(_work_of_all, task.followers))


def _followers(prunings: Sequence[tuple[Pruning, ...]]) -> Iterator[Task]:
    """The tasks that follow trainings of one form, given the prunings wanted of each training."""
    retrained: dict[int, list[Pruning]] = {}
    for run in itertools.chain.from_iterable(prunings):
        if run.retraining_epochs:
            retrained.setdefault(run.retraining_epochs, []).append(run)
    for runs in retrained.values():
        # A stack is as wide as its widest network, so networks of similar size go together.
        for piece in _pieces(sorted(runs, key=lambda run: run.pruning_ratio)):
            yield Task(piece, together=True)
    for runs_of_one in prunings:
        if quick := tuple(run for run in runs_of_one if not run.retraining_epochs):
            yield Task(quick, together=True)


def _pieces(runs: Sequence[_Run]) -> Iterator[tuple[_Run, ...]]:
    """Runs of one form, as many at a time as there is room for, and at least one."""
    size = max(1, min(MOST, ROOM // memory(runs[0])))
    for start in range(0, len(runs), size):
        yield tuple(runs[start : start + size])


def memory(run: Run) -> int:
    """Bytes that the training of a run takes in a stack, rather too many than too few.

    A pruned network counts as if it were whole.
    """
    training = training_of(run)
    rows, features, classes = datasets.shape(training.dataset)
    widths = [features, *training.hidden, classes]
    # The network, its place in the stack, its masked copy, Adam's two moments, gradients and what
    # they are computed from.
    parameters = 10 * sum(a * b for a, b in itertools.pairwise(widths))
    # What each layer computes forward and backward, and once more in the captured step.
    activations = 16 * training.batch_size * sum(widths)
    # The order of the examples in this epoch and in the next: numbers of eight bytes.
    numbers = parameters + activations + 2 * 2 * rows
    if isinstance(run, Training) and training.trainable == "eigenvalues":
        numbers += rows * training.hidden[0]  # see eigenprune.fixed_products
    return 4 * numbers
