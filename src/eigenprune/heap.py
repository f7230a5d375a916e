"""Memory that a training frees and requests again in every step.

The GNU C library returns the free memory at the end of its heap to the system once it exceeds twice
the size of the largest separately mapped block that has been freed so far. At first these blocks
are no larger than one matrix of the network. If a step happens to leave more memory free than that,
the system takes it back, clears it and hands it out again, step after step. Whether this happens
depends on where in its process the memory lies; if it does, a training takes up to half as long
again.
"""

import torch

# The largest block that still counts is 32 MB, including what the library itself writes into it.
COUNTED = 31 * 2**20


def keep_freed() -> None:
    """Make this process keep the memory that it frees, for its next step.

    From then on, blocks below 31 MB come from the heap, and up to 62 MB may lie free at the end of
    the heap; memory that is free elsewhere in the heap stays there for later use. With another C
    library, or with limits set by the user (`GLIBC_TUNABLES`, `MALLOC_...`), nothing changes. The
    call takes microseconds and no memory: the requested block is not filled.

    Source: mallopt(3), M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, on how the two adapt.

    Example:
        >>> keep_freed()
    """
    torch.empty(COUNTED, dtype=torch.uint8, device="cpu")
