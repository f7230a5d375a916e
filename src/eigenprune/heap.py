"""Memory that a training frees and asks for again in every step.

The C library of GNU gives back what lies free at the end of its heap once that is more than twice
the largest block, of those it fetches apart, that has been freed so far; at first those are no
larger than one matrix of the network. Where a step happens to leave more behind, the system takes
it away, clears it, and gives it again, step after step: a training takes up to half as long again,
or does not, depending on where in its process the memory lies.
"""

import torch

# The largest block that still counts is 32 MB, with what the library itself writes into it.
COUNTED = 31 * 2**20


def keep_freed() -> None:
    """Let this process keep, for its next step, memory that it frees, from now on.

    Blocks below 31 MB come from the heap then, of which up to 62 MB may lie free at its end; what
    is free elsewhere in it waits for whoever needs it next. With another C library, or one that is
    told its limits (`GLIBC_TUNABLES`, `MALLOC_...`), it changes nothing. It takes microseconds and
    no memory: the block that is asked for is not filled.

    Source: mallopt(3), M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, on how the two adapt.

    Example:
        >>> keep_freed()
    """
    torch.empty(COUNTED, dtype=torch.uint8, device="cpu")
