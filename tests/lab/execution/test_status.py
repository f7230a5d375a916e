"""What is done, running and pending of a study: every run counts, those of a search too."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eigenprune.lab.execution import sweep
from eigenprune.lab.execution.processes import usable_cores
from eigenprune.lab.execution.status import Status, study_status
from eigenprune.lab.execution.work import work
from eigenprune.lab.plans import plan
from eigenprune.lab.protocols import compute
from eigenprune.lab.records.recorded import record
from eigenprune.lab.runs import Run, Training, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params, Study
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
    expected = seconds / work(first) * left / usable_cores()
    assert study_status(study, store).seconds_left == pytest.approx(expected)
    # The seconds of a network whose strength was chosen are those of the search: they count once.
    for run in (*others, training):
        compute(run, store, tmp_path)
    timed = [run for run in search_runs(training) if isinstance(run, Training)]
    seconds = sum(compute(run, store, tmp_path).record["made_with"]["seconds"] for run in timed)
    left = sum(work(run) for run in runs_of(study) if run_id(run) not in store)
    expected = seconds / sum(map(work, timed)) * left / usable_cores()
    assert study_status(study, store).seconds_left == pytest.approx(expected)


def test_a_search_behind_what_is_recorded_is_done(
    study: Study, store: Store, tmp_path: Path
) -> None:
    sweep.run_study(study, executor="inline")
    record(study, store)
    elsewhere = Store(tmp_path / "elsewhere")
    assert counts(study_status(study, elsewhere)) == (len(runs_of(study)), 0, 0)
    assert study_status(study, elsewhere).seconds_left == 0
