"""How long computations take that are called again and again."""

import time
from collections.abc import Callable, Sequence
from statistics import median

from torch import Tensor

UNCOUNTED_CALLS = 3
COUNTED_CALLS = 15


def milliseconds(computations: Sequence[Callable[[Tensor], object]], inputs: Tensor) -> list[float]:
    """The median of COUNTED_CALLS of each computation, see `seconds`.

    Example:
        >>> import torch
        >>> [fast, slow] = milliseconds([torch.relu, torch.linalg.svd], torch.rand(50, 50))
        >>> fast < slow
        True
    """
    calls = seconds(computations, inputs, uncounted=UNCOUNTED_CALLS, counted=COUNTED_CALLS)
    return [1000 * median(taken) for taken in calls]


def seconds(
    computations: Sequence[Callable[[Tensor], object]],
    inputs: Tensor,
    *,
    uncounted: int,
    counted: int,
) -> list[list[float]]:
    """What each counted call of some computations took.

    They take turns, so that other load on the machine slows all of them down alike.

    Args:
        computations: what is called with the inputs.
        inputs: the same for all.
        uncounted: how many times each is called before, since the first calls take longer.
        counted: how many times each is called then.
    """
    every: list[list[float]] = [[] for _ in computations]
    for turn in range(-uncounted, counted):
        for compute, taken in zip(computations, every, strict=True):
            start = time.perf_counter()
            compute(inputs)
            if turn >= 0:
                taken.append(time.perf_counter() - start)
    return every
