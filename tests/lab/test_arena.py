"""The arena's table: what each row says of its method, and what is measured when it is recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from torch import nn

from eigenprune.lab import arena, latency
from eigenprune.lab.execution.sweep import run_study
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
        *(("gain", "fine-tuned"), ("gain", "none")),
        *(("norm", "fine-tuned"), ("norm", "none")),
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


def test_what_is_recorded_is_timed_once_and_read_everywhere(params: Params) -> None:
    study = params.study("large")
    assert arena.tables(params, ["large"]) == {} and arena.write(params) == 0
    run_study(study, executor="inline")
    whole = arena.table(study)
    record(study, Store(Path("runs")))
    assert arena.write(params) == len(whole)
    first = pd.read_csv(arena.path())
    assert (first[["latency", "seconds"]] > 0).all().all()
    assert (first["seconds"] >= first["training_seconds"]).all()
    assert first.groupby(["seed", "nodes_kept", "pruning_ratio"])["latency"].nunique().max() >= 1
    arena.path().write_text(first.assign(latency=7.0).to_csv(index=False))
    assert arena.write(params) == len(whole)
    assert set(pd.read_csv(arena.path())["latency"]) == {7.0}
    assert arena.latency_machines() == {"digits": latency.machine()}
    # In a clone without the store, the same rows and the strengths that were chosen.
    for entry in Path("runs").rglob("*.json"):
        entry.unlink()
    assert arena.write(params) == len(whole)
    there = arena.tables(params, ["large"])["large"]
    pd.testing.assert_frame_equal(
        there[list(whole.columns)].fillna(""), whole, check_dtype=False, check_exact=False
    )


def test_a_quick_study_is_computed_and_others_are_not(params: Params) -> None:
    tables = arena.tables(params, ["quick", "large"])
    assert list(tables) == ["quick"] and len(tables["quick"]) == 2 * 2
    assert arena.studies_of(params) == ["large"]


def test_one_latency_that_is_missing_has_all_of_its_dataset_timed_anew(params: Params) -> None:
    """Times of two occasions must not stand in one ratio; nor times of a machine unknown."""
    run_study(params.study("large"), executor="inline")
    record(params.study("large"), Store(Path("runs")))
    arena.write(params)
    timed = pd.read_csv(arena.path()).assign(latency=7.0)
    timed.loc[3, "latency"] = None
    arena.path().write_text(timed.to_csv(index=False))
    arena.write(params)
    assert 7.0 not in set(pd.read_csv(arena.path())["latency"])
    arena.path().write_text(timed.assign(latency=7.0).to_csv(index=False))
    arena.path().with_name("latency.json").unlink()
    assert arena.latency_machines() == {}
    arena.write(params)
    assert 7.0 not in set(pd.read_csv(arena.path())["latency"])
    assert arena.latency_machines()["digits"]["threads"] == 1


def test_each_network_is_timed_with_its_own_activation(monkeypatch: pytest.MonkeyPatch) -> None:
    made, plain = [], latency.mlp

    def mlp(widths: list[int], **options: Any) -> nn.Sequential:
        made.append((options["activation"], widths))
        return plain(widths, **options)

    monkeypatch.setattr(latency, "mlp", mlp)
    networks = [("relu", (8,)), ("tanh", (8,)), ("relu", (400, 400))]
    found = latency.latencies(networks, 64, 10)
    assert list(found) == networks and found["relu", (8,)] < found["relu", (400, 400)]
    assert made == [(name, [64, *shape, 10]) for name, shape in networks]


def test_rows_of_a_method_that_is_another_now_are_left_out(
    params: Params, arena_project: Callable[..., Params]
) -> None:
    study = params.study("large")
    run_study(study, executor="inline")
    record(study, Store(Path("runs")))
    arena.write(params)
    before = arena.tables(params, ["large"])["large"]
    changed = arena_project(studies=STUDIES, rivals={**RIVALS, "norm": {"score": "connectivity"}})
    after = arena.tables(changed, ["large"])["large"]
    assert set(before["method"]) - set(after["method"]) == {"norm"}
