"""A strength is chosen on held-out examples, once for all seeds, and without the test set."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from eigenprune.lab import datasets, fitting
from eigenprune.lab.execution import tasks
from eigenprune.lab.execution.compute import compute_task
from eigenprune.lab.execution.tasks import Job, Places
from eigenprune.lab.protocols import compute, trained_network
from eigenprune.lab.runs import Pruning, Training, Tuning, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.tuning import best_strength, candidates, search_runs

TUNING = Tuning(
    strengths=(1e-4, 3.0), seed=1, score="weight_norm", scope="global", pruning_ratios=(0.0, 0.5)
)
TUNED = Training(
    dataset="digits",
    hidden=(8,),
    activation="relu",
    layer="dense",
    seed=2,
    epochs=4,
    batch_size=50,
    learning_rate=0.01,
    regulariser="l2",
    held_out=0.2,
    tuning=TUNING,
)


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(store_folder)


def test_the_best_on_the_held_out_part_is_taken(store: Store, tmp_path: Path) -> None:
    entry = compute(TUNED, store, tmp_path)
    result = entry.record["result"]
    accuracies = dict(map(tuple, result["validation"]))
    assert list(accuracies) == list(TUNING.strengths)
    assert result["strength"] == max(accuracies, key=accuracies.__getitem__) == 1e-4
    for network, prunings in candidates(TUNED).items():
        found = [store.get(run_id(pruning)) for pruning in prunings]
        values = [entry.record["result"]["accuracy"] for entry in found if entry is not None]
        assert accuracies[network.strength] == pytest.approx(sum(values) / len(values))
        assert network.seed == 1 and all(pruning.validated for pruning in prunings)


def test_the_network_is_the_one_that_the_strength_gives(store: Store, tmp_path: Path) -> None:
    tuned = trained_network(TUNED, store, tmp_path)
    plain = trained_network(replace(TUNED, tuning=None, strength=1e-4), store, tmp_path)
    assert tuned is not None and plain is not None
    for one, other in zip(tuned.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_is_pruned_from_it_knows_its_strength(store: Store, tmp_path: Path) -> None:
    pruning = Pruning(training=TUNED, score="weight_norm", pruning_ratio=0.5)
    assert compute(pruning, store, tmp_path).record["result"]["strength"] == 1e-4


def test_the_search_never_sees_the_test_set(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If every test label is wrong, the same strength is chosen, from the same accuracies."""
    first = compute(TUNED, store, tmp_path).record["result"]
    pruning = Pruning(training=TUNED, score="weight_norm", pruning_ratio=0.0)
    honest = compute(pruning, store, tmp_path).record["result"]["accuracy"]
    data = datasets.load("digits", tmp_path)
    spoilt = replace(data, test_targets=(data.test_targets + 1) % 10)
    monkeypatch.setattr(datasets, "load", lambda *_: spoilt)
    other = Store(tmp_path / "other")
    assert compute(TUNED, other, tmp_path).record["result"] == first
    # The control: where the test set is used, the wrong labels do show.
    assert compute(pruning, other, tmp_path).record["result"]["accuracy"] < honest - 0.3


def test_the_held_out_part_is_the_same_for_all_and_apart(tmp_path: Path) -> None:
    whole = datasets.load("digits", tmp_path)
    part = datasets.held_out("digits", tmp_path, 0.2)
    assert len(part.test_inputs) == int(0.2 * len(whole.train_inputs))
    both = torch.cat([part.train_inputs, part.test_inputs])
    assert sorted(map(tuple, both.tolist())) == sorted(map(tuple, whole.train_inputs.tolist()))
    assert datasets.held_out("digits", tmp_path, 0.0) is whole


def test_of_equal_strengths_the_first_is_taken_and_what_diverged_is_worth_nothing(
    store: Store, tmp_path: Path
) -> None:
    assert best_strength({2.0: 0.5, 1.0: 0.5, 3.0: 0.4}) == 2.0
    run = replace(TUNED, tuning=replace(TUNING, strengths=(1e38, 1e-4)))
    result = compute(run, store, tmp_path).record["result"]
    assert result["strength"] == 1e-4 and dict(map(tuple, result["validation"]))[1e38] == 0


def test_a_search_is_made_once_for_all_seeds(store: Store, tmp_path: Path) -> None:
    runs = [replace(TUNED, seed=seed) for seed in (1, 2, 3)]
    jobs = [
        Job(run, (Pruning(training=run, score="weight_norm", pruning_ratio=0.5),)) for run in runs
    ]
    [task] = tasks.of_jobs(jobs)
    assert list(task.runs) == search_runs(TUNED) and len(task.followers) == 3
    places = Places(store=store.folder, data=tmp_path)
    assert compute_task(task, places, lambda units: None)
    assert all(run_id(run) in store for run in task.runs)
    assert not any(run_id(run) in store for run in runs)


def test_the_seconds_of_the_search_are_on_the_account_of_its_seed(
    store: Store, tmp_path: Path
) -> None:
    compute(TUNED, store, tmp_path)
    searched = [
        compute(network, store, tmp_path).record["made_with"]["seconds"]
        for network in candidates(TUNED)
    ]
    mine = compute(replace(TUNED, seed=1), store, tmp_path).record["made_with"]["seconds"]
    assert mine == pytest.approx(sum(searched), abs=0.01)


def test_retraining_is_plain_whatever_the_network_was_trained_with(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = replace(TUNED, tuning=None, strength=0.1)
    trained_network(run, store, tmp_path)
    seen = []
    real = fitting.train

    def watched(*arguments, **options):  # type: ignore[no-untyped-def]
        seen.append(options["regulariser"])
        return real(*arguments, **options)

    monkeypatch.setattr(fitting, "train", watched)
    retrained = Pruning(training=run, score="weight_norm", pruning_ratio=0.5, retraining_epochs=1)
    compute(retrained, store, tmp_path)
    assert seen == [None]


def test_an_outlook_counts_the_search(store: Store, tmp_path: Path) -> None:
    assert len(search_runs(TUNED)) == 2 * (1 + 2)
    assert tasks.search(Job(TUNED, ())) == replace(TUNED, seed=1)
    assert tasks.search(Job(TUNED, (), trained=True)) is None
