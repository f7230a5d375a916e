"""What a run does: train a network, or make something of one and evaluate it.

A run that is in the store is not computed again. Runs are computed one by one, on the CPU; for a
GPU there is `execution.together`. Every computation runs on one thread, so that all executors give
the same numbers, bit for bit.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn

from eigenprune import importance, pruning, saliency, sanity
from eigenprune.divergence import Diverged
from eigenprune.lab import datasets
from eigenprune.lab.fitting import OnEpoch, averaged_alike, fit, plain, retrained
from eigenprune.lab.own_code import CAME_WITH_IT
from eigenprune.lab.runs import Pruning, Run, Training, Trial, run_id
from eigenprune.lab.score_values import checked
from eigenprune.lab.spectral_history import Watcher, watcher_of
from eigenprune.lab.store import Entry, Store
from eigenprune.lab.tuning import best_strength, candidates
from eigenprune.metrics import evaluate, parameters
from eigenprune.networks import hidden_layers, mlp
from eigenprune.reconstruction import reconstruct

DIVERGED = {"status": "diverged"}

# How many examples of the training part, the first ones, scores that look at data see.
SCORING_ROWS = 5_000
# How many of the first examples of the training part reconstructed layers are fitted to.
FITTING_ROWS = 10_000


def initial_network(run: Training) -> nn.Sequential:
    """The network of a run as it is before training."""
    _, features, classes = datasets.shape(run.dataset)
    spectral = {
        "frozen": ("eigenvectors",) if run.trainable == "eigenvalues" else (),
        "initialisation": run.initialisation,
        "eigenvalues_in": "first" if run.eigenvalues_in == "first" else False,
    }
    return mlp(
        [features, *run.hidden, classes],
        activation=run.activation,
        layer=run.layer,
        seed=run.seed,
        **(spectral if run.layer == "spectral" else {}),  # type: ignore[arg-type]
    )


def compute(run: Run, store: Store, data_dir: Path, on_epoch: OnEpoch | None = None) -> Entry:
    """The result of a run: from the store if it is there, else computed and kept.

    A `Training` leaves its weights and `status, accuracy, loss, losses` (training loss by epoch).
    A spectral one without a regulariser also leaves hidden eigenvalues, see `spectral_history`.
    Where the strength was chosen, there are `strength` and `validation` (each strength and its
    accuracy, see `tuning`) too. A `Pruning`
    leaves `status, nodes_kept, nodes_by_layer, parameters_kept, accuracy, loss`, and `strength`
    where it was chosen. A `Trial` leaves `status` and `rows`, the rows of its table.
    `status` is `done`, or `diverged` where numbers ceased to be finite; then nothing else is left.

    Args:
        run: what to compute.
        store: where finished runs are kept.
        data_dir: where MNIST and Fashion-MNIST lie.
        on_epoch: called after each epoch of training.
    """
    if (entry := store.get(run_id(run))) is not None:
        return entry
    start = time.thread_time()
    with one_thread():
        try:
            if isinstance(run, Training):
                make = _train if run.tuning is None else _train_tuned
                return make(run, store, data_dir, on_epoch)
            if isinstance(run, Trial):
                return _try(run, store, data_dir, on_epoch)
            return _prune(run, store, data_dir, on_epoch)
        except Diverged:  # a ranking of nodes or connections on the way met NaN
            return keep(run, DIVERGED, store, time.thread_time() - start)


@contextmanager
def one_thread() -> Iterator[None]:
    """Pin torch to one thread, and restore the number of threads afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def trained_network(
    run: Training, store: Store, data_dir: Path, on_epoch: OnEpoch | None = None
) -> nn.Sequential | None:
    """The trained network of a run, from the store if it is there; None if it diverged."""
    entry = compute(run, store, data_dir, on_epoch)
    if entry.record["result"]["status"] != "done":
        return None
    model = initial_network(run)
    model.load_state_dict(entry.tensors())
    return model


def _train(run: Training, store: Store, data_dir: Path, on_epoch: OnEpoch | None) -> Entry:
    data = datasets.held_out(run.dataset, data_dir, run.held_out)
    start = time.thread_time()
    watcher = watcher_of(run)
    model, losses = fit(
        initial_network(run), run, data, epochs=run.epochs, on_epoch=on_epoch, watch=watcher
    )
    result = training_result(model, losses, data)
    return keep(run, result, store, time.thread_time() - start, model, watcher)


def _train_tuned(run: Training, store: Store, data_dir: Path, on_epoch: OnEpoch | None) -> Entry:
    accuracies, seconds = {}, 0.0
    networks = candidates(run)
    for candidate, prunings in networks.items():
        results = [compute(p, store, data_dir).record["result"] for p in prunings]
        # A network that diverged counts as accuracy 0.
        accuracies[candidate.strength] = fmean(result.get("accuracy", 0.0) for result in results)
        seconds += compute(candidate, store, data_dir).record["made_with"]["seconds"]
    chosen = replace(run, tuning=None, strength=best_strength(accuracies))
    network = trained_network(chosen, store, data_dir, on_epoch)
    record = compute(chosen, store, data_dir).record
    result = record["result"]
    if network is not None:
        result |= {"strength": chosen.strength, "validation": list(accuracies.items())}
    # Only the seed that the search was made with is charged for it.
    if chosen not in networks:
        seconds = record["made_with"]["seconds"]
    return keep(run, result, store, seconds, network)


