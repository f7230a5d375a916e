"""The ids of runs: results that exist already must keep theirs."""

from dataclasses import MISSING, fields, make_dataclass, replace
from typing import Any

import pytest

from eigenprune.lab import datasets, runs
from eigenprune.lab.own_code import CAME_WITH_IT, own_code
from eigenprune.lab.rivals import REGULARISERS
from eigenprune.lab.runs import Pruning, Run, Training, Trial, Tuning, run_id
from eigenprune.lab.score_names import score_names

TRAINING = Training(
    dataset="fashion-mnist", hidden=(500, 500, 500), activation="relu", layer="spectral", seed=1
)
PRUNING = Pruning(training=TRAINING, score="eigenvalue", pruning_ratio=0.9)
TRIAL = Trial(
    training=TRAINING, kind="compression", options=(("method", "magnitude"), ("sparsity", 0.9))
)
RUNS = (TRAINING, PRUNING, TRIAL)


def test_ids_stay_what_they_are() -> None:
    """If this fails, existing stores are useless: see PROTOCOL_VERSION and TRIAL_VERSIONS."""
    assert run_id(TRAINING) == "92df6df251e865a0"
    assert run_id(PRUNING) == "d40bd5915f200bb1"
    assert run_id(TRIAL) == "b2bc6a06c6123c7c"


TUNED = Tuning(strengths=(0.1,), seed=1, score="mine", scope="layer", pruning_ratios=(0.5,))


@pytest.mark.parametrize(
    "run",
    [
        replace(PRUNING, score="mine"),
        replace(TRAINING, regulariser="mine"),
        replace(TRAINING, regulariser="l2", tuning=TUNED),
    ],
    ids=["score", "regulariser", "score of a search"],
)
def test_code_of_the_readers_own_changes_the_id(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = set()
    for code in ("one", "another"):
        of_mine = {"mine": code}
        monkeypatch.setattr(runs, "own_code", lambda field, name, of=of_mine: of.get(name, ""))
        ids.add(run_id(replace(run)))  # a copy, since a run caches a part of its id
    assert len(ids) == 2


def test_only_what_came_with_the_package_is_known_by_its_name_alone() -> None:
    assert set(CAME_WITH_IT["score"]) <= {*score_names("importance"), *score_names("saliency")}
    assert set(CAME_WITH_IT["regulariser"]) <= set(REGULARISERS)
    for field, names in CAME_WITH_IT.items():
        assert {own_code(field, name) for name in ("", *names)} == {""}
        assert own_code(field, "mine")


OTHER: dict[str, Any] = {
    "dataset": "mnist",
    "hidden": (500, 500),
    "activation": "tanh",
    "layer": "dense",
    "seed": 2,
    "trainable": "eigenvalues",
    "initialisation": "ones",
    "epochs": 99,
    "batch_size": 100,
    "learning_rate": 1e-2,
    "training": replace(TRAINING, seed=2),
    "score": "weight_norm",
    "pruning_ratio": 0.8,
    "retraining_epochs": 20,
    "eigenvalues_in": "first",
    "regulariser": "l2",
    "strength": 0.1,
    "tuning": Tuning(
        strengths=(0.1, 0.2), seed=1, score="weight_norm", scope="layer", pruning_ratios=(0.5,)
    ),
    "held_out": 0.1,
    "scope": "layer",
    "validated": True,
    "reconstructed": True,
    "redrawn": True,
    "kind": "modules",
    "options": (("method", "magnitude"), ("sparsity", 0.8)),
}
FIELDS = [(run, field.name) for run in RUNS for field in fields(run)]


@pytest.mark.parametrize(("run", "field"), FIELDS, ids=[field for _, field in FIELDS])
def test_every_field_changes_the_id(run: Run, field: str) -> None:
    assert run_id(replace(run, **{field: OTHER[field]})) != run_id(run)


def test_no_two_of_these_share_an_id() -> None:
    changed = [replace(run, **{field: OTHER[field]}) for run, field in FIELDS]
    assert len({run_id(run) for run in (*RUNS, *changed)}) == len(changed) + len(RUNS)


@pytest.mark.parametrize("run", RUNS, ids=["training", "pruning", "trial"])
def test_a_new_field_at_its_default_leaves_the_id(run: Run) -> None:
    wider = make_dataclass(
        type(run).__name__,
        [("new_option", str, "as before")],
        bases=(type(run),),
        frozen=True,
        kw_only=True,
    )
    values = {field.name: getattr(run, field.name) for field in fields(run)}
    assert run_id(wider(**values)) == run_id(run)
    assert run_id(wider(**values, new_option="otherwise")) != run_id(run)


@pytest.mark.parametrize("run", RUNS, ids=["training", "pruning", "trial"])
def test_a_default_that_is_said_leaves_the_id(run: Run) -> None:
    defaults = {f.name: f.default for f in fields(run) if f.default is not MISSING}
    assert defaults
    assert run_id(replace(run, **defaults)) == run_id(run)


@pytest.mark.parametrize("run", RUNS, ids=["training", "pruning", "trial"])
def test_other_data_are_another_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run_id(run)
    file = next(iter(datasets.FILES["fashion-mnist"]))
    with monkeypatch.context() as patch:
        patch.setitem(datasets.FILES["fashion-mnist"], file, "0" * 64)
        assert run_id(run) != before
    with monkeypatch.context() as patch:
        patch.setattr(runs, "PROTOCOL_VERSION", 999)
        assert run_id(run) != before
    assert run_id(run) == before


def test_a_kind_of_trials_has_a_version_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    growing = replace(TRIAL, kind="growing")
    before = [run_id(TRIAL), run_id(growing)]
    monkeypatch.setitem(runs.TRIAL_VERSIONS, "growing", 999)
    assert run_id(TRIAL) == before[0] and run_id(growing) != before[1]


def test_a_regulariser_has_a_version_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = [replace(TRAINING, regulariser=name) for name in ("l2", "norm_pruning")]
    pruned = [replace(PRUNING, training=training) for training in trained]
    before = [run_id(run) for run in (*trained, *pruned)]
    monkeypatch.setitem(runs.REGULARISER_VERSIONS, "norm_pruning", 999)
    # Copies, since a run caches a part of its id.
    again = [replace(training) for training in trained]
    after = [run_id(r) for r in (*again, *(replace(PRUNING, training=t) for t in again))]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False] * 2


def test_equal_runs_have_equal_ids() -> None:
    """The ids do not depend on how the numbers were written."""
    one, other = replace(PRUNING, pruning_ratio=0), replace(PRUNING, pruning_ratio=0.0)
    assert one == other and run_id(one) == run_id(other)
    one, other = replace(TRAINING, learning_rate=1), replace(TRAINING, learning_rate=1.0)
    assert one == other and run_id(one) == run_id(other)
