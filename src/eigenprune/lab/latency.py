"""How long pruned networks take to answer: measured once for each shape that occurs.

Weights do not matter for it, and neither does what gave a network its shape.
"""

import time
from collections.abc import Collection, Sequence
from statistics import median

import torch

from eigenprune.lab.protocols import one_thread
from eigenprune.networks import mlp

BATCH = 1024
UNCOUNTED_CALLS = 3
COUNTED_CALLS = 15


@torch.inference_mode()
def latencies(
    shapes: Collection[tuple[int, ...]], features: int, classes: int
) -> dict[tuple[int, ...], float]:
    """Median milliseconds for a batch of 1024 on one thread, of a relu network of each shape.

    Args:
        shapes: widths of the hidden layers, e.g. `(500, 500, 500)`.
        features: number of inputs.
        classes: number of outputs.

    Example:
        >>> sorted(latencies([(8,), (8, 4)], 64, 10))
        [(8,), (8, 4)]
    """
    inputs = torch.rand(BATCH, features, generator=torch.Generator().manual_seed(0))
    with one_thread():
        return {shape: _milliseconds([features, *shape, classes], inputs) for shape in shapes}


def _milliseconds(widths: Sequence[int], inputs: torch.Tensor) -> float:
    network = mlp(widths, layer="dense")
    seconds = []
    for call in range(-UNCOUNTED_CALLS, COUNTED_CALLS):
        start = time.perf_counter()
        network(inputs)
        if call >= 0:
            seconds.append(time.perf_counter() - start)
    return 1000 * median(seconds)
