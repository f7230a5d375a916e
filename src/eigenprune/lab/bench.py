"""Speed: of training by kind of network, of inference by how much of the network is left.

Absolute times hold for one machine at one moment. Networks are therefore timed in turn, round by
round, and what counts is the ratio of the medians within one run. Each round runs in new processes,
because the placement of a process's memory favours one network or another for its whole lifetime,
and trains the networks in an order of its own, because a network may gain or lose by those before
it. How far the ratios of single rounds lie apart is told beside the medians.

An ensemble of R networks (see `eigenprune.ensemble`) is timed on the first 1/R of the rows, but at
least one batch, so that it costs about as much as one network. The reported time is the time for
one of its networks on all the rows.
"""

import itertools
import multiprocessing
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from eigenprune import gradients, importance, onednn
from eigenprune.ensemble import train_together
from eigenprune.lab import datasets, timing
from eigenprune.lab.execution.processes import end_with_parent, usable_cores
from eigenprune.lab.machine import made_with
from eigenprune.lab.memory import room_for
from eigenprune.lab.records import code_state
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
# Training that is timed again with a fast path switched off: the network, and the switch.
WITHOUT = {
    "plain nn.Linear, torch's default products": ("plain nn.Linear", onednn.detour.off),
    "plain nn.Linear, gradients by autograd": ("plain nn.Linear", gradients.written_out.off),
    "spectral, lambda_out, gradients by autograd": (
        "spectral, lambda_out",
        gradients.written_out.off,
    ),
}
ENSEMBLES = (1, 5, 20)  # how many of `spectral, lambda_out` train as a stack
PRUNING_RATIOS = (0.5, 0.9, 0.95)
TRAINING_BATCH = 200
BATCH_SIZES = (1, 64, 1024)
COUNTED_EPOCHS = 2
UNCOUNTED_CALLS = 10
COUNTED_CALLS = 100


@dataclass(frozen=True)
class EpochTime:
    """Median seconds of one epoch of one network, and their ratio to the plain network's.

    `alone` is for a network that has all cores to itself; `side_by_side` is for one network on each
    core, as `eigenprune run` trains them. The ranges are those of the ratio over single processes:
    the lowest and the highest.
    """

    network: str
    alone: float
    alone_times_plain: float
    alone_range: tuple[float, float]
    side_by_side: float
    side_by_side_times_plain: float
    side_by_side_range: tuple[float, float]


@dataclass(frozen=True)
class Latency:
    """Median seconds for one batch, and how many times faster it is than the unpruned network."""

    network: str
    pruning_ratio: float
    batch_size: int
    seconds: float
    speed_up: float


