"""A clear error for networks that do not fit into memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from eigenprune.lab.errors import Failure


@contextmanager
def room_for(hidden: Sequence[int]) -> Iterator[None]:
    """Name the widths if torch runs out of memory, which it reports as a plain RuntimeError.

    Raises:
        Failure: with the widths.
    """
    try:
        yield
    except RuntimeError as error:
        # The second message comes where the number of bytes overflows torch's integers.
        if not any(said in str(error) for said in ("tried to allocate", "Storage size")):
            raise
        widths = "-".join(map(str, hidden))
        raise Failure(f"hidden {widths}: such networks need more memory than there is") from error
