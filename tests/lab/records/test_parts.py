"""A large table is kept in parts, a small one whole; both are read as the same table."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import sweep
from eigenprune.lab.records import parts
from eigenprune.lab.records.recorded import record, recorded_curves, rows_by_run
from eigenprune.lab.spot_checks import _written
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params, Study

FILES = {
    f"{name}-{activation}{made}.csv"
    for name in ("curves", "runs")
    for activation in ("relu", "tanh")
    for made in ("", "-retrained", "-reconstructed")
}


@pytest.fixture
def study(arena_project: Callable[..., Params]) -> Study:
    methods = ["norm", "norm-retrained", "norm-reconstructed"]
    entry = {"methods": methods, "activations": ["relu", "tanh"], "pruning_ratios": [0.5]}
    rivals = {"norm": {"score": "weight_norm"}}
    study = arena_project(studies={"both": entry}, rivals=rivals).study("both")
    sweep.run_study(study, executor="inline")
    return study


def tables(folder: Path) -> set[str]:
    return {path.name for name in ("curves", "runs") for path in parts.there(folder, name)}


def test_a_recording_in_parts_is_the_recording(
    study: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(store_folder)
    folder = record(study, store).folder
    assert tables(folder) == {"curves.csv", "runs.csv"}
    whole, curves, hashes = dict(rows_by_run(folder)), recorded_curves(folder), _written(folder)
    manifest = (folder / "manifest.json").read_bytes()
    monkeypatch.setattr(parts, "MOST", len(curves) - 1)
    record(study, store)
    assert tables(folder) == FILES, "what is in parts is not there a second time"
    assert dict(rows_by_run(folder)) == whole
    order = list(curves.columns[:7])
    pd.testing.assert_frame_equal(
        recorded_curves(folder).sort_values(order, ignore_index=True),
        curves.sort_values(order, ignore_index=True),
    )
    assert _written(folder) == hashes, "what was spot checked is still checked"
    assert (folder / "manifest.json").read_bytes() == manifest
    relu = pd.read_csv(folder / "curves-relu-retrained.csv")
    assert set(relu["method"]) == {"norm-retrained"} and set(relu["activation"]) == {"relu"}
    # Elsewhere the store is empty, and what is in the parts counts as done.
    record(study, Store(store_folder / "empty"))
    assert dict(rows_by_run(folder)) == whole
    monkeypatch.setattr(parts, "MOST", len(curves))
    record(study, store)
    assert tables(folder) == {"curves.csv", "runs.csv"}


def test_parts_that_do_not_belong_together_are_refused(
    study: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MOST", 1)
    folder = record(study, Store(store_folder)).folder
    (folder / "runs-tanh.csv").unlink()
    with pytest.raises(UserError, match="do not describe the same networks"):
        rows_by_run(folder)


def test_a_table_both_whole_and_in_parts_is_refused(
    study: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merged branches or an interrupted recording can leave both: no row may count twice."""
    store = Store(store_folder)
    folder = record(study, store).folder
    whole = (folder / "curves.csv").read_bytes()
    monkeypatch.setattr(parts, "MOST", 1)
    record(study, store)
    (folder / "curves.csv").write_bytes(whole)
    for ask in (recorded_curves, rows_by_run):
        with pytest.raises(UserError, match=r"curves\.csv and curves-relu.* hold the same table"):
            ask(folder)


def test_the_new_files_are_there_before_the_old_ones_go(
    study: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = record(study, Store(store_folder)).folder
    monkeypatch.setattr(parts, "MOST", 1)
    columns = {"curves": ["method"], "runs": ["method"]}
    found = parts.contents(folder, recorded_curves(folder), columns)
    gone = [content is None for content in found.values()]
    assert sum(gone) == 2 and gone == sorted(gone)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"curves\.csv is not there; restore it from Git"):
        recorded_curves(tmp_path)
