"""Independent streams of randomness from one seed."""

import hashlib

import torch


def generator(seed: int, stream: str) -> torch.Generator:
    """A generator for one purpose, e.g. `initialisation`, `order`, `retraining` or `scoring`.

    Streams of one seed do not depend on each other: drawing more initial weights does not change
    the order of the batches. The generator lives on the CPU, so that every device starts alike.

    >>> import torch
    >>> a, b = generator(1, "order"), generator(1, "scoring")
    >>> bool(torch.rand(1, generator=a) == torch.rand(1, generator=b))
    False
    """
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    # manual_seed takes 64 bits; 63 keep the number positive.
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
