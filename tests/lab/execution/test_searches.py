"""A search that is recorded in Git is not repeated elsewhere, and all results stay the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import sweep
from eigenprune.lab.execution.chosen import train_chosen
from eigenprune.lab.execution.compute import compute_task
from eigenprune.lab.execution.searches import recorded_choices
from eigenprune.lab.execution.status import study_status
from eigenprune.lab.execution.tasks import Choice, Places, Task
from eigenprune.lab.plans import plan
from eigenprune.lab.records.recorded import folder_of, record, rows_by_run
from eigenprune.lab.runs import Training, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params, Study, change_study
from eigenprune.lab.tuning import candidates, search_runs

RIVAL: dict[str, Any] = {"score": "weight_norm", "regulariser": "l2", "strengths": [0.001, 0.00003]}


@pytest.fixture
def study(arena_project: Callable[..., Params]) -> Study:
    studies = {"tuned": {"methods": ["norm", "norm-retrained"], "seeds": [1, 2]}}
    return arena_project(studies=studies, rivals={"norm": RIVAL}).study("tuned")


def networks(study: Study) -> dict[int, Training]:
    return {row.run.training.seed: row.run.training for row in plan(study)}


def compute(
    study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch, executor: str = "inline"
) -> Store:
    monkeypatch.setenv("EIGENPRUNE_STORE", str(folder))
    sweep.run_study(study, executor=executor, workers=None if executor == "inline" else 1)
    return Store(folder)


def results(study: Study, store: Store) -> dict[str, dict[str, object]]:
    entries = {name: store.get(name) for name in (run_id(row.run) for row in plan(study))}
    return {name: entry.record["result"] for name, entry in entries.items() if entry is not None}


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_elsewhere_the_strength_is_known(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    undisturbed = compute(study, tmp_path / "undisturbed", monkeypatch)
    plain = change_study(study, {"seeds": [1], "methods": ["norm"]})
    record(plain, compute(plain, tmp_path / "here", monkeypatch))
    [(searched, choice)] = recorded_choices(study).items()
    training = networks(study)[1]
    assert searched == run_id(training)

    # The control: a search consists of further runs, which are made if all is computed anew.
    there = Store(tmp_path / "there")
    search, left = set(search_runs(training)), sweep.outlook(study, there).left
    assert search <= set(sweep.outlook(study, there, anew=True).left)
    assert not search & set(left)
    assert study_status(study, there).pending == len(left)

    there = compute(study, tmp_path / "there", monkeypatch, executor)
    chosen, other = sorted(candidates(training), key=lambda one: one.strength != choice.strength)
    assert run_id(chosen) in there and run_id(other) not in there
    assert sweep.outlook(study, there).jobs == []
    ours, theirs = results(study, there), results(study, undisturbed)
    # What is recorded is not done again; all else is the same to the last bit.
    assert len(ours) == len(theirs) - len(rows_by_run(folder_of(plain)))
    assert ours == {name: theirs[name] for name in ours}
    for network in networks(study).values():
        one, same = there.get(run_id(network)), undisturbed.get(run_id(network))
        assert one is not None and same is not None and one.arrays == same.arrays
        assert one.record["result"]["strength"] == same.record["result"]["strength"]


def test_the_seconds_of_the_search_stay_on_the_account_of_its_seed(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = change_study(study, {"seeds": [1], "methods": ["norm"]})
    record(first, compute(first, tmp_path / "here", monkeypatch))
    [choice] = recorded_choices(study).values()
    record(study, compute(study, tmp_path / "there", monkeypatch))
    # With two seeds recorded there is still one search, and its time is the same.
    assert list(recorded_choices(study).values()) == [choice]
    table = pd.DataFrame(rows_by_run(folder_of(study)).values())
    took = table.groupby("seed")["training_seconds"].agg(["min", "max"])
    assert took.loc[1, "min"] == took.loc[1, "max"] == choice.seconds
    assert took.loc[2, "max"] < choice.seconds


def test_a_search_of_other_strengths_is_made(
    study: Study,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arena_project: Callable[..., Params],
) -> None:
    record(study, compute(study, tmp_path / "here", monkeypatch))
    other = arena_project(
        studies={"tuned": {"methods": ["norm"]}},
        rivals={"norm": RIVAL | {"strengths": [0.001, 0.1]}},
    ).study("tuned")
    left = sweep.outlook(other, Store(tmp_path / "there")).left
    assert set(search_runs(networks(other)[1])) <= set(left)


def test_a_strength_that_was_not_offered_is_refused(
    study: Study, tmp_path: Path, store_folder: Path
) -> None:
    training, store = networks(study)[1], Store(store_folder)
    with pytest.raises(UserError, match=r"strength 0.5 is none of \(0.001, 3e-05\); restore"):
        train_chosen(training, Choice(0.5, 1.0), store, tmp_path)
    given = replace(training, tuning=None)
    with pytest.raises(ValueError, match="is not chosen"):
        train_chosen(given, Choice(0.001, 1.0), store, tmp_path)


def test_what_another_sweep_has_finished_meanwhile_stays(
    study: Study, tmp_path: Path, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, store = networks(study)[1], Store(store_folder)
    name, places = run_id(training), Places(store_folder, tmp_path)
    claim = Store.claim

    @contextmanager
    def waited(self: Store, run: str, **how: Any) -> Iterator[None]:
        with claim(self, run, **how):
            if run == name:
                self.put(name, {"result": {"status": "done"}, "made_with": {"by": "another sweep"}})
            yield

    monkeypatch.setattr(Store, "claim", waited)
    task = Task((training,), choice=Choice(0.001, 1.0))
    assert compute_task(task, places, lambda units: None)
    entry = store.get(name)
    assert entry is not None and entry.record["made_with"] == {"by": "another sweep"}


def test_of_searches_that_contradict_each_other_none_is_taken(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(study, compute(study, tmp_path / "here", monkeypatch))
    assert recorded_choices(study)
    runs = folder_of(study) / "runs.csv"
    table = pd.read_csv(runs, dtype=str)
    table.loc[0, "training_seconds"] = "1000.0"  # two machines that chose one strength
    table.to_csv(runs, index=False)
    assert recorded_choices(study)
    other = next(str(s) for s in RIVAL["strengths"] if float(table.loc[0, "strength"]) != s)
    table.loc[0, "strength"] = other
    table.to_csv(runs, index=False)
    assert recorded_choices(study) == {}
    training = networks(study)[1]
    left = sweep.outlook(change_study(study, {"seeds": [3]}), Store(tmp_path / "there")).left
    assert set(search_runs(training)) <= set(left)


def test_of_another_seed_alone_the_search_is_not_known(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that the search took would be missing."""
    second = change_study(study, {"seeds": [2]})
    record(second, compute(second, tmp_path / "here", monkeypatch))
    assert recorded_choices(study) == {}