def _prune(run: Pruning, store: Store, data_dir: Path, on_epoch: OnEpoch | None) -> Entry:
    training = run.training
    whole = trained_network(training, store, data_dir)
    start = time.thread_time()
    if whole is None:
        return keep(run, DIVERGED, store, 0.0)
    model = pruned(run, whole, data_dir)
    if run.redrawn:
        model = sanity.redrawn(model, training.seed, initialisation=training.initialisation)
    if run.retraining_epochs:
        how = averaged_alike(training) if run.redrawn else plain(training)
        model = retrained(model, how, run.retraining_epochs, data_dir, on_epoch)
    share = training.held_out if run.validated else 0
    result = pruning_result(model, datasets.held_out(training.dataset, data_dir, share))
    if training.tuning is not None and result is not DIVERGED:
        result["strength"] = compute(training, store, data_dir).record["result"]["strength"]
    return keep(run, result, store, time.thread_time() - start)


def _try(run: Trial, store: Store, data_dir: Path, on_epoch: OnEpoch | None) -> Entry:
    from eigenprune.lab.trials.kinds import rows_of

    training = run.training
    network = trained_network(training, store, data_dir)
    start = time.thread_time()
    if network is None:
        return keep(run, DIVERGED, store, 0.0)
    seen = datasets.held_out(training.dataset, data_dir, training.held_out)
    whole = datasets.load(training.dataset, data_dir)
    data = replace(seen, test_inputs=whole.test_inputs, test_targets=whole.test_targets)
    rows = rows_of(run, network, data, on_epoch)
    result = DIVERGED if rows is None else {"status": "done", "rows": rows}
    return keep(run, result, store, time.thread_time() - start)


def pruned(run: Pruning, whole: nn.Sequential, data_dir: Path) -> nn.Sequential:
    """The trained network without the nodes that a pruning removes, before any retraining.

    A reconstruction sees the first FITTING_ROWS of the network's training examples.
    """
    masks = nodes_kept(run, whole, data_dir)
    if not run.reconstructed:
        return pruning.compact(whole, masks)
    seen = datasets.held_out(run.training.dataset, data_dir, run.training.held_out)
    return reconstruct(whole, masks, seen.train_inputs[:FITTING_ROWS])


def nodes_kept(run: Pruning, whole: nn.Sequential, data_dir: Path) -> list[Tensor]:
    """The mask of the nodes that a pruning leaves in the trained network."""
    values = named_values(run.score, whole, run.training, data_dir)
    return pruning.select_nodes(values, run.pruning_ratio, scope=run.scope)


def named_values(
    name: str, network: nn.Sequential, training: Training, data_dir: Path
) -> list[Tensor]:
    """The values of a score of `importance.SCORES` or `saliency.SCORES` for a network's nodes.

    `random` draws with the seed of the network. A score that looks at data sees the first
    SCORING_ROWS of the network's training examples.

    Raises:
        UserError: if a score of the reader's own returns no scores, see `score_values.checked`.
    """
    if name == "random":
        return importance.random(network, seed=training.seed)
    if name in importance.SCORES:
        values = importance.SCORES[name](network)
    else:
        data = datasets.held_out(training.dataset, data_dir, training.held_out)
        inputs, targets = (part[:SCORING_ROWS] for part in (data.train_inputs, data.train_targets))
        values = saliency.SCORES[name](network, inputs, targets)
    return values if name in CAME_WITH_IT["score"] else checked(name, values, network)


def training_result(
    model: nn.Sequential, losses: list[float], data: datasets.Dataset
) -> dict[str, Any]:
    """The result of a `Training` with this network, see `compute`."""
    accuracy, loss = evaluate(model, data.test_inputs, data.test_targets)
    if not all(map(math.isfinite, [*losses, loss])):
        return DIVERGED
    return {"status": "done", "accuracy": accuracy, "loss": loss, "losses": losses}


def pruning_result(model: nn.Sequential, data: datasets.Dataset) -> dict[str, Any]:
    """The result of a `Pruning` that leaves this network, see `compute`."""
    accuracy, loss = evaluate(model, data.test_inputs, data.test_targets)
    if not math.isfinite(loss):
        return DIVERGED
    nodes = [layer.out_features for layer in hidden_layers(model)]
    return {
        "status": "done",
        "nodes_kept": sum(nodes),
        "nodes_by_layer": nodes,
        "parameters_kept": parameters(model),
        "accuracy": accuracy,
        "loss": loss,
    }


def keep(
    run: Run,
    result: dict[str, Any],
    store: Store,
    seconds: float,
    model: nn.Sequential | None = None,
    watcher: Watcher | None = None,
    *,
    device: str = "cpu",
    together: int = 1,
) -> Entry:
    """Put the result of a run into the store.

    Args:
        run: what was computed.
        result: what came out.
        store: where it goes.
        seconds: of processor time that it took, whatever else the machine did meanwhile; for a
            network of a stack, its share of the stack's time by the clock.
        model: whose weights to keep, unless it diverged.
        watcher: the one that watched the training, if any.
        device: on which it was computed.
        together: number of networks in its stack.
    """
    from eigenprune.lab.machine import made_with

    record = {
        "run": {"kind": type(run).__name__.lower(), **asdict(run)},
        "result": result,
        "made_with": {
            **made_with(device),
            **({"together": together} if together > 1 else {}),
            "seconds": round(seconds, 3),
        },
    }
    if model is None or result["status"] != "done":
        return store.put(run_id(run), record)
    past = None if watcher is None else watcher.tensors()
    return store.put(run_id(run), record, model.state_dict(), past)
