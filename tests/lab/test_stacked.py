"""Runs in stacks, compared with the same runs one by one, on the CPU; test_cuda uses a GPU."""

import contextlib
import json
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn

from eigenprune.lab import results
from eigenprune.lab.errors import ExecutorError
from eigenprune.lab.execution import stacks, sweep, together
from eigenprune.lab.execution.compute import compute_task
from eigenprune.lab.execution.executors import execute
from eigenprune.lab.execution.tasks import Places, Stopped, Task
from eigenprune.lab.execution.together import compute_together
from eigenprune.lab.plans import plan
from eigenprune.lab.protocols import compute, initial_network
from eigenprune.lab.records.recorded import record
from eigenprune.lab.runs import Pruning, Run, Training, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study

NO_DATA = Path("no-data")  # the digits need none
SEEDS = [1, 2, 3]
RATIOS = [0.25, 0.5, 0.75]  # and 0, which is always there


@pytest.fixture(scope="module", params=["8", "8-6"])
def study(tiny: Study, request: pytest.FixtureRequest) -> Study:
    """All methods, with one hidden layer and with two."""
    hidden = [int(width) for width in request.param.split("-")]
    methods = ["direct", "post", "pre", "random", "pre-random", "post-retrained", "small"]
    return change_study(
        tiny, {"hidden": hidden, "methods": methods, "seeds": SEEDS, "pruning_ratios": RATIOS}
    )


