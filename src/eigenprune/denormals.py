"""Numbers below the smallest normal one, on which processors compute many times slower.

A regulariser that shrinks weights all the way makes more of them with every epoch, until it is they
that take nearly all of its time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def as_zero() -> Iterator[None]:
    """While this lasts, the thread that entered it takes such numbers for zero.

    In float32 those are numbers below 1.2e-38. Threads that torch starts for large operations are
    not told: `torch.set_num_threads(1)` is the way to have it everywhere. Where a processor cannot,
    nothing changes.

    Example:
        >>> import torch
        >>> tiny = torch.tensor(1e-38)
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
    # torch can set it and cannot tell.
    return float(torch.tensor(1e-38) / 10) == 0.0
