"""The Dask executor: the same rows as everywhere, and no row lost with a worker."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import distributed
import pandas as pd
import pytest

from eigenprune.lab.errors import ExecutorError, UserError
from eigenprune.lab.execution import sweep
from eigenprune.lab.studies import Study, change_study, make_study

STUDY = {
    "dataset": "digits",
    "hidden": [8],
    "activations": ["relu"],
    "methods": ["direct", "pre"],
    "seeds": [1, 2, 3],
    "pruning_ratios": [0.5],
    "epochs": 3,
    "retraining_epochs": 1,
    "batch_size": 100,
    "learning_rate": 0.01,
    "initialisation": "2022",
}


@pytest.fixture(scope="module")
def study() -> Study:
    return make_study("dask", STUDY, "test")


@pytest.fixture(scope="module")
def cluster() -> Iterator[distributed.LocalCluster]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as running:
        yield running


def rows(
    study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: object
) -> pd.DataFrame:
    monkeypatch.setenv("EIGENPRUNE_STORE", str(folder))
    return sweep.run_study(study, **options)


def arrays(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.safetensors")}


def test_same_rows_as_inline(
    study: Study,
    cluster: distributed.LocalCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = rows(study, tmp_path / "inline", monkeypatch, executor="inline")
    told: list[float] = []
    todo: list[sweep.Outlook] = []

    def on_start(outlook: sweep.Outlook) -> object:
        todo.append(outlook)
        return told.append

    there = rows(
        study,
        tmp_path / "dask",
        monkeypatch,
        executor="dask",
        address=cluster.scheduler_address,
        on_start=on_start,
    )
    pd.testing.assert_frame_equal(there, plain)
    assert arrays(tmp_path / "dask") == arrays(tmp_path / "inline")
    assert sum(told) == pytest.approx(todo[0].work)


def test_a_killed_worker_takes_nothing_with_it(
    study: Study,
    cluster: distributed.LocalCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    longer = change_study(study, {"epochs": 60, "seeds": list(range(8))})
    with distributed.Client(cluster) as client:
        victim = next(iter(client.run(os.getpid).values()))
    killed = threading.Event()

    def kill_midway() -> None:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "dask").rglob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(victim, signal.SIGKILL)
        killed.set()

    thread = threading.Thread(target=kill_midway)
    thread.start()
    there = rows(
        longer, tmp_path / "dask", monkeypatch, executor="dask", address=cluster.scheduler_address
    )
    thread.join()
    assert killed.is_set()
    pd.testing.assert_frame_equal(
        there, rows(longer, tmp_path / "inline", monkeypatch, executor="inline")
    )


def test_a_cluster_is_started_here_and_stops_in_time(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = change_study(study, {"epochs": 10**6})
    begun = time.monotonic()
    there = rows(endless, tmp_path / "dask", monkeypatch, executor="dask", workers=1, max_seconds=4)
    assert len(there) == 0
    assert time.monotonic() - begun < 60


def test_without_a_worker_it_stops_in_time(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the jobs of a batch system are still waiting in the queue."""
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as waiting:
        begun = time.monotonic()
        there = rows(
            study, tmp_path, monkeypatch,
            executor="dask", address=waiting.scheduler_address, max_seconds=2,
        )  # fmt: skip
        assert len(there) == 0 and time.monotonic() - begun < 30


def test_a_scheduler_that_goes_away_is_told(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the Python session that started the cluster is closed."""
    endless = change_study(study, {"epochs": 10**6})
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None
    ) as running:
        closing = threading.Timer(4, running.close)
        closing.start()
        with pytest.raises(ExecutorError, match="the Dask scheduler is gone; finished runs are"):
            rows(endless, tmp_path, monkeypatch, executor="dask", address=running.scheduler_address)
        closing.join()


def test_an_address_where_nobody_answers(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:9'"):
        rows(study, tmp_path, monkeypatch, executor="dask", address="tcp://127.0.0.1:9")
