"""What is done, running and pending in a study: every run counts, also those of a search."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eigenprune.lab import devices, machine
from eigenprune.lab.execution import sweep, threads
from eigenprune.lab.execution.processes import default_workers
from eigenprune.lab.execution.status import Status, study_status
from eigenprune.lab.execution.work import work
from eigenprune.lab.machine import made_with
from eigenprune.lab.plans import plan
from eigenprune.lab.protocols import compute
from eigenprune.lab.records.recorded import folder_of, record, rows_by_run
from eigenprune.lab.runs import Run, Training, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params, Study, change_study
from eigenprune.lab.tuning import search_runs

L2 = {"regulariser": "l2", "strengths": [0.001, 0.1]}


@pytest.fixture
def study(arena_project: Callable[..., Params]) -> Study:
    """Two methods search among the same networks."""
    rivals = {"norm": {"score": "weight_norm", **L2}, "sum": {"score": "connectivity", **L2}}
    studies = {"tuned": {"methods": ["norm", "sum", "direct"]}}
    return arena_project(studies=studies, rivals=rivals).study("tuned")


@pytest.fixture
def store(study: Study, tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def runs_of(study: Study) -> set[Run]:
    trainings = {row.run.training for row in plan(study)}
    searches = {run for t in trainings if t.tuning for run in search_runs(t)}
    return {*trainings, *(row.run for row in plan(study)), *searches}


def counts(status: Status) -> tuple[int, int, int]:
    return status.done, status.running, status.pending


def test_the_runs_of_a_search_are_pending_then_running_then_done(
    study: Study, store: Store, tmp_path: Path
) -> None:
    runs = runs_of(study)
    assert counts(study_status(study, store)) == (0, 0, len(runs))
    training = next(row.run.training for row in plan(study) if row.method == "norm")
    first, *_ = searched = search_runs(training)
    with store.claim(run_id(first)):
        assert counts(study_status(study, store)) == (0, 1, len(runs) - 1)
    for number, run in enumerate(searched, start=1):
        compute(run, store, tmp_path)
        assert counts(study_status(study, store)) == (number, 0, len(runs) - number)
    sweep.run_study(study, executor="inline")
    assert counts(study_status(study, store)) == (len(runs), 0, 0)


def test_the_time_left_is_that_of_all_that_is_left(
    study: Study, store: Store, tmp_path: Path
) -> None:
    assert study_status(study, store).seconds_left is None
    training = next(row.run.training for row in plan(study) if row.method == "norm")
    first, *others = search_runs(training)
    seconds = compute(first, store, tmp_path).record["made_with"]["seconds"]
    left = sum(work(run) for run in runs_of(study) if run != first)
    expected = seconds / work(first) * left / default_workers()
    assert study_status(study, store).seconds_left == pytest.approx(expected)
    # The seconds of a network whose strength was chosen are those of the search: they count once.
    for run in (*others, training):
        compute(run, store, tmp_path)
    timed = [run for run in search_runs(training) if isinstance(run, Training)]
    seconds = sum(compute(run, store, tmp_path).record["made_with"]["seconds"] for run in timed)
    left = sum(work(run) for run in runs_of(study) if run_id(run) not in store)
    expected = seconds / sum(map(work, timed)) * left / default_workers()
    assert study_status(study, store).seconds_left == pytest.approx(expected)


def test_a_search_behind_what_is_recorded_is_done(
    study: Study, store: Store, tmp_path: Path
) -> None:
    sweep.run_study(study, executor="inline")
    record(study, store)
    elsewhere = Store(tmp_path / "elsewhere")
    assert counts(study_status(study, elsewhere)) == (len(runs_of(study)), 0, 0)
    assert study_status(study, elsewhere).seconds_left == 0


def test_in_a_fresh_clone_what_is_recorded_tells_how_fast(
    tiny: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    sweep.run_study(tiny, executor="inline")
    record(tiny, Store(tmp_path / "runs"))
    rows = rows_by_run(folder_of(tiny)).values()
    taken = {row["training"]: row["training_seconds"] for row in rows}
    networks = {row.run.training for row in plan(tiny)}
    pace = sum(taken.values()) / sum(map(work, networks))
    more = change_study(tiny, {"seeds": [1, 2]})
    elsewhere = Store(tmp_path / "elsewhere")
    todo = sweep.outlook(more, elsewhere)
    expected = pace * todo.work / default_workers()
    assert expected > 0 and study_status(more, elsewhere).seconds_left == pytest.approx(expected)
    monkeypatch.setattr(devices, "chosen", lambda word: "cuda")
    monkeypatch.setattr(devices, "name", lambda device: "a GPU")
    assert study_status(more, elsewhere).seconds_left is None, "cores tell nothing of a GPU"


def test_stacks_on_a_gpu_run_side_by_side(
    tiny: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"device": "a GPU"}
    monkeypatch.setattr(machine, "made_with", lambda device: {**made_with(device), **made})
    sweep.run_study(tiny, executor="inline")
    more = change_study(tiny, {"seeds": [1, 2]})
    monkeypatch.setattr(devices, "chosen", lambda word: "cuda")
    monkeypatch.setattr(devices, "name", lambda device: "a GPU")
    lefts = []
    for number in (1, 5):
        monkeypatch.setattr(threads, "at_once", lambda device, number=number: number)
        lefts.append(study_status(more, Store(store_folder)).seconds_left)
    assert lefts[0] > 0 and lefts[1] == pytest.approx(lefts[0] / 5)
