"""What a run does: train a network, or prune one and look. If it is in the store, it is returned.

Run by run, on the CPU: `together` is the way for a GPU. Every computation runs on one thread: the
same numbers, bit for bit, on every executor.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from eigenprune import importance, pruning
from eigenprune.lab import datasets
from eigenprune.lab.runs import Pruning, Run, Training, run_id
from eigenprune.lab.spectral_history import Watcher, watcher_of
from eigenprune.lab.store import Entry, Store
from eigenprune.metrics import evaluate, parameters
from eigenprune.networks import hidden_layers, mlp
from eigenprune.training import train

OnEpoch = Callable[[], None]

DIVERGED = {"status": "diverged"}


def initial_network(run: Training) -> nn.Sequential:
    """The network of a run as it is before training."""
    _, features, classes = datasets.shape(run.dataset)
    spectral = {
        "frozen": ("eigenvectors",) if run.trainable == "eigenvalues" else (),
        "initialisation": run.initialisation,
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
    `status, accuracy, loss, losses` (training loss by epoch); a `Pruning` leaves `status,
    nodes_kept, nodes_by_layer, parameters_kept, accuracy, loss`. `status` is `done`, or
    `diverged` where numbers ceased to be finite; then nothing else is there.

    Args:
        run: what to compute.
        store: where finished runs are kept.
        data_dir: where MNIST and Fashion-MNIST lie.
        on_epoch: called after each epoch of training.
    """
    if (entry := store.get(run_id(run))) is not None:
        return entry
    with one_thread():
        if isinstance(run, Training):
            return _train(run, store, data_dir, on_epoch)
        return _prune(run, store, data_dir, on_epoch)


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
    data = datasets.load(run.dataset, data_dir)
    start = time.perf_counter()
    watcher = watcher_of(run)
    model, losses = _fit(initial_network(run), run, data, run.epochs, "order", on_epoch, watcher)
    result = training_result(model, losses, data)
    return keep(run, result, store, time.perf_counter() - start, model, watcher)


def _prune(run: Pruning, store: Store, data_dir: Path, on_epoch: OnEpoch | None) -> Entry:
    training = run.training
    whole = trained_network(training, store, data_dir)
    start = time.perf_counter()
    if whole is None:
        return keep(run, DIVERGED, store, 0.0)
    data = datasets.load(training.dataset, data_dir)
    model = pruning.compact(whole, nodes_kept(run, whole))
    if run.retraining_epochs:
        model.requires_grad_(True)
        epochs = run.retraining_epochs
        model, _ = _fit(model, training, data, epochs, "retraining", on_epoch)
    return keep(run, pruning_result(model, data), store, time.perf_counter() - start)


def _fit(
    model: nn.Sequential,
    run: Training,
    data: datasets.Dataset,
    epochs: int,
    stream: str,
    on_epoch: OnEpoch | None,
    watcher: Watcher | None = None,
) -> tuple[nn.Sequential, list[float]]:
    return train(
        model,
        data.train_inputs,
        data.train_targets,
        epochs=epochs,
        batch_size=run.batch_size,
        learning_rate=run.learning_rate,
        seed=run.seed,
        stream=stream,
        on_epoch=None if on_epoch is None else lambda epoch, loss: on_epoch(),
        watch=watcher,
    )


def nodes_kept(run: Pruning, whole: nn.Sequential) -> list[Tensor]:
    """The mask of the nodes that a pruning leaves in the trained network."""
    score = named_score(run.score, run.training.seed)
    return pruning.select_nodes(score(whole), run.pruning_ratio)


def named_score(name: str, seed: int) -> importance.Score:
    """A score of `importance.SCORES`; where it draws, as the network of that seed does."""
    return partial(importance.random, seed=seed) if name == "random" else importance.SCORES[name]


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
        seconds: that it took; of a stack, its share.
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
