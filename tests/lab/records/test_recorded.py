"""Results kept in Git: complete, honest about their origin, and counted as done."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab import spectra
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import sweep
from eigenprune.lab.plans import plan
from eigenprune.lab.protocols import keep
from eigenprune.lab.records.recorded import folder_of, record, recorded_results
from eigenprune.lab.results import curves, eigenvalues, layer_shares
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study, load_params


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A separate project for each test, so that nothing is recorded in the real one."""
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)


def compute(study: Study) -> pd.DataFrame:
    return sweep.run_study(study, executor="inline")


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """Another machine: the same project with an empty store."""
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "elsewhere"))
    return Store(tmp_path / "elsewhere")


def test_what_is_recorded_is_done_elsewhere(
    tiny: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, shares = compute(tiny), layer_shares(tiny)
    made = record(tiny, Store(store_folder))
    assert (made.rows, made.missing) == (len(here), 0)
    store = elsewhere(monkeypatch, tmp_path)
    assert sweep.outlook(tiny, store).jobs == []
    pd.testing.assert_frame_equal(compute(tiny), here)
    pd.testing.assert_frame_equal(layer_shares(tiny), shares)
    assert not store.folder.exists()


def test_spectra_are_recorded_and_stay_when_another_machine_records(
    tiny: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute(tiny)
    here = eigenvalues(tiny)
    assert set(here["method"]) == {"post", "pre"} and set(here["when"]) == {"before", "after"}
    assert len(here) == 2 * 2 * tiny.hidden[0]
    values = here.set_index("when")["eigenvalue"]
    assert not values["before"].reset_index(drop=True).equals(values["after"])
    record(tiny, Store(store_folder))
    both = change_study(tiny, {"seeds": [1, 2]})
    store = elsewhere(monkeypatch, tmp_path)
    compute(change_study(tiny, {"seeds": [2]}))
    record(both, store)
    shutil.rmtree(store.folder)
    again = eigenvalues(both)
    assert set(again["seed"]) == {1, 2}
    pd.testing.assert_frame_equal(again[again["seed"] == 1].reset_index(drop=True), here)


def test_spectra_are_of_the_networks_that_the_rows_are_of(
    tiny: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that is trained again here does not replace the one that gave the rows."""
    compute(tiny)
    folder = record(tiny, Store(store_folder)).folder
    rounded = {
        run: {name: 1.001 * tensor for name, tensor in its.items()}
        for run, its in spectra.read(folder).items()
    }
    spectra.write(folder, rounded)  # as if another machine had recorded
    before = (folder / spectra.FILE).read_bytes()
    store = elsewhere(monkeypatch, tmp_path)
    sweep.run_study(tiny, executor="inline", weights=True)
    assert spectra.stored(tiny, store).keys() == rounded.keys()
    record(tiny, store)
    assert (folder / spectra.FILE).read_bytes() == before
    sweep.run_study(tiny, executor="inline", anew=True)
    record(tiny, store)
    assert (folder / spectra.FILE).read_bytes() != before


def test_anew_computes_what_is_recorded(
    tiny: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = compute(tiny)
    record(tiny, Store(store_folder))
    store = elsewhere(monkeypatch, tmp_path)
    again = sweep.run_study(tiny, executor="inline", anew=True)
    pd.testing.assert_frame_equal(again, here)
    assert sweep.outlook(tiny, store, anew=True).jobs == []
    assert len(list(store.folder.rglob("*.json"))) == 11


def test_what_is_recorded_is_shown_without_the_data(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("EIGENPRUNE_DATA", str(tmp_path / "nowhere"))
    whole = load_params(root / "params.yaml").study("mnist-1x500")
    changes = {"activations": ["relu"], "methods": ["direct"], "seeds": [1]}
    study = change_study(whole, changes)
    assert len(compute(study)) == 1 + len(study.pruning_ratios)
    with pytest.raises(UserError, match="is missing"):
        compute(change_study(study, {"epochs": 1}))


def test_other_settings_do_not_count_as_done(tiny: Study, store_folder: Path) -> None:
    compute(tiny)
    record(tiny, Store(store_folder))
    other = change_study(tiny, {"learning_rate": 0.02})
    assert recorded_results(other)  # the study has the same name
    assert sweep.outlook(other, Store(store_folder / "empty")).runs_done == 0


def test_recordings_of_two_machines_add_up(
    tiny: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = change_study(tiny, {"seeds": [1, 2]})
    compute(tiny)
    assert record(study, Store(store_folder)).missing == 8
    first = (folder_of(study) / "curves.csv").read_text().splitlines()
    store = elsewhere(monkeypatch, tmp_path)
    compute(change_study(tiny, {"seeds": [2]}))
    assert record(study, store).missing == 0
    both = (folder_of(study) / "curves.csv").read_text().splitlines()
    assert set(first) < set(both)
    assert sorted(curves(study)["seed"].unique()) == [1, 2]


def test_what_diverged_here_keeps_the_row_of_elsewhere_and_is_not_to_be_computed(
    tiny: Study, store_folder: Path
) -> None:
    here = compute(tiny)
    store = Store(store_folder)
    record(tiny, store)
    lost = [row.run for row in plan(tiny)][:2]
    for run in lost:
        keep(run, {"status": "diverged"}, store, 1.0)
    kept = record(tiny, store)
    assert (kept.rows, kept.missing, kept.diverged) == (len(here), 0, 0)
    shutil.rmtree(folder_of(tiny))
    alone = record(tiny, store)
    assert (alone.rows, alone.missing, alone.diverged) == (len(here) - 2, 0, 2)


def test_recording_twice_changes_no_byte(tiny: Study, store_folder: Path) -> None:
    compute(tiny)
    record(tiny, Store(store_folder))
    before = {path.name: path.read_bytes() for path in folder_of(tiny).iterdir()}
    record(tiny, Store(store_folder))
    record(tiny, Store(store_folder / "empty"))
    assert {path.name: path.read_bytes() for path in folder_of(tiny).iterdir()} == before


def test_the_manifest_tells_what_made_it(tiny: Study, store_folder: Path) -> None:
    rows = len(compute(tiny))
    record(tiny, Store(store_folder))
    manifest = json.loads((folder_of(tiny) / "manifest.json").read_text())
    assert manifest["rows"] == manifest["rows_planned"] == rows
    assert manifest["networks"] == 3  # direct and random share one
    assert manifest["study"]["epochs"] == tiny.epochs
    [made] = manifest["made_with"]
    assert made["device"] == "cpu" and made["threads"] == 1 and made["commit"]
    assert made["seconds"] > 0 and manifest["training_seconds"] > 0


def test_what_was_recorded_before_there_were_stacks_can_still_be_read(
    tiny: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries of the store and the rows of the files lack the size of the stack."""
    compute(tiny)
    store = Store(store_folder)
    assert not any("together" in path.read_text() for path in store_folder.rglob("*.json"))
    record(tiny, store)
    runs = folder_of(tiny) / "runs.csv"
    table = pd.read_csv(runs)
    assert set(table["together"]) == {1}
    written = {path.name: path.read_bytes() for path in folder_of(tiny).iterdir()}
    table.drop(columns="together").to_csv(runs, index=False)
    assert len(recorded_results(tiny)) == 8
    record(tiny, elsewhere(monkeypatch, tmp_path))
    assert {path.name: path.read_bytes() for path in folder_of(tiny).iterdir()} == written


def test_nothing_finished_writes_nothing(tiny: Study, store_folder: Path) -> None:
    assert record(tiny, Store(store_folder)).rows == 0
    assert not folder_of(tiny).exists()


def test_files_that_do_not_belong_together_are_refused(tiny: Study, store_folder: Path) -> None:
    compute(tiny)
    record(tiny, Store(store_folder))
    path = folder_of(tiny) / "curves.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(UserError, match=r"curves\.csv \(7 rows\) and runs\.csv \(8 rows\) do not"):
        recorded_results(tiny)


@pytest.mark.parametrize("name", ["runs.csv", "curves.csv"])
def test_half_a_recording_is_not_taken_for_none(
    tiny: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    compute(tiny)
    (record(tiny, Store(store_folder)).folder / name).unlink()
    with pytest.raises(UserError, match=name):
        record(tiny, elsewhere(monkeypatch, tmp_path))


def test_rows_that_a_narrower_study_loses_are_counted(tiny: Study, store_folder: Path) -> None:
    compute(tiny)
    whole = record(tiny, Store(store_folder))
    assert whole.gone == 0
    narrower = record(change_study(tiny, {"methods": list(tiny.methods[:1])}), Store(store_folder))
    assert narrower.gone == whole.rows - narrower.rows > 0


def test_rows_that_are_lost_are_counted_though_others_share_their_run(
    tiny: Study, store_folder: Path
) -> None:
    Path("params.yaml").write_text("rivals: {norm: {layer: dense, score: weight_norm}}\n")
    both = change_study(tiny, {"methods": ["norm", "norm-reconstructed"]})
    compute(both)
    whole = record(both, Store(store_folder))
    assert whole.rows > len(recorded_results(both))  # nothing is fitted where nothing is pruned
    narrower = record(change_study(both, {"methods": ["norm"]}), Store(store_folder))
    assert narrower.gone == whole.rows - narrower.rows == whole.rows / 2


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("curves.csv", "curves.csv is not a table"),
        ("runs.csv", "runs.csv is not a table"),
        ("eigenvalues.safetensors", "eigenvalues.safetensors is damaged"),
    ],
)
def test_a_damaged_recording_is_told_and_nothing_is_written(
    tiny: Study, store_folder: Path, name: str, sentence: str
) -> None:
    compute(tiny)
    folder = record(tiny, Store(store_folder)).folder
    (folder / name).write_bytes(b"")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match=rf"{sentence} \(.*restore it from Git"):
        record(tiny, Store(store_folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_rows_in_another_order_are_refused(tiny: Study, store_folder: Path) -> None:
    compute(tiny)
    record(tiny, Store(store_folder))
    path = folder_of(tiny) / "curves.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed(rows)]) + "\n")
    with pytest.raises(UserError, match="do not describe the same networks"):
        recorded_results(tiny)


def test_the_manifest_knows_the_code_and_its_date_stays_when_nothing_changes(
    tiny: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute(tiny)
    path = record(tiny, Store(store_folder)).folder / "manifest.json"
    first = json.loads(path.read_text())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", first["recorded"])
    assert set(first["code"]) == {group["commit"] for group in first["made_with"]}
    path.write_text(json.dumps(first | {"recorded": "2000-01-01"}))
    record(tiny, Store(store_folder))
    assert json.loads(path.read_text())["recorded"] == "2000-01-01"
    # Nor is a recording another one because less was known about the code then.
    [(commit, state)] = first["code"].items()
    less = dict(list((state or {"layers.py": "0"}).items())[1:])
    path.write_text(json.dumps(first | {"code": {commit: less}, "recorded": "2000-01-01"}))
    before = path.read_bytes()
    record(tiny, Store(store_folder))
    assert path.read_bytes() == before
    # A commit of which nothing was known is filled in once it is there.
    unknown = first | {"code": {commit: None}, "recorded": "2000-01-01"}
    path.write_text(json.dumps(unknown))
    with monkeypatch.context() as later:
        later.setattr(
            "eigenprune.lab.records.code_state.at_commit", lambda commit: {"layers.py": "0"}
        )
        record(tiny, Store(store_folder))
    filled = unknown | {"code": {commit: {"layers.py": "0"}}}
    assert json.loads(path.read_text()) == filled
    # If the commit is gone, what was known about it stays.
    known = first | {"code": {commit: {"layers.py": "0"}}}
    path.write_text(json.dumps(known))
    monkeypatch.setattr("eigenprune.lab.records.code_state.at_commit", lambda commit: None)
    record(tiny, Store(store_folder))
    assert json.loads(path.read_text())["code"][commit] == {"layers.py": "0"}
