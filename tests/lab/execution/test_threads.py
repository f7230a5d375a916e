"""Stacks on threads of one process, here on the CPU; `test_cuda` does the same on a GPU."""

import threading
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import torch

from eigenprune.lab import results
from eigenprune.lab.execution import stacks, sweep, threads, together
from eigenprune.lab.execution.executors import execute
from eigenprune.lab.execution.tasks import Places, Schedule
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study


@pytest.fixture
def study(tiny: Study) -> Study:
    return change_study(tiny, {"seeds": [1, 2], "activations": ["relu", "tanh"]})


def schedule_of(study: Study, store: Store) -> Schedule:
    return Schedule(stacks.in_stacks(sweep.outlook(study, store).jobs))


def test_side_by_side_equals_one_after_another(
    study: Study,
    store_folder: Path,
    kept_in_stacks: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, told = Store(store_folder), []
    todo = sweep.outlook(study, store)
    assert threads.on_threads(
        schedule_of(study, store), Places(store_folder, tmp_path), 4, None, told.append
    )
    assert sum(told) == pytest.approx(todo.work)
    assert len(kept_in_stacks) == todo.runs_to_compute
    assert set(Counter(kept_in_stacks).values()) == {1}
    here = results.curves(study)
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "one"))
    other = Store(tmp_path / "one")
    execute(
        sweep.outlook(study, other).jobs,
        Places(other.folder, tmp_path),
        executor="inline",
        together=True,
    )
    pd.testing.assert_frame_equal(here, results.curves(study))


def test_as_many_at_once_as_there_are_threads(
    study: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work: list[int] = []
    meeting = threading.Barrier(3, timeout=30)
    train = together.train_together

    def met(*args: object, **options: object) -> object:
        if options["stream"] == "order" and len(at_work) < 3:
            at_work.append(threading.get_ident())
            meeting.wait()
        return train(*args, **options)

    monkeypatch.setattr(together, "train_together", met)
    places = Places(store_folder, tmp_path)
    schedule = schedule_of(study, Store(store_folder))
    assert threads.on_threads(schedule, places, 3, None, lambda units: None)
    assert len(set(at_work)) == 3


def test_time_is_up_for_all_and_settings_are_given_back(
    study: Study, store_folder: Path, tmp_path: Path
) -> None:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    endless = change_study(study, {"epochs": 10**6})
    schedule = schedule_of(endless, Store(store_folder))
    places = Places(store_folder, tmp_path)
    deadline = time.monotonic() + 0.5
    assert not threads.on_threads(schedule, places, 4, deadline, lambda units: None)
    assert time.monotonic() < deadline + 30
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before
    assert not list(store_folder.rglob("*.json"))


def test_what_goes_wrong_in_a_thread_ends_the_sweep(
    study: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(together, "train_together", broken)
    schedule = schedule_of(study, Store(store_folder))
    with pytest.raises(RuntimeError, match="out of order"):
        threads.on_threads(schedule, Places(store_folder, tmp_path), 4, None, lambda units: None)
