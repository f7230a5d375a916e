"""Denormals: numbers below the smallest normal one, with which processors are many times slower.

A regulariser that shrinks weights all the way to zero makes more of these numbers with every epoch,
until they take up nearly all of its computing time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def as_zero() -> Iterator[None]:
    """Make the current thread treat denormals as zero while the context lasts.

    In float32 these are numbers below 1.2e-38. Threads that torch starts for large operations are
    not affected; `torch.set_num_threads(1)` avoids such threads. If the processor has no such mode,
    nothing changes.

    Example:
        >>> import torch
        >>> tiny = torch.tensor(1e-38, device="cpu")
        >>> with as_zero():
        ...     print(float(tiny / 10))
        0.0
        >>> float(tiny / 10) > 0
        True
    """
    before = _are_zero()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _are_zero() -> bool:
    # torch can set this mode but cannot report it.
    return float(torch.tensor(1e-38, device="cpu") / 10) == 0.0
