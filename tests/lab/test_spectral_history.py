"""The eigenvalues by epoch: kept for spectral networks, without touching what is computed."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from eigenprune.lab import datasets, results, spectral_history
from eigenprune.lab.execution import sweep
from eigenprune.lab.protocols import compute, initial_network, one_thread
from eigenprune.lab.records.recorded import record
from eigenprune.lab.runs import Training, run_id
from eigenprune.lab.spectral_history import epochs_kept
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study
from eigenprune.networks import hidden_layers
from eigenprune.training import train

NO_DATA = Path("no-data")  # the digits need none
SPECTRAL = Training(
    dataset="digits",
    hidden=(8, 6),
    activation="tanh",
    layer="spectral",
    seed=1,
    epochs=3,
    batch_size=100,
    learning_rate=0.02,
)


def without_history(store: Store) -> None:
    """Make the entries of a store what they were before histories were kept."""
    for path in [*store.folder.rglob("*.json")]:
        entry = store.get(path.stem)
        assert entry is not None
        path.with_suffix(".history").unlink(missing_ok=True)
        store.put(path.stem, entry.record, entry.arrays and entry.tensors())


@pytest.mark.parametrize("trainable", ["all", "eigenvalues"])
def test_weights_and_ids_are_those_of_a_training_that_nobody_watched(
    store_folder: Path, trainable: str
) -> None:
    run = replace(SPECTRAL, trainable=trainable)
    entry = compute(run, Store(store_folder), NO_DATA)
    assert run_id(run) == {"all": "4c3c0f490413dd28", "eigenvalues": "ff4dc426367469c6"}[trainable]

    data = datasets.load("digits", NO_DATA)
    with one_thread():
        model, losses = train(
            initial_network(run), data.train_inputs, data.train_targets,
            epochs=3, batch_size=100, learning_rate=0.02, seed=1,
        )  # fmt: skip
    assert entry.tensors().keys() == model.state_dict().keys()
    assert all(
        torch.equal(tensor, model.state_dict()[name]) for name, tensor in entry.tensors().items()
    )
    assert entry.record["result"]["losses"] == losses

    past = entry.past()
    assert past is not None and past["epoch"].tolist() == [0, 1, 2, 3]
    for number, (first, last) in enumerate(
        zip(hidden_layers(initial_network(run)), hidden_layers(model), strict=True), start=1
    ):
        assert torch.equal(past[str(number)][0], first.eigenvalues_out)
        assert torch.equal(past[str(number)][-1], last.eigenvalues_out)
        assert not torch.equal(past[str(number)][1], past[str(number)][2])


def test_each_step_is_the_end_of_a_shorter_training(store_folder: Path) -> None:
    """The eigenvalues of an epoch are those with which a training of so many epochs ends."""
    past = compute(SPECTRAL, Store(store_folder), NO_DATA).past()
    shorter = compute(replace(SPECTRAL, epochs=2), Store(store_folder), NO_DATA).tensors()
    assert past is not None and torch.equal(past["1"][2], shorter["0.eigenvalues_out"])


def test_dense_and_diverged_networks_have_none(store_folder: Path) -> None:
    store = Store(store_folder)
    assert compute(replace(SPECTRAL, layer="dense"), store, NO_DATA).past() is None
    assert compute(replace(SPECTRAL, learning_rate=1e30), store, NO_DATA).past() is None


@pytest.mark.parametrize("epochs", [0, 1, 49, 50, 51, 75, 100, 1000])
def test_long_trainings_are_thinned(epochs: int) -> None:
    kept = epochs_kept(epochs)
    assert kept[0] == 0 and kept[-1] == epochs and kept == sorted(set(kept))
    assert len(kept) == min(epochs, spectral_history.STEPS) + 1
    gaps = {later - one for one, later in itertools.pairwise(kept)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_the_table_begins_and_ends_with_the_spectra(tiny: Study) -> None:
    study = change_study(tiny, {"hidden": [8, 6], "seeds": [1, 2]})
    sweep.run_study(study, executor="inline")
    table = results.eigenvalues_by_epoch(study)
    keys = ["activation", "method", "seed", "layer", "node"]
    assert list(table) == [*keys, "epoch", "eigenvalue"]
    assert table["epoch"].unique().tolist() == [0, 1, 2]
    ends = results.eigenvalues(study)
    assert len(table) == 3 * len(ends) / 2 == 3 * 2 * 2 * 14
    for when, epoch in (("before", 0), ("after", 2)):
        wanted = ends[ends["when"] == when].set_index(keys)["eigenvalue"]
        found = table[table["epoch"] == epoch].set_index(keys)["eigenvalue"]
        assert found.to_dict() == wanted.to_dict()


def test_networks_of_before_lack_it_and_are_not_trained_again(
    tiny: Study, store_folder: Path
) -> None:
    sweep.run_study(tiny, executor="inline")
    curves, trainings = results.curves(tiny), results.trainings(tiny)
    without_history(Store(store_folder))
    before = {path: path.stat().st_mtime_ns for path in store_folder.rglob("*.*")}
    sweep.run_study(tiny, executor="inline", weights=True)
    assert {path: path.stat().st_mtime_ns for path in store_folder.rglob("*.*")} == before
    assert results.eigenvalues_by_epoch(tiny).empty
    assert list(results.eigenvalues_by_epoch(tiny)) == [
        "activation", "method", "seed", "layer", "node", "epoch", "eigenvalue",
    ]  # fmt: skip
    assert results.curves(tiny).equals(curves) and results.trainings(tiny).equals(trainings)

    # One more seed is trained: its history is there, and that of the other seed is still missing.
    more = change_study(tiny, {"seeds": [1, 2]})
    sweep.run_study(more, executor="inline")
    assert set(results.eigenvalues_by_epoch(more)["seed"]) == {2}


def test_what_is_recorded_does_not_change(
    tiny: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep.run_study(tiny, executor="inline")
    written = []
    for name in ("with", "without"):
        folder = tmp_path / name
        monkeypatch.setattr("eigenprune.lab.records.recorded.folder_of", lambda study, f=folder: f)
        record(tiny, Store(store_folder))
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
        without_history(Store(store_folder))
    assert written[0] == written[1]
