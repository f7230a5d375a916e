"""What happens when somebody pulls the plug: real processes, really killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from eigenprune.lab.execution import sweep
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, make_study

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")

# A busy machine is slow to start processes; a worker that must die gets less time.
PATIENCE = 90
SECONDS_TO_DIE = 15

SWEEP = """
import json, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
from eigenprune.lab import errors, studies
from eigenprune.lab.execution import sweep
study = studies.make_study("fault", json.loads(sys.argv[1]), "test")
try:
    sweep.run_study(study, executor="process", workers=min(2, len(study.seeds)))
except errors.ExecutorError as error:
    sys.exit(f"ExecutorError: {error}")
"""
SETTINGS = {
    "dataset": "digits",
    "hidden": [8],
    "activations": ["relu"],
    "methods": ["direct"],
    "seeds": [1],
    "pruning_ratios": [0.5],
    "epochs": 2,
    "retraining_epochs": 0,
    "batch_size": 100,
    "learning_rate": 0.01,
    "initialisation": "2022",
}
# Many short runs: at any time, one is being trained or written.
MANY = SETTINGS | {"methods": ["direct", "post"], "seeds": list(range(8)), "epochs": 20}
# A network that is quickly trained, and retrainings that never end.
ENDLESS = SETTINGS | {"methods": ["pre"], "retraining_epochs": 10**7}


def study_of(settings: dict[str, object]) -> Study:
    return make_study("fault", settings, "test")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run store of one test."""
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "runs"))
    monkeypatch.setenv("EIGENPRUNE_DATA", str(tmp_path / "no-data"))
    return tmp_path / "runs"


Start = Callable[[dict[str, object]], subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a sweep in a process group of its own; nothing of it outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start_sweep(settings: dict[str, object]) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", SWEEP, json.dumps(settings)],
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start_sweep
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(happens: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not (happened := happens()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return happened


def records(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.json") if not path.name.startswith("."))


def all_whole(folder: Path) -> bool:
    store = Store(folder)
    return all(store.get(path.stem) is not None for path in records(folder))


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The worker processes, without multiprocessing's own resource tracker."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            # A worker asks Git for the commit: that child may be gone before it is inspected.
            with contextlib.suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
    return found


def gone(process: psutil.Process) -> bool:
    # Perhaps nobody collects the exit status of an orphan: a zombie has ended too.
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_parent_killed_workers_die_and_the_next_start_goes_on(
    start: Start, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(MANY)
    assert wait_until(lambda: len(records(folder)) >= 3), "the sweep did not begin"
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(workers(process)) == 2
    process.kill()
    process.wait()
    assert wait_until(lambda: all(map(gone, family)), SECONDS_TO_DIE), "orphans go on computing"

    assert all_whole(folder)
    finished = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in records(folder)}
    rows = sweep.run_study(study_of(MANY), executor="inline")
    again = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in records(folder)}
    assert len(finished) < len(again), "nothing was left to do: the kill came too late"
    assert again.items() >= finished.items()

    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "undisturbed"))
    undisturbed = sweep.run_study(study_of(MANY), executor="inline")
    pd.testing.assert_frame_equal(rows, undisturbed)
    assert len(rows) == 32


def test_worker_killed_is_told_in_a_sentence_and_finished_runs_are_kept(
    start: Start, folder: Path
) -> None:
    process = start(ENDLESS | {"seeds": [1, 2]})
    assert wait_until(lambda: len(records(folder)) == 2), "the sweep did not begin"
    family = workers(process)
    family[0].kill()
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "ExecutorError: a worker process was killed" in told
    assert "finished runs are kept" in told and "start again to go on" in told
    assert wait_until(lambda: all(map(gone, family)), SECONDS_TO_DIE)
    assert len(records(folder)) == 2 and all_whole(folder)


def test_ctrl_c_ends_within_seconds_and_finished_runs_are_kept(start: Start, folder: Path) -> None:
    process = start(ENDLESS)
    assert wait_until(lambda: len(records(folder)) == 1), "the sweep did not begin"
    family = workers(process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, told = process.communicate(timeout=SECONDS_TO_DIE)
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert "KeyboardInterrupt" in told and "ExecutorError" not in told
    assert wait_until(lambda: all(map(gone, family)), SECONDS_TO_DIE)
    assert len(records(folder)) == 1 and all_whole(folder)


def test_bench_killed_leaves_nothing_that_would_disturb_the_next(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "eigenprune", "bench", "--dataset", "digits", "--rounds", "999"],
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        assert wait_until(lambda: bool(workers(process))), "it did not begin"
        family = workers(process)
    finally:
        process.kill()
    process.wait()
    assert wait_until(lambda: all(map(gone, family)), SECONDS_TO_DIE), "orphans go on computing"


def test_ctrl_c_is_for_the_parent_alone(start: Start) -> None:
    """Ctrl-C reaches all processes: a worker hit as it imports torch must not break the pool."""
    process = start(SETTINGS)
    while process.poll() is None:
        for worker in workers(process):
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert process.returncode == 0, process.communicate()[1]


KEEPING = """
import json, sys
from eigenprune.lab import protocols, runs, studies
from eigenprune.lab.execution import sweep
keep = protocols.keep
def noted(run, *given, **named):
    print(runs.run_id(run), flush=True)
    return keep(run, *given, **named)
protocols.keep = noted
study = studies.make_study("fault", json.loads(sys.argv[1]), "test")
print("ready", flush=True)
sys.stdin.readline()
sweep.run_study(study, executor="inline")
"""


def test_two_sweeps_at_once_compute_nothing_twice(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backwards = MANY | {"seeds": MANY["seeds"][::-1]}
    sweeps = [
        subprocess.Popen(
            [sys.executable, "-c", KEEPING, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for settings in (MANY, backwards)
    ]
    try:
        assert all(process.stdout.readline() == "ready\n" for process in sweeps)
        for process in sweeps:
            process.stdin.write("go\n")
            process.stdin.flush()
        kept = [process.communicate(timeout=PATIENCE)[0].split() for process in sweeps]
    finally:
        for process in sweeps:
            process.kill()
    assert [process.returncode for process in sweeps] == [0, 0]
    assert all(kept), "both had something to do"
    assert sorted(kept[0] + kept[1]) == sorted(path.stem for path in records(folder))
    rows = sweep.run_study(study_of(MANY), executor="inline")
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "undisturbed"))
    pd.testing.assert_frame_equal(rows, sweep.run_study(study_of(MANY), executor="inline"))
    assert not list((folder / "claims").iterdir())
