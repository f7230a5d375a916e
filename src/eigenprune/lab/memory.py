"""Networks that are larger than the memory, told as such."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from eigenprune.lab.errors import Failure


@contextmanager
def room_for(hidden: Sequence[int]) -> Iterator[None]:
    """Name the widths where torch has not the memory, which it says as any other error.

    Raises:
        Failure: with the widths.
    """
    try:
        yield
    except RuntimeError as error:
        # The second where the bytes are more than a number of torch can tell.
        if not any(said in str(error) for said in ("tried to allocate", "Storage size")):
            raise
        widths = "-".join(map(str, hidden))
        raise Failure(f"hidden {widths}: such networks need more memory than there is") from error
