"""Trials from end to end: the same table on every executor, resumed, recorded, elsewhere."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eigenprune.lab import datasets, protocols, results
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import sweep
from eigenprune.lab.execution.executors import EXECUTORS
from eigenprune.lab.execution.stacks import in_stacks
from eigenprune.lab.execution.status import study_status
from eigenprune.lab.execution.tasks import OnUnits
from eigenprune.lab.records.recorded import folder_of
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params
from eigenprune.lab.trials.entries import Trials, change_trials
from eigenprune.lab.trials.tables import LABELS, record, recorded, table
from eigenprune.report.origins import of_runs
from eigenprune.report.provenance.staleness import since_recorded
from eigenprune.report.trials import trial_exhibits

Make = Callable[..., Trials]


GRID = [
    {"method": ["none"]},
    {"method": ["magnitude"], "sparsity": [0.5, 0.8]},
    {"method": ["quantised"], "bits": [4]},
]
GROWING = {
    "algorithm": ["connections"],
    "choice": ["random"],
    "wanted_loss": [0.01],
    "connectivity": [0.3],
    "new_connections": [0.1],
    "tolerance": [0.5],
    "patience": [1],
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def trials(make: Make) -> Trials:
    return make("compression", GRID)


def compute(trials: Trials) -> pd.DataFrame:
    return sweep.run_study(trials, executor="inline")


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """Another machine: the same project with an empty store."""
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "elsewhere"))
    return Store(tmp_path / "elsewhere")


def test_the_table(trials: Trials) -> None:
    rows = compute(trials)
    options, results = ["method", "sparsity", "bits"], ["retraining_epochs", "accuracy", "loss"]
    assert list(rows) == [*LABELS, *options, *results, "bytes", "parameters", "run"]
    assert rows[["method", "retraining_epochs"]].to_numpy().tolist() == [
        ["none", 0], ["none", 2], *([["magnitude", 0], ["magnitude", 2]] * 2), ["quantised", 0],
    ]  # fmt: skip
    assert rows["run"].nunique() == 4
    assert rows["bits"].dropna().tolist() == [4] and rows["sparsity"].notna().sum() == 4
    assert (rows["study"] == "tiny").all() and (rows["hidden"] == "12-8").all()


def test_the_table_of_nothing_has_columns(trials: Trials) -> None:
    rows = table(trials)
    assert rows.empty and {*LABELS, "method", "run"} <= set(rows)
    assert not list(Path().glob("results/**/*.csv"))


def test_the_same_rows_on_every_executor(
    trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for executor in EXECUTORS:
        monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / executor))
        found.append(sweep.run_study(trials, executor=executor, workers=1))
    for other in found[1:]:
        pd.testing.assert_frame_equal(other, found[0], check_exact=True)


def test_what_is_interrupted_goes_on_and_nothing_is_computed_twice(
    trials: Trials, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compute(trials)
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "second"))
    store = Store(tmp_path / "second")
    computed: list[str] = []

    def kept(run: Any, *rest: Any, **more: Any) -> Any:
        if len(computed) == 3:
            raise KeyboardInterrupt
        computed.append(type(run).__name__)
        return keep(run, *rest, **more)

    keep = protocols.keep
    monkeypatch.setattr(protocols, "keep", kept)
    with pytest.raises(KeyboardInterrupt):
        compute(trials)
    assert computed == ["Training", "Trial", "Trial"]
    assert sweep.outlook(trials, store).runs_to_compute == 2
    status = study_status(trials, store)
    assert (status.done, status.running, status.pending) == (3, 0, 2)
    monkeypatch.setattr(protocols, "keep", keep)
    pd.testing.assert_frame_equal(compute(trials), whole, check_exact=True)


@pytest.mark.parametrize("kind", ["compression", "growing"])
def test_the_work_that_is_told_is_the_work_that_was_announced(make: Make, kind: str) -> None:
    told: list[float] = []

    def on_start(todo: sweep.Outlook) -> OnUnits:
        told.append(-todo.work)
        return told.append

    trials = make(kind, GRID if kind == "compression" else GROWING)
    sweep.run_study(trials, executor="inline", on_start=on_start)
    assert all(units >= 0 for units in told[1:]) and len(told) > 5
    assert sum(told) == pytest.approx(0, abs=-1e-6 * told[0])


def test_trials_do_not_enter_stacks(trials: Trials, store_folder: Path) -> None:
    """On a GPU too, they are computed one by one, after the network that they begin with."""
    todo = sweep.outlook(trials, Store(store_folder))
    (first,) = in_stacks(todo.jobs)
    assert not first.together and len(first.runs) == 1
    assert not any(task.together for task in first.followers)
    assert sum(len(task.runs) for task in first.followers) == 4


@pytest.mark.parametrize("kind", ["compression", "modules", "growing"])
def test_what_is_recorded_is_done_elsewhere(
    make: Make, kind: str, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = {"clustering": ["random"], "modules": [2], "gamma": [1], "sparsity": [0.9, 1]}
    trials = make(kind, {"compression": GRID, "modules": modules, "growing": GROWING}[kind])
    here = compute(trials)
    made = record(trials, Store(store_folder))
    assert (made.rows, made.missing) == (here["run"].nunique(), 0)
    written = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    beside = {"compression": {"costs.csv"}, "modules": {"modules.safetensors"}}
    assert set(written) == {"table.csv", "runs.csv", "manifest.json"} | beside.get(kind, set())
    store = elsewhere(monkeypatch, tmp_path)
    assert sweep.outlook(trials, store).jobs == []
    pd.testing.assert_frame_equal(compute(trials), here, check_exact=True)
    pd.testing.assert_frame_equal(table(trials, recorded_only=True), here, check_exact=True)
    assert not store.folder.exists()
    record(trials, store)
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == written


def test_recordings_of_two_machines_add_up(
    trials: Trials, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = change_trials(trials, {"seeds": [1, 2]})
    compute(trials)
    assert record(both, Store(store_folder)).missing == 4
    store = elsewhere(monkeypatch, tmp_path)
    compute(change_trials(trials, {"seeds": [2]}))
    assert record(both, store).missing == 0
    assert set(table(both, recorded_only=True)["seed"]) == {1, 2}
    manifest = json.loads((folder_of(both) / "manifest.json").read_text())
    assert manifest["rows"] == manifest["rows_planned"] == 8 and manifest["networks"] == 2
    assert manifest["study"]["kind"] == "compression" and manifest["training_seconds"] > 0
    assert sum(group["rows"] for group in manifest["made_with"]) == 8


def test_other_settings_do_not_count_as_done(trials: Trials, store_folder: Path) -> None:
    compute(trials)
    record(trials, Store(store_folder))
    other = change_trials(trials, {"learning_rate": 0.02})
    assert recorded(other)  # the trials have the same name
    assert sweep.outlook(other, Store(store_folder / "empty")).runs_done == 0
    assert table(other).empty


def test_files_that_do_not_belong_together_are_refused(trials: Trials, store_folder: Path) -> None:
    compute(trials)
    path = record(trials, Store(store_folder)).folder / "runs.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(UserError, match=r"table\.csv and runs\.csv are not of the same runs"):
        recorded(trials)
    path.with_name("table.csv").write_text("<<<<<<< HEAD\n")
    with pytest.raises(UserError, match=r"table\.csv: no column 'study'.*: restore it from Git"):
        recorded(trials)


def test_chapters_get_quick_trials_computed_and_others_as_recorded(
    trials: Trials, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(**more: Any) -> list[trial_exhibits.ShownTrials]:
        params = Params((), {}, trials={"tiny": trials}, **more)
        monkeypatch.setattr(trial_exhibits, "load_params", lambda path: params)
        return trial_exhibits.there(["tiny"])

    [quick] = shown(quick_trials=("tiny",))
    assert (quick.trials, quick.recorded, len(quick.table)) == (trials, False, 7)
    assert shown() == []
    record(trials, Store(store_folder))
    [as_recorded] = shown()
    assert as_recorded.recorded
    pd.testing.assert_frame_equal(as_recorded.table, quick.table, check_exact=True)


def test_the_origin_says_what_is_there(
    trials: Trials, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = of_runs(trials)
    assert (here.runs, here.recorded, len(here.study["points"])) == (4, False, 4)
    assert of_runs(trials, recorded=True).runs == 0
    compute(trials)
    record(trials, Store(store_folder))
    there = of_runs(change_trials(trials, {"seeds": [1, 2]}), recorded=True)
    assert (there.runs, there.study["seeds"]) == (4, [1]) and there.commits
    assert there.study["points"] == here.study["points"]
    assert there.common_hash == here.common_hash


def test_what_has_changed_since_trials_were_recorded(trials: Trials, store_folder: Path) -> None:
    compute(trials)
    folder = record(trials, Store(store_folder)).folder

    def since(**changes: Any) -> tuple[str, ...]:
        now = replace(trials, **changes)
        return since_recorded(folder, Params((), {}, trials={"tiny": now})).outdated

    assert since() == ()
    assert since(seeds=(1, 2)) == ()
    assert since(points=(*trials.points, (("method", "clustered"), ("clusters", 3)))) == ()
    assert since(epochs=9) == ("epochs was 3 and is 9",)
    assert "points no longer has" in since(points=trials.points[:3])[0]
    gone = since_recorded(folder, Params((), {})).outdated
    assert gone == ("params.yaml has no study tiny any more",)


def test_numbers_that_cease_to_be_finite_leave_no_rows(make: Make, store_folder: Path) -> None:
    trials = make("compression", GRID, learning_rate=1e30)
    assert compute(trials).empty
    assert results.diverged(trials) == 4
    assert record(trials, Store(store_folder)).rows == 0
    assert not folder_of(trials).exists()


def test_trials_are_judged_by_the_test_set(
    trials: Trials, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They are trained without the held-out examples, which gives other results than with all."""
    held = compute(trials)
    all_of_them = compute(change_trials(trials, {"held_out": 0}))
    assert not held["loss"].equals(all_of_them["loss"])
    test = len(datasets.load("digits", Path("no-data")).test_targets)
    counts = held["accuracy"] * test
    assert (counts - counts.round()).abs().max() < 1e-9
