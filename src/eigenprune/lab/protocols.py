"""What a run does: train a network, or make something of one and look; or it is in the store.

Run by run, on the CPU: `execution.together` is the way for a GPU. Every computation runs on one
thread: the same numbers, bit for bit, on every executor.
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

# Scores that look at data see so many examples of the training part, the first ones.
SCORING_ROWS = 5_000
# And so many are layers fitted to that are fitted anew.
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

    A `Training` leaves its weights, a spectral one its hidden eigenvalues by epoch as well, and
    `status, accuracy, loss, losses` (training loss by epoch), and where its strength was chosen
    `strength` and `validation` (each strength and its accuracy, see `tuning`); a `Pruning` leaves
    `status, nodes_kept, nodes_by_layer, parameters_kept, accuracy, loss`, and `strength` likewise;
    a `Trial` leaves `status` and `rows`, those of its table.
    `status` is `done`, or `diverged` where numbers ceased to be finite; then nothing else is there.

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
        except Diverged:  # what ranks nodes or connections on the way met no numbers
            return keep(run, DIVERGED, store, time.thread_time() - start)


@contextmanager
def one_thread() -> Iterator[None]:
    """Pin torch to one thread, and give the threads back afterwards."""
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
        # One that diverged is worth nothing.
        accuracies[candidate.strength] = fmean(result.get("accuracy", 0.0) for result in results)
        seconds += compute(candidate, store, data_dir).record["made_with"]["seconds"]
    chosen = replace(run, tuning=None, strength=best_strength(accuracies))
    network = trained_network(chosen, store, data_dir, on_epoch)
    record = compute(chosen, store, data_dir).record
    result = record["result"]
    if network is not None:
        result |= {"strength": chosen.strength, "validation": list(accuracies.items())}
    # The search is on the account of the seed that it was made with.
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

    What is reconstructed sees the first FITTING_ROWS examples that it was trained with.
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
    """What a score of `importance.SCORES` or `saliency.SCORES` says of a network's nodes.

    Where it draws, it draws as the network of that seed does; where it looks at data, it sees the
    first SCORING_ROWS examples that the network was trained with.

    Raises:
        UserError: if one of the reader's own returns no scores, see `score_values.checked`.
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
    """What a `Training` says of its network, see `compute`."""
    accuracy, loss = evaluate(model, data.test_inputs, data.test_targets)
    if not all(map(math.isfinite, [*losses, loss])):
        return DIVERGED
    return {"status": "done", "accuracy": accuracy, "loss": loss, "losses": losses}


def pruning_result(model: nn.Sequential, data: datasets.Dataset) -> dict[str, Any]:
    """What a `Pruning` says of the network that it leaves, see `compute`."""
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
        seconds: of the processor that it took, whatever else the machine did meanwhile; of a
            stack its share, by the clock.
        model: whose weights to keep, unless it diverged.
        watcher: that looked on while it was trained, if one did.
        device: that it was computed on.
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
