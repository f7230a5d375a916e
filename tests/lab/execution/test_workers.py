"""The default number of workers: EIGENPRUNE_WORKERS, or one for each core."""

from typing import Any

import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import processes, sweep
from eigenprune.lab.execution.processes import default_workers, usable_cores
from eigenprune.lab.studies import Study


class Asked(Exception):
    """Ends a sweep as soon as it asks for workers."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of workers that sweeps wanted to start."""
    numbers: list[int] = []

    def start(number: int = 0, *, n_workers: int = 0, **others: Any) -> None:
        numbers.append(number or n_workers)
        raise Asked

    monkeypatch.setattr(processes, "ProcessPoolExecutor", start)
    monkeypatch.setattr("distributed.LocalCluster", start)
    return numbers


@pytest.mark.parametrize("executor", ["process", "dask"])
def test_the_variable_says_how_many(
    tiny: Study, asked: list[int], executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, workers in (("3", None), ("3", 2), ("", None)):
        monkeypatch.setenv("EIGENPRUNE_WORKERS", value)
        with pytest.raises(Asked):
            sweep.run_study(tiny, executor=executor, workers=workers)
    assert asked == [3, 2, usable_cores()]


def test_without_it_there_is_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EIGENPRUNE_WORKERS", raising=False)
    assert default_workers() == usable_cores()


def test_what_is_no_number_of_workers_is_refused(
    tiny: Study, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIGENPRUNE_WORKERS", "many")
    with pytest.raises(UserError, match=r"EIGENPRUNE_WORKERS='many': allowed is a whole number"):
        sweep.run_study(tiny, executor="process")
    assert asked == []
