"""Each protocol does what its name says."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from eigenprune.connections import train_masked
from eigenprune.importance import weight_norm
from eigenprune.lab import datasets, fitting, protocols
from eigenprune.lab.methods import METHODS
from eigenprune.lab.protocols import compute, initial_network, trained_network
from eigenprune.lab.runs import Pruning, Training, Trial, run_id
from eigenprune.lab.store import Entry, Store
from eigenprune.lab.trials import retraining
from eigenprune.metrics import evaluate
from eigenprune.networks import hidden_layers
from eigenprune.pruning import compact, select_nodes
from eigenprune.reconstruction import reconstruct
from eigenprune.regularisers import REGULARISERS, AveragedGradientPruning, Averaging
from eigenprune.sanity import redrawn
from eigenprune.training import train

NO_DATA = Path("no-data")  # the digits need none
DENSE = Training(
    dataset="digits",
    hidden=(8, 6),
    activation="relu",
    layer="dense",
    seed=1,
    epochs=4,
    batch_size=50,
    learning_rate=0.02,
)
SPECTRAL = replace(DENSE, layer="spectral")
EIGENVALUES = replace(SPECTRAL, trainable="eigenvalues")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One store for all tests here, so that a test finds what an earlier one has trained."""
    return Store(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def digits() -> datasets.Dataset:
    return datasets.load("digits", NO_DATA)


def result(entry: Entry) -> dict[str, Any]:
    return entry.record["result"]


def weights(model: nn.Module) -> list[Tensor]:
    return [layer.weight.detach() for layer in list(model)[::2]]


def pruned_by_hand(
    layers: list[Tensor], scores: list[list[float]], keep: int, data: datasets.Dataset
) -> tuple[list[int], float]:
    """Nodes by layer and accuracy if the best `keep` nodes stay, at least one in each layer."""
    nodes = [(score, k, i) for k, layer in enumerate(scores) for i, score in enumerate(layer)]
    first = [max(node for node in nodes if node[1] == k) for k in range(len(scores))]
    best = [*first, *sorted(set(nodes) - set(first), reverse=True)][:keep]
    kept = [sorted(i for _, layer, i in best if layer == k) for k in range(len(scores))]
    values, previous = data.test_inputs, list(range(64))
    for layer, rows in zip(layers, [*kept, list(range(10))], strict=True):
        values = values @ torch.stack([layer[i][previous] for i in rows]).T
        values, previous = values if layer is layers[-1] else values.relu(), rows
    right = (values.argmax(dim=1) == data.test_targets).double().mean().item()
    return list(map(len, kept)), right


def test_direct_ranks_by_connectivity_of_a_dense_network(
    store: Store, digits: datasets.Dataset
) -> None:
    model = trained_network(DENSE, store, NO_DATA)
    assert [type(layer) for layer in list(model)[::2]] == [nn.Linear] * 3
    layers = weights(model)
    scores = [[sum(map(abs, row)) for row in layer.tolist()] for layer in layers[:-1]]
    nodes, accuracy = pruned_by_hand(layers, scores, 7, digits)
    pruned = result(
        compute(Pruning(training=DENSE, score="connectivity", pruning_ratio=0.5), store, NO_DATA)
    )
    assert pruned["nodes_by_layer"] == nodes and pruned["nodes_kept"] == 7
    assert pruned["accuracy"] == pytest.approx(accuracy)
    assert pruned["parameters_kept"] == 64 * nodes[0] + nodes[0] * nodes[1] + nodes[1] * 10


def test_post_trains_everything_and_ranks_by_eigenvalue(
    store: Store, digits: datasets.Dataset
) -> None:
    model = trained_network(SPECTRAL, store, NO_DATA)
    before = initial_network(SPECTRAL).state_dict()
    assert not any(torch.equal(before[name], t) for name, t in model.state_dict().items())
    scores = [list(map(abs, layer.eigenvalues_out.tolist())) for layer in list(model)[::2][:-1]]
    nodes, accuracy = pruned_by_hand(weights(model), scores, 7, digits)
    pruned = result(
        compute(Pruning(training=SPECTRAL, score="eigenvalue", pruning_ratio=0.5), store, NO_DATA)
    )
    assert pruned["nodes_by_layer"] == nodes
    assert pruned["accuracy"] == pytest.approx(accuracy)


def test_pre_trains_eigenvalues_prunes_and_then_trains_everything(
    store: Store, digits: datasets.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = trained_network(EIGENVALUES, store, NO_DATA)
    initial = initial_network(EIGENVALUES)
    for before, after in zip(list(initial)[::2], list(trained)[::2], strict=True):
        assert torch.equal(before.eigenvectors, after.eigenvectors)
        assert not before.eigenvectors.requires_grad
        assert not torch.equal(before.eigenvalues_out, after.eigenvalues_out)

    calls: list[tuple[nn.Sequential, dict[str, Any], nn.Sequential]] = []

    def watched(model: nn.Sequential, *data: Tensor, **options: Any) -> Any:
        retrained, losses = train(model, *data, **options)
        calls.append((model, options, retrained))
        return retrained, losses

    monkeypatch.setattr(fitting, "train", watched)
    run = Pruning(training=EIGENVALUES, score="eigenvalue", pruning_ratio=0.5, retraining_epochs=3)
    pruned = result(compute(run, store, NO_DATA))

    ((given, options, retrained),) = calls
    assert options["epochs"] == 3 and options["stream"] != "order"
    scores = torch.cat([layer.eigenvalues_out.abs() for layer in list(trained)[::2][:-1]])
    keep = (scores >= scores.sort().values[7]).split([8, 6])
    keeps = [torch.ones(64, dtype=torch.bool), *keep, torch.ones(10, dtype=torch.bool)]
    layers = [list(model)[::2] for model in (initial, trained, given, retrained)]
    for k, (first, second, small, final) in enumerate(zip(*layers, strict=True)):
        # Survivors: trained eigenvalues, initial eigenvectors.
        assert torch.equal(small.eigenvalues_out, second.eigenvalues_out[keeps[k + 1]])
        assert torch.equal(small.eigenvectors, first.eigenvectors[keeps[k + 1]][:, keeps[k]])
        # Then everything is trained.
        assert small.eigenvectors.requires_grad and small.eigenvalues_out.requires_grad
        assert not torch.equal(small.eigenvectors, final.eigenvectors)
        assert not torch.equal(small.eigenvalues_out, final.eigenvalues_out)
    accuracy, loss = evaluate(retrained, digits.test_inputs, digits.test_targets)
    assert (pruned["accuracy"], pruned["loss"]) == (accuracy, loss)


@pytest.mark.parametrize("training", [DENSE, SPECTRAL], ids=["dense", "spectral"])
def test_reconstructed_layers_are_fitted_to_the_whole_network_on_examples_it_saw(
    store: Store, digits: datasets.Dataset, monkeypatch: pytest.MonkeyPatch, training: Training
) -> None:
    training = replace(training, held_out=0.2)
    seen = datasets.held_out("digits", NO_DATA, 0.2)
    monkeypatch.setattr(protocols, "FITTING_ROWS", 300)
    as_is = Pruning(training=training, score="weight_norm", pruning_ratio=0.5)
    cut, fitted = (
        result(compute(run, store, NO_DATA)) for run in (as_is, replace(as_is, reconstructed=True))
    )
    whole = trained_network(training, store, NO_DATA)
    masks = select_nodes(weight_norm(whole), 0.5)
    accuracy, loss = evaluate(
        reconstruct(whole, masks, seen.train_inputs[:300]), digits.test_inputs, digits.test_targets
    )
    assert (fitted["accuracy"], fitted["loss"]) == (accuracy, loss)
    same = ["nodes_by_layer", "parameters_kept"]
    assert [fitted[key] for key in same] == [cut[key] for key in same]
    assert fitted["loss"] < cut["loss"]


@pytest.mark.parametrize(
    "training",
    [DENSE, SPECTRAL, replace(SPECTRAL, initialisation="ones")],
    ids=["dense", "spectral", "from ones"],
)
@pytest.mark.parametrize(
    ("regulariser", "strength", "memory"),
    [
        ("", 0.0, None),
        ("norm_pruning", 0.4, None),
        ("averaged_gradient_pruning", 0.4, AveragedGradientPruning.AVERAGE),
        ("averaging", 0.8, 0.8),
    ],
)
def test_redrawn_weights_are_trained_from_scratch_at_the_widths_that_pruning_left(
    store: Store,
    digits: datasets.Dataset,
    training: Training,
    regulariser: str,
    strength: float,
    memory: float | None,
) -> None:
    """Like a training of `sanity.redrawn`, averaged if that of the pruned network was."""
    training = replace(training, hidden=(20, 15), regulariser=regulariser, strength=strength)
    run = Pruning(
        training=training,
        score="weight_norm",
        pruning_ratio=0.4,
        retraining_epochs=3,
        redrawn=True,
    )
    found = result(compute(run, store, NO_DATA))
    whole = trained_network(training, store, NO_DATA)
    small = compact(whole, select_nodes(weight_norm(whole), 0.4))
    assert found["nodes_by_layer"] == [layer.out_features for layer in hidden_layers(small)]
    # One ranking covers both layers, so that the widths depend on the network, not just the ratio.
    assert regulariser or found["nodes_by_layer"] != [12, 9]
    seen = datasets.held_out("digits", NO_DATA, training.held_out)
    expected, _ = train(
        redrawn(small, training.seed, initialisation=training.initialisation),
        seen.train_inputs,
        seen.train_targets,
        epochs=3,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        seed=training.seed,
        stream="retraining",
        regulariser=None if memory is None else Averaging(memory),
    )
    accuracy, loss = evaluate(expected, digits.test_inputs, digits.test_targets)
    assert (found["accuracy"], found["loss"]) == (accuracy, loss)
    inherited = replace(run, redrawn=False)
    assert result(compute(inherited, store, NO_DATA))["loss"] != loss


def kept_at_random(store: Store, training: Training) -> list[int]:
    run = Pruning(training=training, score="random", pruning_ratio=0.5)
    return result(compute(run, store, NO_DATA))["nodes_by_layer"]


def test_random_is_random_and_shares_the_network_of_direct(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert METHODS["random"].layer == METHODS["direct"].layer
    assert METHODS["random"].trainable == METHODS["direct"].trainable
    asked: list[tuple[int, list[Tensor]]] = []
    draw = protocols.importance.random

    def watched(model: nn.Sequential, *, seed: int) -> list[Tensor]:
        asked.append((seed, draw(model, seed=seed)))
        return asked[-1][1]

    monkeypatch.setattr(protocols.importance, "random", watched)
    kept = {}
    for training in (DENSE, replace(DENSE, seed=2), replace(DENSE, seed=3)):
        trained_network(training, store, NO_DATA)
        kept[training.seed] = kept_at_random(store, training)
    assert [seed for seed, _ in asked] == [1, 2, 3]  # one draw for each seed
    for seed, scores in asked:
        best = torch.cat(scores) >= torch.cat(scores).sort().values[7]
        assert kept[seed] == [int(part.sum()) for part in best.split([8, 6])]


@pytest.mark.parametrize("method", METHODS)
def test_ratio_zero_without_retraining_is_the_network_as_trained(store: Store, method: str) -> None:
    score, training = (
        METHODS[method].score,
        replace(DENSE, layer=METHODS[method].layer, trainable=METHODS[method].trainable),
    )
    whole = result(compute(training, store, NO_DATA))
    run = Pruning(training=training, score=score, pruning_ratio=0.0)
    pruned = result(compute(run, store, NO_DATA))
    assert pruned["nodes_by_layer"] == [8, 6]
    assert (pruned["accuracy"], pruned["loss"]) == (whole["accuracy"], whole["loss"])
    assert whole["losses"][-1] < whole["losses"][0], "it is not the network as it was drawn"


def test_what_is_in_the_store_is_not_computed_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Pruning(training=DENSE, score="connectivity", pruning_ratio=0.25)
    first = [compute(DENSE, store, NO_DATA), compute(run, store, NO_DATA)]

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    for name in ("fit", "evaluate", "initial_network"):
        monkeypatch.setattr(protocols, name, fail)
    assert [compute(DENSE, store, NO_DATA), compute(run, store, NO_DATA)] == first


def test_the_record_says_what_was_run_and_what_made_it(store: Store) -> None:
    run = Pruning(training=SPECTRAL, score="eigenvalue", pruning_ratio=0.25)
    record = compute(run, store, NO_DATA).record
    assert record["run"]["kind"] == "pruning" and record["run"]["training"]["hidden"] == [8, 6]
    assert record["made_with"]["torch"] == torch.__version__
    assert record["made_with"]["threads"] == 1
    losses = result(compute(SPECTRAL, store, NO_DATA))["losses"]
    assert len(losses) == SPECTRAL.epochs and losses[1] < losses[0]
    json.dumps(record, allow_nan=False)


def test_seconds_are_those_of_the_processor(tmp_path: Path) -> None:
    """A run does not cost more if the machine does something else meanwhile, or sleeps."""
    once = replace(DENSE, epochs=1)
    entry = compute(once, Store(tmp_path), NO_DATA, on_epoch=lambda: time.sleep(3))
    assert 0 < entry.record["made_with"]["seconds"] < 3


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_a_run_that_diverges_says_so_and_has_no_numbers(store: Store, layer: str) -> None:
    training = replace(DENSE, layer=layer, learning_rate=1e30)
    assert result(compute(training, store, NO_DATA)) == {"status": "diverged"}
    assert compute(training, store, NO_DATA).arrays is None
    assert trained_network(training, store, NO_DATA) is None
    for epochs in (0, 1):
        run = Pruning(
            training=training, score="weight_norm", pruning_ratio=0.5, retraining_epochs=epochs
        )
        assert result(compute(run, store, NO_DATA)) == {"status": "diverged"}


@pytest.mark.parametrize("name", REGULARISERS)
def test_a_network_that_diverges_under_a_regulariser_is_no_error(store: Store, name: str) -> None:
    layer = "spectral" if "eigen" in name else "dense"
    strength = 0.5 if REGULARISERS[name].LIMIT <= 1 else 0.1
    run = replace(
        DENSE,
        hidden=(8, 8, 8),
        layer=layer,
        regulariser=name,
        strength=strength,
        learning_rate=1e38,
        epochs=2,
    )
    assert result(compute(run, store, NO_DATA)) == {"status": "diverged"}


def test_a_trial_that_diverges_on_the_way_is_no_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*given: Any, **options: Any) -> Any:
        return train_masked(*given, **{**options, "learning_rate": 1e38})

    run = Trial(
        kind="compression",
        training=DENSE,
        options=(("method", "gradual-magnitude"), ("sparsity", 0.5)),
        retraining_epochs=3,
    )
    monkeypatch.setattr(retraining, "train_masked", explode)
    assert result(compute(run, store, NO_DATA)) == {"status": "diverged"}


def test_retraining_that_diverges_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(model: nn.Sequential, *data: Tensor, **options: Any) -> Any:
        return train(model, *data, **{**options, "learning_rate": 1e30})

    compute(EIGENVALUES, store, NO_DATA)
    monkeypatch.setattr(fitting, "train", explode)
    run = Pruning(training=EIGENVALUES, score="eigenvalue", pruning_ratio=0.3, retraining_epochs=2)
    assert result(compute(run, store, NO_DATA)) == {"status": "diverged"}


def test_threads_are_one_while_computing_and_given_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def watched(do: Callable[..., Any]) -> Callable[..., Any]:
        def do_it(*args: Any, **options: Any) -> Any:
            seen.append(torch.get_num_threads())
            return do(*args, **options)

        return do_it

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        monkeypatch.setattr(fitting, "train", watched(fitting.train))
        monkeypatch.setattr(protocols, "evaluate", watched(protocols.evaluate))
        compute(replace(DENSE, seed=11), store, NO_DATA)
        assert torch.get_num_threads() == 3 and seen == [1, 1]

        monkeypatch.setattr(protocols, "evaluate", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            compute(replace(DENSE, seed=12), store, NO_DATA)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert run_id(replace(DENSE, seed=12)) not in store
