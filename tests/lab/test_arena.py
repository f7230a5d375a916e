"""The arena's table: what a row says about its method, and what is measured when it is recorded."""

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab import arena
from eigenprune.lab.execution.sweep import run_study
from eigenprune.lab.plans import TUNING_SEED
from eigenprune.lab.records import latencies
from eigenprune.lab.records.recorded import record
from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params

STUDIES = {"quick": {"methods": ["norm"]}, "large": {}, "plain": {"methods": ["direct"]}}
RIVALS = {
    "norm": {"score": "weight_norm"},
    "snip": {"score": "snip", "before": True},
    "gain": {"score": "eigenvalue", "layer": "spectral"},
    "decayed": {"score": "weight_norm", "regulariser": "l2", "strengths": [0.001, 1]},
    "fixed": {"score": "weight_norm", "regulariser": "l2", "strengths": [0.001]},
}


@pytest.fixture
def params(arena_project: Callable[..., Params]) -> Params:
    return arena_project(quick_arena=["quick"], studies=STUDIES, rivals=RIVALS)


def test_every_row_says_what_its_method_is(params: Params) -> None:
    run_study(params.study("large"), executor="inline")
    table = arena.table(params.study("large"))
    assert list(table.columns) == [*COLUMNS, *arena.MORE]
    kinds = table.drop_duplicates(["method", "retraining"]).set_index(["method", "retraining"])
    assert sorted(kinds.index) == [
        *(("decayed", "fine-tuned"), ("decayed", "none")),
        *(("fixed", "fine-tuned"), ("fixed", "none")),
        *(("gain", "fine-tuned"), ("gain", "none"), ("gain", "reconstructed")),
        *(("norm", "fine-tuned"), ("norm", "none"), ("norm", "reconstructed")),
        *(("small", "trained"), ("snip", "trained")),
    ]
    families = kinds["family"].droplevel("retraining").to_dict()
    assert families == {
        "norm": "weights",
        "snip": "before-training",
        "gain": "spectral",
        "decayed": "regulariser",
        "fixed": "regulariser",
        "small": "control",
    }
    chosen = set(table.loc[table["method"] == "decayed", "hyperparameters"])
    assert len(chosen) == 1 and chosen <= {"strength=0.001", "strength=1"}
    assert set(table.loc[table["method"] == "fixed", "hyperparameters"]) == {"strength=0.001"}
    # Without biases every weight is one multiply-accumulate.
    assert table["macs_kept"].tolist() == table["parameters_kept"].tolist()


def test_what_is_recorded_is_one_table_everywhere(params: Params) -> None:
    study = params.study("large")
    assert arena.tables(params, ["large"]) == {} and arena.recorded(params).empty
    run_study(study, executor="inline")
    whole = arena.table(study)
    record(study, Store(Path("runs")))
    # A clone without the store has the same rows and the strengths that were chosen.
    for entry in Path("runs").rglob("*.json"):
        entry.unlink()
    there = arena.recorded(params)
    pd.testing.assert_frame_equal(there[list(whole.columns)], whole, check_exact=True)
    assert (there["seconds"] >= there["training_seconds"]).all() and (there["seconds"] > 0).all()
    # One seed searched, for the one method that had several strengths to choose from.
    expected = there["method"].eq("decayed") & there["seed"].eq(TUNING_SEED)
    assert 0 < expected.sum() < len(there) and there["searched"].tolist() == expected.tolist()
    assert there["latency"].isna().all()
    latencies.record(there)
    timed = arena.tables(params, ["large"])["large"]
    assert (timed["latency"] > 0).all()
    assert timed.groupby(["activation", "nodes_by_layer"])["latency"].nunique().max() == 1
    pd.testing.assert_frame_equal(timed.assign(latency=math.nan), there, check_exact=True)


def test_a_quick_study_is_computed_and_others_are_not(params: Params) -> None:
    tables = arena.tables(params, ["quick", "large"])
    assert list(tables) == ["quick"] and len(tables["quick"]) == 2 * 2
    assert arena.studies_of(params) == ["large"]


def test_rows_of_a_method_that_is_another_now_are_left_out(
    params: Params, arena_project: Callable[..., Params]
) -> None:
    study = params.study("large")
    run_study(study, executor="inline")
    record(study, Store(Path("runs")))
    before = arena.tables(params, ["large"])["large"]
    changed = arena_project(studies=STUDIES, rivals={**RIVALS, "norm": {"score": "connectivity"}})
    after = arena.tables(changed, ["large"])["large"]
    assert set(before["method"]) - set(after["method"]) == {"norm"}
