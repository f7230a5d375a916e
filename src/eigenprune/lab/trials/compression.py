"""Trials of compression: a trained network made smaller by other means than fewer nodes."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from torch import nn

from eigenprune import compression
from eigenprune.compression import Size
from eigenprune.lab.datasets import Dataset
from eigenprune.lab.fitting import OnEpoch
from eigenprune.lab.runs import Trial
from eigenprune.lab.trials.retraining import Row, after_each_step, judged, retrain
from eigenprune.networks import as_dense, fully_connected


def _as_it_is(network: nn.Sequential) -> tuple[nn.Sequential, Size]:
    return as_dense(network), compression.dense_size(network)


# By method; pruning in steps is not here.
AT_ONCE: dict[str, Callable[..., tuple[nn.Sequential, Size]]] = {
    "none": _as_it_is,
    "magnitude": compression.prune_connections,
    "low-rank": compression.low_rank,
    "sparse-dense": compression.sparse_times_dense,
    "quantised": compression.quantise,
    "clustered": compression.cluster_weights,
}


def compress(
    network: nn.Sequential, data: Dataset, run: Trial, on_epoch: OnEpoch | None
) -> list[Row]:
    """Compress as `method` says and evaluate; then, if asked for, retrain and evaluate again.

    In retraining, weights that are zero stay zero. Gradual pruning trains after each step.

    Args:
        network: the trained network.
        data: the examples it was trained with, and the test set.
        run: the trial.
        on_epoch: called after each epoch.

    Returns:
        One row without and one with retraining, or one of the two; columns `retraining_epochs`,
        `accuracy`, `loss` (nats), `parameters` and `bytes`, see `compression.Size`.
    """
    options: dict[str, Any] = dict(run.options)
    method, epochs = options.pop("method"), run.retraining_epochs
    if method == "gradual-magnitude":
        smaller, size = compression.prune_connections_gradually(
            network, **options, steps=epochs, retrain=after_each_step(data, run, on_epoch)
        )
        return [_row(smaller, size, data, epochs)]
    smaller, size = AT_ONCE[method](network, **options)
    rows = [_row(smaller, size, data, 0)]
    if epochs:
        masks = [layer.weight != 0 for layer in fully_connected(smaller)]
        smaller = retrain(
            smaller, masks, data, run, epochs=epochs, stream="retraining", on_epoch=on_epoch
        )
        rows.append(_row(smaller, size, data, epochs))
    return rows


def _row(network: nn.Sequential, size: Size, data: Dataset, epochs: int) -> Row:
    return {"retraining_epochs": epochs, **judged(network, data), **asdict(size)}
