"""How long pruned networks take to answer: measured once for each activation and shape.

Neither the weights nor the method that gave a network its shape matter for the time. Milliseconds
hold for one machine at one moment, so networks that are to be compared are timed in one session.
"""

import time
from collections.abc import Collection, Sequence
from statistics import median
from typing import Any

import torch

from eigenprune.lab.machine import made_with
from eigenprune.lab.protocols import one_thread
from eigenprune.networks import mlp

UNCOUNTED_CALLS = 3
COUNTED_CALLS = 15
# What is recorded about the machine, beside the times.
MACHINE = ("device", "processor", "threads", "torch")


@torch.inference_mode()
def latencies(
    networks: Collection[tuple[str, tuple[int, ...]]], features: int, classes: int, *, batch: int
) -> dict[tuple[str, tuple[int, ...]], float]:
    """Median milliseconds that dense networks take for a batch on one thread of the CPU.

    Args:
        networks: the activation and the widths of the hidden layers of each, e.g.
            `("relu", (500, 500, 500))`.
        features: number of inputs.
        classes: number of outputs.
        batch: number of examples.

    Example:
        >>> sorted(latencies([("relu", (8,)), ("tanh", (8, 4))], 64, 10, batch=32))
        [('relu', (8,)), ('tanh', (8, 4))]
    """
    inputs = torch.rand(batch, features, generator=torch.Generator().manual_seed(0))
    with one_thread():
        return {
            (activation, shape): _milliseconds([features, *shape, classes], activation, inputs)
            for activation, shape in networks
        }


def machine() -> dict[str, Any]:
    """MACHINE of this process, as `latencies` uses it."""
    with one_thread():
        made = made_with()
    return {key: made[key] for key in MACHINE}


def _milliseconds(widths: Sequence[int], activation: str, inputs: torch.Tensor) -> float:
    network = mlp(widths, activation=activation, layer="dense")
    seconds = []
    for call in range(-UNCOUNTED_CALLS, COUNTED_CALLS):
        start = time.perf_counter()
        network(inputs)
        if call >= 0:
            seconds.append(time.perf_counter() - start)
    return 1000 * median(seconds)
