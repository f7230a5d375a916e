"""How long pruned networks take to answer: measured once for each activation and shape.

Neither the weights nor the method that gave a network its shape matter for the time. Milliseconds
hold for one machine at one moment, so networks that are to be compared are timed in one session.
"""

from collections.abc import Collection
from typing import Any

import torch

from eigenprune.lab.machine import made_with
from eigenprune.lab.protocols import one_thread
from eigenprune.lab.timing import milliseconds
from eigenprune.networks import mlp

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
    taken = {}
    with one_thread():
        for activation, shape in networks:
            network = mlp([features, *shape, classes], activation=activation, layer="dense")
            [taken[activation, shape]] = milliseconds([network], inputs)
    return taken


def machine() -> dict[str, Any]:
    """MACHINE of this process, as `latencies` uses it."""
    with one_thread():
        made = made_with()
    return {key: made[key] for key in MACHINE}
