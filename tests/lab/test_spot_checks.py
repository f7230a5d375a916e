"""Recorded runs computed again: the same code gives the same bits, other numbers are noticed."""

import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab import code_state, origins, spot_checks, sweep, tasks
from eigenprune.lab.plans import runs_of
from eigenprune.lab.recorded import folder_of, record
from eigenprune.lab.runs import run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study
from eigenprune.lab.trials import tables
from eigenprune.lab.trials.entries import make_trials
from eigenprune.report.spot_checks import as_recorded


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project of the test's own, so that nothing is recorded in the real one."""
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def recorded(tiny: Study, store_folder: Path) -> Study:
    """A study of two seeds whose runs are recorded and no longer in the store."""
    study = change_study(tiny, {"seeds": [1, 2]})
    sweep.run_study(study, executor="inline")
    record(study, Store(store_folder))
    shutil.rmtree(store_folder)
    return study


def check(study: Study, count: int = 100, seed: int = 0) -> pd.DataFrame:
    return spot_checks.check(study, spot_checks.drawn(study, count, seed))


def otherwise(study: Study, column: str, value: object, file: str = "runs.csv") -> None:
    """Write another value into every row of a recording."""
    path = folder_of(study) / file
    table = pd.read_csv(path, dtype=str)
    table[column] = value
    table.to_csv(path, index=False)


def test_the_same_code_gives_the_same_bits(recorded: Study) -> None:
    found = check(recorded)
    assert set(found["run"]) == set(map(run_id, runs_of(recorded)))
    assert found["same"].all() and found["alike"].all() and (found["difference"] == 0).all()
    assert as_recorded(found).all()


def test_other_numbers_are_noticed(recorded: Study) -> None:
    otherwise(recorded, "accuracy", "0.5", "curves.csv")
    found = check(recorded)
    assert not found["same"].any() and not as_recorded(found).any()
    assert (found["difference"] > 0.05).any()


@pytest.mark.parametrize("column", ["loss", "nodes_by_layer"])
def test_whatever_a_run_leaves_is_compared(recorded: Study, column: str) -> None:
    file = "curves.csv" if column == "loss" else "runs.csv"
    otherwise(recorded, column, "7", file)
    found = check(recorded)
    assert not found["same"].any() and (found["difference"] == 0).all()


def test_another_kind_of_machine_may_differ_as_seeds_do(recorded: Study) -> None:
    otherwise(recorded, "processor", "another")
    found = check(recorded)
    assert not found["alike"].any() and as_recorded(found).all()
    found = found[found["spread"] > 0]  # two seeds may be equal by chance
    moved = found.assign(same=False, difference=4.2 * found["spread"])
    assert as_recorded(moved).all()
    assert not as_recorded(moved.assign(difference=4.3 * found["spread"])).any()
    assert not as_recorded(moved.assign(alike=True)).any()
    assert not as_recorded(moved.assign(spread=math.nan)).any()  # a single seed tells nothing


def test_the_lot_falls_on_runs_of_this_kind_of_machine(recorded: Study) -> None:
    path = folder_of(recorded) / "runs.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[table.index[1:], "processor"] = "another"
    table.to_csv(path, index=False)
    for seed in range(5):
        drawn = map(run_id, spot_checks.drawn(recorded, 1, seed))
        assert table["run"][0] in set(drawn)


def test_the_lot_is_another_for_another_seed_and_the_same_for_the_same(recorded: Study) -> None:
    lots = [frozenset(map(run_id, spot_checks.drawn(recorded, 1, seed))) for seed in range(20)]
    assert len(set(lots)) > 3
    assert lots[0] == frozenset(map(run_id, spot_checks.drawn(recorded, 1, 0)))


def test_what_costs_nothing_comes_with_what_is_drawn(recorded: Study) -> None:
    for seed in range(10):
        drawn = spot_checks.drawn(recorded, 1, seed)
        networks = {run.training for run in drawn}
        free = [r for r in runs_of(recorded) if r.training in networks and not r.retraining_epochs]
        assert set(free) <= set(drawn) and len(drawn) <= len(set(free)) + 1


def test_what_is_finished_is_not_done_again(recorded: Study) -> None:
    first = check(recorded)
    left: list[int] = []
    runs = spot_checks.drawn(recorded, 100, 0)

    def on_start(todo: sweep.Outlook) -> tasks.OnUnits:
        left.append(todo.runs_to_compute)
        return lambda units: None

    again = spot_checks.check(recorded, runs, on_start=on_start)
    assert left == [0]
    pd.testing.assert_frame_equal(again, first)


def test_nothing_is_taken_from_the_run_store(tiny: Study, store_folder: Path) -> None:
    sweep.run_study(tiny, executor="inline")
    record(tiny, Store(store_folder))
    todo = spot_checks.check(tiny, spot_checks.drawn(tiny, 1, 0))
    folder = store_folder / "spot-checks" / origins.code_now()
    assert {path.stem for path in folder.rglob("*.json")} > set(todo["run"])


def test_what_is_found_is_kept_and_adds_up(recorded: Study) -> None:
    found = check(recorded)
    spot_checks.record(recorded, found[:3])
    spot_checks.record(recorded, found[2:])
    kept = spot_checks.of_code_now(folder_of(recorded))
    wanted = found.sort_values("run", ignore_index=True)
    pd.testing.assert_frame_equal(kept, wanted, check_dtype=False)


def test_other_code_begins_anew(recorded: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    found = check(recorded)
    spot_checks.record(recorded, found)
    other = dict.fromkeys(code_state.current(), "other")
    monkeypatch.setattr(code_state, "current", lambda: other)
    origins.code_now.cache_clear()
    try:
        assert spot_checks.of_code_now(folder_of(recorded)).empty
        again = found[:1].assign(code=origins.code_now())
        spot_checks.record(recorded, again)
        assert len(spot_checks.of_code_now(folder_of(recorded))) == 1
    finally:
        monkeypatch.undo()
        origins.code_now.cache_clear()
    assert spot_checks.of_code_now(folder_of(recorded)).empty


def test_trials_are_checked_too(store_folder: Path) -> None:
    values = {
        "kind": "compression",
        "dataset": "digits",
        "hidden": [8],
        "activations": ["relu"],
        "seeds": [1],
        "epochs": 2,
        "retraining_epochs": 1,
        "batch_size": 100,
        "learning_rate": 0.01,
        "grid": {"method": ["magnitude"], "sparsity": [0.5, 0.9]},
    }
    trials = make_trials("tried", values, "test")
    sweep.run_study(trials, executor="inline")
    tables.record(trials, Store(store_folder))
    found = check(trials)
    assert len(found) == 2 and found["same"].all() and found["spread"].isna().all()
    table = pd.read_csv(folder_of(trials) / "table.csv")
    table["accuracy"] += 0.1
    table.to_csv(folder_of(trials) / "table.csv", index=False)
    assert check(trials)["difference"].to_numpy() == pytest.approx(0.1)
