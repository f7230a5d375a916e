"""Methods that share a training are compared on one network, wherever each was computed."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab.execution import sweep
from eigenprune.lab.records.one_network import command_for_one, of_two_networks
from eigenprune.lab.records.recorded import record, rows_by_run
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params, Study

RIVALS = {
    "norm": {"score": "weight_norm"},
    "lot": {"score": "random"},
    "anew": {"score": "weight_norm", "redrawn": True},
}


def recorded(root: Path) -> dict[str, pd.DataFrame]:
    folders = [path.parent for path in sorted(root.glob("results/paper/*/summary.json"))]
    return {folder.name: pd.DataFrame(rows_by_run(folder).values()) for folder in folders}


def test_what_is_recorded_here_is_of_one_network(root: Path) -> None:
    tables = recorded(root)
    assert len(tables) > 5
    found = {name: of_two_networks(rows) for name, rows in tables.items()}
    assert {name: sorted(set(rows["method"])) for name, rows in found.items() if len(rows)} == {}


def test_a_gpu_is_told_from_its_host_by_the_unpruned_networks(root: Path) -> None:
    """Both name the same processor: `pre` was computed on a GPU, its control beside it."""
    tables = recorded(root)
    main, controls = tables["mnist-1x500"], tables["mnist-1x500-controls"]
    pre, control = main[main["method"] == "pre"], controls[controls["method"] == "pre-random"]
    assert set(pre["training"]) == set(control["training"])
    assert pre["processor"].unique() == control["processor"].unique()
    rows = pd.concat([pre, control])
    assert len(of_two_networks(rows)) == len(rows)


@pytest.fixture
def study(arena_project: Callable[..., Params]) -> Study:
    methods = ["norm", "norm-retrained", "lot", "lot-retrained", "anew"]
    studies = {"both": {"methods": methods, "seeds": [1, 2], "pruning_ratios": [0.5]}}
    return arena_project(studies=studies, rivals=RIVALS).study("both")


@pytest.fixture
def rows(study: Study, store_folder: Path) -> pd.DataFrame:
    sweep.run_study(study, executor="inline")
    made = record(study, Store(store_folder))
    assert made.to_compare == ""
    return pd.DataFrame(rows_by_run(made.folder).values())


def test_another_network_is_seen_and_the_command_names_what_came_from_elsewhere(
    rows: pd.DataFrame,
) -> None:
    # Retrained or not, all methods have the same network before a node is removed. The exception is
    # the method with redrawn weights, which trains its own.
    assert of_two_networks(rows).empty
    at = rows["method"].eq("lot") & rows["seed"].eq(2)
    rows.loc[at, "loss"] += 0.001
    assert set(of_two_networks(rows)["method"]) == {"norm", "lot"}
    assert set(of_two_networks(rows)["seed"]) == {2}
    assert command_for_one(rows, set(rows["run"])) == "", "nothing would be computed again"
    assert command_for_one(rows, set(rows.loc[~at, "run"])) == (
        "eigenprune run both --anew --activation relu --seeds 2 --methods lot"
    )


def test_another_processor_is_seen_where_the_unpruned_rows_agree(rows: pd.DataFrame) -> None:
    at = rows["method"].eq("lot-retrained") & rows["seed"].eq(1) & rows["pruning_ratio"].gt(0)
    rows.loc[at, "processor"] = "another"
    found = of_two_networks(rows)
    assert set(found["method"]) == {"norm-retrained", "lot-retrained"}
    assert set(found["seed"]) == {1}


def test_record_tells_the_command(
    study: Study, rows: pd.DataFrame, store_folder: Path, tmp_path: Path
) -> None:
    """One method is in the store of this machine; the other came with Git and differs."""
    folder = record(study, Store(store_folder)).folder
    curves = pd.read_csv(folder / "curves.csv", dtype={"hidden": str})
    curves.loc[curves["method"].eq("norm"), "loss"] += 0.001
    curves.to_csv(folder / "curves.csv", index=False)
    assert record(study, Store(store_folder)).to_compare == "", "all is in the store"
    curves.to_csv(folder / "curves.csv", index=False)
    mine = Store(tmp_path / "mine")
    for run in rows.loc[rows["method"].eq("lot"), "run"]:
        entry = Store(store_folder).get(run)
        assert entry is not None
        mine.put(run, entry.record, entry.arrays)
    assert record(study, mine).to_compare == (
        "eigenprune run both --anew --activation relu --seeds 1,2 --methods norm"
    )
