"""How fast it is: training by kind of network, inference by what is left of it.

Absolute times belong to a machine and a moment. Networks are therefore timed in turn, round by
round, and what counts is the ratio of the medians within one run.

An ensemble of R networks (see `eigenprune.ensemble`) is timed on the first 1/R of the rows, though
at least one batch, so that it costs about what one network does; what is told is the time of each
of its networks for all the rows.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from eigenprune import importance, onednn
from eigenprune.ensemble import train_together
from eigenprune.lab import datasets
from eigenprune.lab.machine import made_with
from eigenprune.lab.processes import usable_cores
from eigenprune.networks import mlp
from eigenprune.pruning import compact, masked, select_nodes
from eigenprune.training import train

# The reference comes first.
NETWORKS: dict[str, dict[str, Any]] = {
    "plain nn.Linear": {"layer": "dense"},
    "spectral, lambda_out": {},
    "spectral, lambda_in and lambda_out": {"eigenvalues_in": True},
    "eigenvalues only": {"frozen": ("eigenvectors",)},
}
ENSEMBLES = (1, 5, 20)
PRUNING_RATIOS = (0.5, 0.9, 0.95)
TRAINING_BATCH = 200
BATCH_SIZES = (1, 64, 1024)
UNCOUNTED_CALLS = 5
COUNTED_CALLS = 20


@dataclass(frozen=True)
class EpochTime:
    """Median seconds of one epoch of one network, and how many times the plain one's that is."""

    network: str
    seconds: float
    times_plain: float


@dataclass(frozen=True)
class Latency:
    """Median seconds for one batch, and how many times faster than the unpruned network's."""

    network: str
    pruning_ratio: float
    batch_size: int
    seconds: float
    speed_up: float


def bench(dataset: str, hidden: list[int], data_dir: Path, rounds: int = 5) -> dict[str, Any]:
    """Time training and inference of relu networks, batch 200, on all usable cores.

    Args:
        dataset: a name in `datasets.NAMES`.
        hidden: widths of the hidden layers.
        data_dir: where MNIST and Fashion-MNIST lie.
        rounds: epochs timed per network, after one that is not counted, and for inference as many
            turns of each network, of `COUNTED_CALLS` calls after `UNCOUNTED_CALLS`. 1 or more.

    Returns:
        `machine` (commit, versions, device, threads), `dataset`, `hidden`, `rounds`, `training`
        (as `EpochTime`) and `inference` (as `Latency`).

    Raises:
        ValueError: if `rounds` is below 1.
        UserError: if the dataset is not there.
    """
    if rounds < 1:
        raise ValueError(f"rounds={rounds}: 1 or more")
    data = datasets.load(dataset, data_dir)
    torch.set_num_threads(usable_cores())
    widths = [data.features, *hidden, data.classes]
    return {
        "machine": made_with(),
        "dataset": dataset,
        "hidden": hidden,
        "rounds": rounds,
        "training": [asdict(row) for row in _training(widths, data, rounds)],
        "inference": [asdict(row) for row in _inference(widths, data, rounds)],
    }


def _training(widths: list[int], data: datasets.Dataset, rounds: int) -> list[EpochTime]:
    trainings = _trainings(widths, data)
    seconds: dict[str, list[float]] = {name: [] for name in trainings}
    for counted in range(rounds + 1):
        for name, (training, epochs) in trainings.items():
            taken = _second_epoch(training) / epochs
            if counted:
                seconds[name].append(taken)
    plain = median(next(iter(seconds.values())))
    return [EpochTime(name, median(s), median(s) / plain) for name, s in seconds.items()]


def _trainings(
    widths: list[int], data: datasets.Dataset
) -> dict[str, tuple[Callable[..., Any], float]]:
    """What is timed, and as how many epochs of one network an epoch of it counts."""
    inputs, targets = data.train_inputs, data.train_targets
    trainings: dict[str, tuple[Callable[..., Any], float]] = {}
    for name, options in NETWORKS.items():
        trainings[name] = partial(train, mlp(widths, seed=1, **options), inputs, targets), 1
    trainings["plain nn.Linear, torch's default products"] = (
        partial(_by_default_products, trainings[next(iter(NETWORKS))][0]),
        1,
    )
    for size in ENSEMBLES:
        rows = min(len(inputs), max(TRAINING_BATCH, len(inputs) // size))
        models = [mlp(widths, seed=seed) for seed in range(size)]
        together = partial(train_together, models, inputs[:rows], targets[:rows], seeds=range(size))
        trainings[f"ensemble of {size}, lambda_out"] = together, size * rows / len(inputs)
    return trainings


def _by_default_products(training: Callable[..., Any], **options: Any) -> None:
    with onednn.switched_off():
        training(**options)


def _second_epoch(training: Callable[..., Any]) -> float:
    # The first builds the optimiser too and, with frozen eigenvectors, the products.
    ends: list[float] = []
    training(
        epochs=2,
        batch_size=TRAINING_BATCH,
        on_epoch=lambda epoch, losses: ends.append(time.perf_counter()),
    )
    return ends[1] - ends[0]


def _inference(widths: list[int], data: datasets.Dataset, rounds: int) -> list[Latency]:
    whole = mlp(widths, layer="dense", seed=1).requires_grad_(False)
    models = {("unpruned", 0.0): whole}
    for ratio in PRUNING_RATIOS:
        masks = select_nodes(importance.weight_norm(whole), ratio)
        models["masked", ratio] = masked(whole, masks)
        models["compacted", ratio] = compact(whole, masks)
    rows = []
    for size in BATCH_SIZES:
        batch = data.test_inputs[:size].contiguous()
        seconds: dict[tuple[str, float], list[float]] = {name: [] for name in models}
        for _ in range(rounds):
            for name, model in models.items():
                seconds[name] += _calls(model, batch)
        whole_takes = median(seconds["unpruned", 0.0])
        for (kind, ratio), times in seconds.items():
            rows.append(Latency(kind, ratio, size, median(times), whole_takes / median(times)))
    return rows


@torch.inference_mode()
def _calls(model: nn.Sequential, batch: Tensor) -> list[float]:
    # One network after the other as it would be served: with its weights in the cache, where the
    # calls that are not counted bring them.
    seconds = []
    for counted in range(-UNCOUNTED_CALLS, COUNTED_CALLS):
        start = time.perf_counter()
        model(batch)
        if counted >= 0:
            seconds.append(time.perf_counter() - start)
    return seconds