def bench(
    dataset: str,
    hidden: list[int],
    data_dir: Path,
    rounds: int = 5,
    on_half_round: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Time training and inference of relu networks, batch 200, on all usable cores.

    Args:
        dataset: a name in `datasets.NAMES`.
        hidden: widths of the hidden layers.
        data_dir: where MNIST and Fashion-MNIST lie.
        rounds: 1 or more. Each round starts a fresh process that has all cores, and then a fresh
            process for each core, all with the same order of networks. Every process times
            `COUNTED_EPOCHS` of every network, after one epoch that is not counted. The process that
            has all cores also times `COUNTED_CALLS` of inference after `UNCOUNTED_CALLS`.
        on_half_round: called twice in each round: when the first process is done, and when the
            others are.

    Returns:
        `machine` (commit, versions, device, threads), `code` (fingerprints of the files that are
        timed), `dataset`, `hidden`, `rounds`, `training` (as `EpochTime`) and `inference` (as
        `Latency`).

    Raises:
        ValueError: if `rounds` is below 1.
        UserError: if the dataset is not there.
        Failure: if the networks are larger than the memory.
    """
    if rounds < 1:
        raise ValueError(f"rounds={rounds}: 1 or more")
    cores = usable_cores()
    alone: list[_Round] = []
    beside: list[dict[str, list[float]]] = []
    # spawn: see `processes`. No process sees the memory of another.
    context = multiprocessing.get_context("spawn")
    processes = partial(ProcessPoolExecutor, mp_context=context, initializer=end_with_parent)
    for turn in range(rounds):
        with processes(1) as fresh:
            alone.append(fresh.submit(_round, dataset, hidden, data_dir, turn, cores).result())
        on_half_round()
        with processes(cores) as fresh:
            begun = [
                fresh.submit(_side_by_side, dataset, hidden, data_dir, turn) for _ in range(cores)
            ]
            beside += [one.result() for one in begun]
        on_half_round()
    rows = _training_rows([one.training for one in alone], beside)
    return {
        "machine": alone[0].machine,
        "code": code_state.current(code_state.TIMED),
        "dataset": dataset,
        "hidden": hidden,
        "rounds": rounds,
        "training": [asdict(row) for row in rows],
        "inference": [asdict(row) for row in _inference_rows([one.inference for one in alone])],
    }


@dataclass(frozen=True)
class _Round:
    """The seconds that one process measured, by what it timed."""

    machine: dict[str, Any]
    training: dict[str, list[float]]
    inference: dict[tuple[str, float, int], list[float]]


def _round(dataset: str, hidden: list[int], data_dir: Path, turn: int, threads: int) -> _Round:
    torch.set_num_threads(threads)
    data = datasets.load(dataset, data_dir)
    widths = [data.features, *hidden, data.classes]
    with room_for(hidden):
        return _Round(made_with(), _training(widths, data, turn), _inference(widths, data))


def _side_by_side(
    dataset: str, hidden: list[int], data_dir: Path, turn: int
) -> dict[str, list[float]]:
    torch.set_num_threads(1)
    data = datasets.load(dataset, data_dir)
    with room_for(hidden):
        return _training([data.features, *hidden, data.classes], data, turn)


def _pooled(rounds: Sequence[Mapping[Any, list[float]]]) -> dict[Any, float]:
    return {name: median(itertools.chain(*(turn[name] for turn in rounds))) for name in rounds[0]}


def _training_rows(
    alone: Sequence[dict[str, list[float]]], beside: Sequence[dict[str, list[float]]]
) -> list[EpochTime]:
    first, second = _pooled(alone), _pooled(beside)
    plain = next(iter(NETWORKS))
    return [
        EpochTime(
            name,
            first[name],
            first[name] / first[plain],
            _range(alone, name),
            taken,
            taken / second[plain],
            _range(beside, name),
        )
        for name, taken in second.items()
    ]


def _range(rounds: Sequence[dict[str, list[float]]], name: str) -> tuple[float, float]:
    """The lowest and the highest ratio to the plain network within one process."""
    plain = next(iter(NETWORKS))
    ratios = [median(its[name]) / median(its[plain]) for its in rounds]
    return min(ratios), max(ratios)


def _inference_rows(rounds: Sequence[dict[tuple[str, float, int], list[float]]]) -> list[Latency]:
    seconds = _pooled(rounds)
    return [
        Latency(kind, ratio, size, taken, seconds["unpruned", 0.0, size] / taken)
        for (kind, ratio, size), taken in seconds.items()
    ]


def _training(widths: list[int], data: datasets.Dataset, turn: int) -> dict[str, list[float]]:
    trainings = _trainings(widths, data)
    order = random.Random(turn).sample(list(trainings), len(trainings))
    taken = {name: _counted_epochs(trainings[name][0]) for name in order}
    return {
        name: [seconds / epochs for seconds in taken[name]]
        for name, (_, epochs) in trainings.items()
    }


def _trainings(
    widths: list[int], data: datasets.Dataset
) -> dict[str, tuple[Callable[..., Any], float]]:
    """What is timed, and how many epochs of one network each of its epochs counts as."""
    inputs, targets = data.train_inputs, data.train_targets
    trainings: dict[str, tuple[Callable[..., Any], float]] = {}
    for name, options in NETWORKS.items():
        trainings[name] = partial(train, mlp(widths, seed=1, **options), inputs, targets), 1
    for name, (network, without) in WITHOUT.items():
        trainings[name] = partial(_without, without, trainings[network][0]), 1
    for size in ENSEMBLES:
        rows = min(len(inputs), max(TRAINING_BATCH, len(inputs) // size))
        models = [mlp(widths, seed=seed) for seed in range(size)]
        trainings[f"ensemble of {size}, lambda_out"] = (
            partial(train_together, models, inputs[:rows], targets[:rows], seeds=range(size)),
            size * rows / len(inputs),
        )
    return trainings


def _without(
    off: Callable[[], AbstractContextManager[None]],
    training: Callable[..., Any],
    **options: Any,
) -> None:
    with off():
        training(**options)


def _counted_epochs(training: Callable[..., Any]) -> list[float]:
    # The first epoch also builds the optimiser and, with frozen eigenvectors, the products.
    ends: list[float] = []
    training(
        epochs=1 + COUNTED_EPOCHS,
        batch_size=TRAINING_BATCH,
        on_epoch=lambda epoch, losses: ends.append(time.perf_counter()),
    )
    return [end - start for start, end in itertools.pairwise(ends)]


def _inference(
    widths: list[int], data: datasets.Dataset
) -> dict[tuple[str, float, int], list[float]]:
    whole = mlp(widths, layer="dense", seed=1).requires_grad_(False)
    models = {("unpruned", 0.0): whole}
    for ratio in PRUNING_RATIOS:
        masks = select_nodes(importance.weight_norm(whole), ratio)
        models["masked", ratio] = masked(whole, masks)
        models["compacted", ratio] = compact(whole, masks)
    return {
        # A small dataset is repeated.
        (*name, size): _calls(model, data.test_inputs[torch.arange(size) % len(data.test_inputs)])
        for size in BATCH_SIZES
        for name, model in models.items()
    }


@torch.inference_mode()
def _calls(model: nn.Sequential, batch: Tensor) -> list[float]:
    # One network after the other, as it would be served: its weights are in the cache, because the
    # uncounted calls have brought them there.
    [taken] = timing.seconds([model], batch, uncounted=UNCOUNTED_CALLS, counted=COUNTED_CALLS)
    return taken
