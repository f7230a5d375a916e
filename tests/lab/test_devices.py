"""Which device is chosen, and what follows from it, with stand-ins for the GPU."""

from pathlib import Path
from typing import Any

import pytest
import torch

from eigenprune.lab import devices, protocols
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import executors, status, sweep, threads
from eigenprune.lab.execution.status import study_status
from eigenprune.lab.execution.work import work
from eigenprune.lab.machine import made_with
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study

GPU = "A GPU of this test"


def gpus(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: GPU)


@pytest.mark.parametrize(
    ("word", "number", "expected"),
    [
        ("cpu", 0, "cpu"),
        ("cpu", 1, "cpu"),
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda"),
        ("cuda", 1, "cuda"),
        ("cuda:0", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_the_device_that_a_word_stands_for(
    monkeypatch: pytest.MonkeyPatch, word: str, number: int, expected: str
) -> None:
    gpus(monkeypatch, number)
    assert devices.chosen(word) == expected
    assert devices.name(expected) == ("cpu" if expected == "cpu" else GPU)
    assert made_with(expected)["device"] == devices.name(expected)


@pytest.mark.parametrize(
    ("word", "number", "told"),
    [
        ("cuda", 0, "'cuda' is not available; torch finds cpu"),
        ("cuda:2", 2, "'cuda:2' is not available; torch finds cpu, cuda:0, cuda:1"),
        ("gpu", 1, "'gpu' is not one of auto, cpu, cuda"),
        ("cuda:", 1, "'cuda:' is not one of"),
        ("cuda:-1", 1, "'cuda:-1' is not one of"),
        ("CPU", 1, "'CPU' is not one of"),
        ("", 1, "'' is not one of"),
    ],
)
def test_other_devices_are_refused(
    monkeypatch: pytest.MonkeyPatch, word: str, number: int, told: str
) -> None:
    gpus(monkeypatch, number)
    with pytest.raises(UserError, match=f"^--device: {told}"):
        devices.chosen(word)


def test_a_device_that_is_not_there_is_refused_before_any_work(
    tiny: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, 0)
    with pytest.raises(UserError, match="'cuda' is not available"):
        sweep.run_study(tiny, device="cuda")
    assert not store_folder.exists()


@pytest.mark.parametrize(
    ("options", "device", "executor"),
    [
        ({}, "cpu", "process"),
        ({"device": "auto"}, "cuda", "inline"),
        ({"device": "cuda:1"}, "cuda:1", "inline"),
        ({"device": "cuda", "executor": "process"}, "cuda", "process"),
    ],
)
def test_a_gpu_computes_in_stacks_and_the_cpu_run_by_run(
    tiny: Study,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    device: str,
    executor: str,
) -> None:
    gpus(monkeypatch, 2)
    asked: list[Any] = []

    def execute(jobs: object, places: Any, **options: Any) -> bool:
        asked.append((places.device, options["executor"], options["together"]))
        return False

    monkeypatch.setattr(executors, "execute", execute)
    sweep.run_study(change_study(tiny, {"epochs": 100_000}), **options)
    assert asked == [(device, executor, device != "cpu")]


def test_seconds_of_one_device_tell_nothing_of_another(
    tiny: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, 0)
    store, two = Store(store_folder), change_study(tiny, {"seeds": [1, 2]})
    assert study_status(two, store).seconds_left is None
    sweep.run_study(tiny, executor="inline")
    assert study_status(tiny, store).seconds_left == 0
    monkeypatch.setattr(status, "default_workers", lambda: 1)
    alone = study_status(two, store).seconds_left
    monkeypatch.setattr(status, "default_workers", lambda: 4)
    assert study_status(two, store).seconds_left == pytest.approx(alone / 4)
    gpus(monkeypatch, 1)
    assert study_status(two, store).seconds_left is None

    monkeypatch.setattr(threads, "at_once", lambda device: 1)
    [first, *_] = sweep.outlook(two, store).jobs
    result = {"status": "diverged"}
    seconds = 7.0 * work(first.training)
    protocols.keep(first.training, result, store, seconds, device="cuda")
    todo = sweep.outlook(two, store)
    assert study_status(two, store).seconds_left == pytest.approx(7 * todo.work, rel=1e-3)
