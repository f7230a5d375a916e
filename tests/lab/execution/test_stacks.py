"""Which runs make a stack, before any of them is computed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eigenprune.lab.execution import stacks, sweep
from eigenprune.lab.execution.tasks import Job, Schedule
from eigenprune.lab.execution.work import work
from eigenprune.lab.runs import Pruning, Run, Training
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study


def test_memory_of_what_a_training_holds() -> None:
    training = Training(dataset="mnist", hidden=(500,), activation="relu", layer="spectral", seed=1)
    weights = 784 * 500 + 500 * 10
    assert stacks.memory(training) > 4 * 6 * weights
    pruned = Pruning(training=training, score="eigenvalue", pruning_ratio=0.9, retraining_epochs=1)
    assert stacks.memory(pruned) == stacks.memory(training)
    eigenvalues = replace(training, trainable="eigenvalues")
    products = 4 * 60_000 * 500
    assert stacks.memory(eigenvalues) == stacks.memory(training) + products
    # All of a pruned network is trained, so there are no fixed products.
    assert stacks.memory(replace(pruned, training=eigenvalues)) == stacks.memory(training)


def test_what_is_drawn_anew_is_computed_run_by_run() -> None:
    training = Training(dataset="digits", hidden=(8,), activation="relu", layer="dense", seed=1)
    pruned = Pruning(training=training, score="weight_norm", pruning_ratio=0.5, retraining_epochs=2)
    for run, together in ((pruned, True), (replace(pruned, redrawn=True), False)):
        tasks = list(stacks.in_stacks([Job(training, (run,), trained=False)]))
        assert [task.together for task in tasks] == [together]


def test_every_run_is_handed_out_once_and_after_what_it_needs(
    tiny: Study, store_folder: Path
) -> None:
    methods = ["direct", "post", "pre", "random", "pre-random", "post-retrained", "small"]
    study = change_study(tiny, {"methods": methods, "seeds": [1, 2, 3]})

    def handed_out(schedule: Schedule) -> Iterator[Run]:
        trained: set[Training] = set()
        while tasks := schedule.ready(in_flight=False):
            for task in tasks:
                for run in task.runs:
                    yield run
                    if isinstance(run, Pruning):
                        assert run.training in trained, "pruned before it was trained"
                    else:
                        trained.add(run)
                schedule.done(task, True)

    todo = sweep.outlook(study, Store(store_folder))
    runs = list(handed_out(Schedule(stacks.in_stacks(todo.jobs))))
    assert len(runs) == len(set(runs))
    assert len(runs) == todo.runs_to_compute
    assert sum(map(work, runs)) == pytest.approx(todo.work)
