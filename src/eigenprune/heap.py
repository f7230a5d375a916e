"""Memory that a training frees and asks for again in every step.

The C library of Linux gives back what lies free at the end of its heap once that is more than twice
the largest block it has fetched apart from it; at first those are as small as one matrix of the
network. Where a step happens to leave more behind, the system takes it away, clears it, and gives
it again, step after step: a training takes up to half as long again, or does not, depending on
where in its process the memory lies.
"""

import torch

# The largest block that still counts, less what the library itself writes into it.
COUNTED = 31 * 2**20


def keep_freed() -> None:
    """Let this process keep the memory it frees, up to some 60 MB, for its next step.

    Elsewhere than with the C library of GNU it changes nothing. It takes microseconds, and no
    memory: the block that is asked for is never touched.

    Source: mallopt(3), M_TRIM_THRESHOLD and M_MMAP_THRESHOLD, on how the two adapt.

    Example:
        >>> keep_freed()
    """
    torch.empty(COUNTED, dtype=torch.uint8, device="cpu")