@pytest.fixture(scope="module")
def one_by_one(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store after the study was computed run by run."""
    store = Store(tmp_path_factory.mktemp("one-by-one"))
    assert execute(sweep.outlook(study, store).jobs, places(store), executor="inline")
    return store


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(store_folder)


def places(store: Store) -> Places:
    return Places(store.folder, NO_DATA)


def in_stacks(study: Study, store: Store, **options: Any) -> bool:
    jobs = sweep.outlook(study, store).jobs
    options = {"executor": "inline", **options}
    return execute(jobs, places(store), together=True, **options)


def all_runs(study: Study) -> dict[str, Run]:
    runs = [run for row in plan(study) for run in (row.run.training, row.run)]
    return {run_id(run): run for run in runs}


def sizes(store: Store, names: list[str]) -> list[int]:
    """How many networks were in the stack of each run."""
    made = [store.get(name).record["made_with"] for name in names]
    return [made_with.get("together", 1) for made_with in made]


def assert_same(found: Store, wanted: Store, names: list[str]) -> None:
    """Assert the same runs with the same masks, and the same numbers up to rounding."""
    for name in names:
        one, other = found.get(name), wanted.get(name)
        assert one.record["run"] == other.record["run"]
        result, expected = dict(one.record["result"]), dict(other.record["result"])
        for key in ("accuracy", "loss", "losses"):
            numbers = result.pop(key, None), expected.pop(key, None)
            # The accuracy changes by a whole image where two logits are almost equal.
            tolerance = {"abs": 0.006} if key == "accuracy" else {"rel": 1e-3}
            assert numbers[0] == (numbers[1] and pytest.approx(numbers[1], **tolerance))
        assert result == expected
        made, other_made = one.record["made_with"], other.record["made_with"]
        assert made.keys() | {"together"} == other_made.keys() | {"together"}
        assert (one.arrays is None) == (other.arrays is None)
        if one.arrays is not None:
            weights, expected_weights = one.tensors(), other.tensors()
            assert weights.keys() == expected_weights.keys()
            weights |= {f"past {key}": values for key, values in (one.past() or {}).items()}
            expected_weights |= {f"past {key}": v for key, v in (other.past() or {}).items()}
            assert weights.keys() == expected_weights.keys()
            for key, values in weights.items():
                torch.testing.assert_close(values, expected_weights[key], rtol=1e-3, atol=1e-4)


def test_equals_one_by_one(study: Study, one_by_one: Store, store: Store) -> None:
    told: list[float] = []
    todo = sweep.outlook(study, store)
    assert in_stacks(study, store, on_units=told.append)
    runs = all_runs(study)
    assert todo.runs_to_compute == len(runs)
    assert {path.stem for path in store.folder.rglob("*.json")} == set(runs)
    assert_same(store, one_by_one, list(runs))
    assert sum(told) == pytest.approx(todo.work) and min(told) > 0
    assert sweep.outlook(study, store).jobs == []
    assert not list((store.folder / "claims").iterdir())


def test_stacks_are_seeds_and_in_retraining_ratios_too(study: Study, store: Store) -> None:
    retrained = [run for run in all_runs(study).values() if getattr(run, "retraining_epochs", 0)]
    begun = time.perf_counter()
    in_stacks(study, store)
    took, told = time.perf_counter() - begun, 0.0
    for name, run in all_runs(study).items():
        told += store.get(name).record["made_with"]["seconds"]
        if isinstance(run, Training):
            expected = len(SEEDS)
        else:
            # All retrained runs of one kind of network: `pre` and `pre-random` share a stack.
            alike = [r for r in retrained if r.training.trainable == run.training.trainable]
            expected = len(alike) if run.retraining_epochs else 1
        assert sizes(store, [name]) == [expected], run
        assert store.get(name).record["made_with"]["device"] == "cpu"
        assert store.get(name).record["made_with"]["threads"] == 1
    assert took / 10 < told < took, "each tells its share of the time"


def test_what_is_fitted_anew_is_so_in_stacks_too(
    study: Study, one_by_one: Store, store: Store
) -> None:
    """No method of such a study is reconstructed, so the test asks for it in the runs."""
    runs = [
        replace(row.run, reconstructed=True)
        for row in plan(change_study(study, {"methods": ["direct", "post"]}))
        if row.pruning_ratio
    ]
    task = Task(tuple(runs), together=True)
    assert compute_together(task, places(store), lambda work: None, lambda: False)
    for run in runs:
        expected = compute(run, one_by_one, NO_DATA).record["result"]
        assert store.get(run_id(run)).record["result"] == expected


def test_large_stacks_are_cut(
    study: Study, one_by_one: Store, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pre = change_study(study, {"methods": ["pre", "direct"]})
    runs = all_runs(pre)
    trainings = [run for run in runs.values() if isinstance(run, Training)]
    room = 2 * max(map(stacks.memory, trainings))
    monkeypatch.setattr(stacks, "ROOM", room)
    in_stacks(pre, store)
    assert_same(store, one_by_one, list(runs))
    counted = Counter(sizes(store, [run_id(run) for run in trainings if run.layer == "spectral"]))
    assert counted == {2: 2, 1: 1}
    retrained = [r for r in runs.values() if isinstance(r, Pruning) and r.retraining_epochs]
    for run, size in zip(retrained, sizes(store, list(map(run_id, retrained))), strict=True):
        assert 1 < size * stacks.memory(run) <= room

    monkeypatch.setattr(stacks, "ROOM", 0)  # even then each network is computed alone
    alone = Store(store.folder / "alone")
    in_stacks(pre, alone)
    assert set(sizes(alone, list(runs))) == {1}
    assert_same(alone, one_by_one, list(runs))


def test_of_a_stack_only_what_is_missing_is_computed(
    study: Study, one_by_one: Store, store: Store
) -> None:
    """A part of each stack is there: all runs of one seed, and some of another."""
    pre = change_study(study, {"methods": ["pre"]})
    in_stacks(change_study(pre, {"seeds": [1]}), store)
    in_stacks(change_study(pre, {"seeds": [2], "pruning_ratios": [0.5]}), store)
    before = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*.*")}
    todo, told = sweep.outlook(pre, store), []
    assert in_stacks(pre, store, on_units=told.append)
    assert sum(told) == pytest.approx(todo.work)
    for path, when in before.items():
        assert path.stat().st_mtime_ns == when, "computed again"
    runs = all_runs(pre)
    assert_same(store, one_by_one, list(runs))
    new = [name for name in runs if not any(path.stem == name for path in before)]
    # The network of seed 3 alone; its four prunings with the two of seed 2 that were missing.
    assert Counter(sizes(store, new)) == {1: 1, 6: 6}


def test_what_another_sweep_computes_stays_out_and_is_waited_for_at_last(
    study: Study, one_by_one: Store, store: Store
) -> None:
    pre = change_study(study, {"methods": ["pre"], "pruning_ratios": [0.5]})
    runs = all_runs(pre)
    first = next(name for name, run in runs.items() if isinstance(run, Training))
    claimed, other = threading.Event(), threading.Event()

    def another_sweep() -> None:
        with store.claim(first):
            claimed.set()
            other.wait(30)
            entry = one_by_one.get(first)
            store.put(first, entry.record, entry.tensors(), entry.past())

    thread = threading.Thread(target=another_sweep)
    thread.start()
    claimed.wait(30)
    seen: list[int] = []

    def on_units(units: float) -> None:
        seen.append(len(list(store.folder.rglob("*.json"))))
        if len(seen) == pre.epochs:  # our two networks are trained: now the other may finish
            other.set()

    assert in_stacks(pre, store, on_units=on_units)
    thread.join()
    assert_same(store, one_by_one, list(runs))
    trained = [name for name, run in runs.items() if isinstance(run, Training)]
    assert sorted(sizes(store, trained)) == [1, 2, 2]
    assert not list((store.folder / "claims").iterdir())


def test_who_waits_for_another_sweep_holds_nothing_that_it_may_want(
    study: Study, store: Store
) -> None:
    first, second = [run for run in all_runs(study).values() if isinstance(run, Training)][:2]
    task = Task((first, second), together=True, wait=True)
    looks: list[bool] = []

    def stopped() -> bool:
        looks.append(store.claimed(run_id(second)))
        return len(looks) > 1

    with store.claim(run_id(first)), pytest.raises(Stopped):
        compute_task(task, places(store), lambda units: None, stopped)
    assert len(looks) > 1 and not any(looks)
    # A run that is claimed further back in a task is left out, not waited for.
    deadline = time.monotonic() + 30
    with store.claim(run_id(second)):
        assert not compute_task(
            task, places(store), lambda units: None, lambda: time.monotonic() > deadline
        )
    assert run_id(first) in store and run_id(second) not in store


def test_two_sweeps_at_once_compute_nothing_twice(
    study: Study, one_by_one: Store, store: Store, kept_in_stacks: list[str]
) -> None:
    backwards = change_study(study, {"seeds": SEEDS[::-1]})
    done: list[bool] = []
    sweeps = [
        threading.Thread(target=lambda part=part: done.append(in_stacks(part, store)), daemon=True)
        for part in (study, backwards)
    ]
    threads = torch.get_num_threads()
    for one in sweeps:
        one.start()
    for one in sweeps:
        one.join(90)
    torch.set_num_threads(threads)  # two threads of one process set it at once
    assert done == [True, True]
    assert Counter(kept_in_stacks) == dict.fromkeys(all_runs(study), 1)
    assert_same(store, one_by_one, list(all_runs(study)))


@pytest.fixture
def second_diverges(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network of seed 2 contains a number that is not finite."""

    def spoilt(run: Training) -> nn.Sequential:
        model = initial_network(run)
        if run.seed == 2:
            with torch.no_grad():
                next(model.parameters()).view(-1)[0] = torch.inf
        return model

    monkeypatch.setattr(together, "initial_network", spoilt)


@pytest.mark.usefixtures("second_diverges")
def test_a_network_that_diverges_leaves_the_others_alone(
    study: Study, one_by_one: Store, store: Store
) -> None:
    told: list[float] = []
    todo = sweep.outlook(study, store)
    assert in_stacks(study, store, on_units=told.append)
    assert sum(told) == pytest.approx(todo.work)
    runs = all_runs(study)
    assert_same(store, one_by_one, [n for n, run in runs.items() if seed_of(run) != 2])
    for name, run in runs.items():
        if seed_of(run) == 2:
            entry = store.get(name)
            assert entry.record["result"] == {"status": "diverged"} and entry.arrays is None
    assert results.diverged(study) == len(plan(study)) // 3
    assert set(results.curves(study)["seed"]) == {1, 3}


def seed_of(run: Run) -> int:
    return run.training.seed if isinstance(run, Pruning) else run.seed


def test_a_retraining_that_diverges_leaves_the_others_alone(
    study: Study, one_by_one: Store, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = together.train_together

    def spoilt(models: list[nn.Sequential], *data: Any, **options: Any) -> Any:
        if options["stream"] == "retraining":
            with torch.no_grad():
                list(models[5].parameters())[-1].fill_(torch.inf)
        return train(models, *data, **options)

    monkeypatch.setattr(together, "train_together", spoilt)
    pre = change_study(study, {"methods": ["pre"]})
    in_stacks(pre, store)
    lost = [n for n in all_runs(pre) if store.get(n).record["result"] == {"status": "diverged"}]
    assert len(lost) == 1
    assert_same(store, one_by_one, [name for name in all_runs(pre) if name not in lost])


def test_time_is_up_at_the_end_of_an_epoch(study: Study, store: Store) -> None:
    endless = change_study(study, {"epochs": 100_000})
    assert not in_stacks(endless, store, max_seconds=0.3)
    assert not list(store.folder.rglob("*.json"))
    pre = change_study(study, {"methods": ["pre"]})
    assert in_stacks(pre, store, max_seconds=100)
    finished = sorted(store.folder.rglob("*.json"))
    endless_after = change_study(pre, {"retraining_epochs": 100_000})
    assert not in_stacks(endless_after, store, max_seconds=0.3)
    assert sorted(store.folder.rglob("*.json")) == finished
    for stopped in (endless, endless_after):
        assert not any(map(store.claimed, all_runs(stopped)))


def test_worker_processes_compute_stacks_too(tiny: Study, store: Store, tmp_path: Path) -> None:
    two = change_study(tiny, {"methods": ["pre", "post"], "seeds": [1, 2]})
    here, told, todo = Store(tmp_path / "here"), [], sweep.outlook(two, store)
    assert in_stacks(two, here)
    assert in_stacks(two, store, executor="process", workers=1, on_units=told.append)
    assert_same(store, here, list(all_runs(two)))
    assert sizes(store, list(all_runs(two))) == sizes(here, list(all_runs(two)))
    assert sum(told) == pytest.approx(todo.work)


def test_too_little_memory_ends_in_a_sentence(
    study: Study, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(together, "train_together", full)
    with pytest.raises(ExecutorError, match=r"3 networks 8.*finished runs are kept.*--device cpu"):
        in_stacks(study, store)
    assert not any(map(store.claimed, all_runs(study)))


def test_threads_and_precision_are_given_back(
    study: Study, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, seen = together.train_together, []

    def watched(*args: Any, **options: Any) -> Any:
        seen.append((torch.get_num_threads(), torch.get_float32_matmul_precision()))
        return train(*args, **options)

    monkeypatch.setattr(together, "train_together", watched)
    with contextlib.ExitStack() as after:
        after.callback(torch.set_num_threads, torch.get_num_threads())
        after.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
        torch.set_num_threads(3)
        torch.set_float32_matmul_precision("medium")
        in_stacks(change_study(study, {"methods": ["direct"]}), store)
        assert torch.get_num_threads() == 3
        assert torch.get_float32_matmul_precision() == "medium"
    assert seen == [(1, "highest")]


def test_records_of_stacks_go_into_the_tables(
    tiny: Study, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    study = change_study(tiny, {"methods": ["pre"], "seeds": SEEDS})
    in_stacks(study, store)
    folder = record(study, store).folder
    runs = pd.read_csv(folder / "runs.csv")
    assert set(runs["together"]) == {6}
    assert (runs["seconds"] > 0).all()
    assert len(json.loads((folder / "manifest.json").read_text())["made_with"]) == 1
