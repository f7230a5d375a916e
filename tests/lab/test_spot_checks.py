"""Recorded runs computed again: the same code gives the same bits; other numbers are noticed."""

import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab import spot_checks
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import sweep, tasks
from eigenprune.lab.plans import runs_of
from eigenprune.lab.records import code_state
from eigenprune.lab.records.recorded import folder_of, record, rows_by_run
from eigenprune.lab.runs import run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study
from eigenprune.lab.trials import tables
from eigenprune.lab.trials.entries import make_trials
from eigenprune.report.provenance.spot_checks import hold, verdicts


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A separate project for each test, so that nothing is recorded in the real one."""
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
    assert hold(found)


def test_other_numbers_are_noticed(recorded: Study) -> None:
    otherwise(recorded, "accuracy", "0.5", "curves.csv")
    found = check(recorded)
    assert set(verdicts(found)) == {"other"} and not hold(found)
    assert (found["difference"] > 0.05).any()


@pytest.mark.parametrize("column", ["loss", "nodes_by_layer"])
def test_whatever_a_run_leaves_is_compared(recorded: Study, column: str) -> None:
    if column == "loss":
        otherwise(recorded, column, "7", "curves.csv")
    else:  # the two files still describe the same networks
        otherwise(recorded, "nodes_kept", "7", "curves.csv")
        otherwise(recorded, "nodes_by_layer", "7", "runs.csv")
    found = check(recorded)
    assert not found["same"].any() and (found["difference"] == 0).all()


@pytest.mark.parametrize("kind", spot_checks.BITS)
def test_another_kind_of_machine_is_told(recorded: Study, kind: str) -> None:
    assert check(recorded)["alike"].all()
    otherwise(recorded, kind, "7")
    assert not check(recorded)["alike"].any()


def test_spreads_are_those_of_the_seeds_at_each_point(recorded: Study) -> None:
    found = check(recorded).set_index("run")
    rows = pd.DataFrame(rows_by_run(folder_of(recorded)).values())
    point = rows[(rows["method"] == "pre") & (rows["pruning_ratio"] == 0.5)]
    one, other = point["accuracy"]
    assert list(found.loc[point["run"], "seeds"]) == [2, 2]
    assert list(found.loc[point["run"], "spread"]) == pytest.approx([abs(one - other) / 2**0.5] * 2)


def test_another_kind_of_machine_may_differ_as_seeds_do(recorded: Study) -> None:
    found = check(recorded).assign(spread=0.01, seeds=5)
    assert set(verdicts(found)) == {"same"} and hold(found)
    apart = 4.604 * 2**0.5 * 0.01  # of Student's distribution with four degrees of freedom
    elsewhere = found.assign(same=False, alike=False, difference=0.99 * apart)
    assert set(verdicts(elsewhere)) == {"near"} and hold(elsewhere)
    far = elsewhere.assign(difference=1.01 * apart)
    assert set(verdicts(far)) == {"far"} and not hold(far)
    assert set(verdicts(elsewhere.assign(alike=True))) == {"other"}
    for unknown in (elsewhere.assign(seeds=2), elsewhere.assign(spread=math.nan)):
        assert set(verdicts(unknown)) == {"unknown"} and not hold(unknown)


def test_the_draw_is_among_runs_of_this_kind_of_machine(recorded: Study) -> None:
    path = folder_of(recorded) / "runs.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[table.index[1:], "processor"] = "another"
    table.to_csv(path, index=False)
    for seed in range(5):
        drawn = map(run_id, spot_checks.drawn(recorded, 1, seed))
        assert table["run"][0] in set(drawn)


def test_the_draw_is_another_for_another_seed_and_the_same_for_the_same(recorded: Study) -> None:
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
    folder = store_folder / "spot-checks" / code_state.state_now(of_trials=False, of_arena=False)
    assert {path.stem for path in folder.rglob("*.json")} > set(todo["run"])


def test_what_is_found_is_kept_and_adds_up(recorded: Study) -> None:
    found = check(recorded)
    spot_checks.record(recorded, found[:3])
    spot_checks.record(recorded, found[2:])
    kept = spot_checks.of_code_now(folder_of(recorded))
    wanted = found.sort_values("run", ignore_index=True)
    pd.testing.assert_frame_equal(kept, wanted, check_dtype=False)


def test_a_check_says_nothing_of_another_recording(recorded: Study) -> None:
    found = check(recorded)
    spot_checks.record(recorded, found)
    path = folder_of(recorded) / "curves.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[0, "loss"] = "7"
    table.to_csv(path, index=False)
    assert len(spot_checks.of_code_now(folder_of(recorded))) == len(found) - 1


def test_other_code_begins_anew(recorded: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    found = check(recorded)
    spot_checks.record(recorded, found)
    with monkeypatch.context() as changed:
        changed.setattr(code_state, "state_now", lambda **which: "other")
        assert spot_checks.of_code_now(folder_of(recorded)).empty
        spot_checks.record(recorded, found[:1].assign(code="other"))
        assert len(spot_checks.of_code_now(folder_of(recorded))) == 1
    assert spot_checks.of_code_now(folder_of(recorded)).empty


PUBLISHED = {"of_trials": False, "of_arena": False}
ARENA = {"of_trials": False, "of_arena": True}
TRIALS = {"of_trials": True, "of_arena": True}


@pytest.mark.parametrize(
    ("file", "matters"),
    [
        ("residual.py", [TRIALS]),
        ("regularisers/group_lasso.py", [ARENA, TRIALS]),
        ("layers.py", [PUBLISHED, ARENA, TRIALS]),
    ],
)
def test_code_of_the_arena_and_of_trials_is_no_matter_of_others(
    monkeypatch: pytest.MonkeyPatch, file: str, matters: list[dict[str, bool]]
) -> None:
    kinds = (PUBLISHED, ARENA, TRIALS)
    now, before = code_state.current(), [code_state.state_now(**kind) for kind in kinds]
    monkeypatch.setattr(code_state, "current", lambda: now | {file: "other"})
    code_state.state_now.cache_clear()
    for kind, then in zip(kinds, before, strict=True):
        assert (code_state.state_now(**kind) != then) == (kind in matters)
    code_state.state_now.cache_clear()


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


def test_kept_checks_that_are_damaged_are_named(recorded: Study) -> None:
    spot_checks.record(recorded, check(recorded))
    file = folder_of(recorded) / spot_checks.FILE
    file.write_text("run,same\n1,2\n")
    with pytest.raises(UserError, match=r"spot_checks\.csv: no column .*restore it from Git"):
        spot_checks.of_code_now(folder_of(recorded))


def test_a_recording_without_its_manifest_is_named(recorded: Study) -> None:
    spot_checks.record(recorded, check(recorded))
    (folder_of(recorded) / "manifest.json").unlink()
    with pytest.raises(UserError, match=r"manifest\.json is not there; restore it from Git"):
        spot_checks.of_code_now(folder_of(recorded))
