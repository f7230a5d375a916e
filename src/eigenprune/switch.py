"""A fast path that can be switched off, to measure it and test it against the plain one."""

from collections.abc import Iterator
from contextlib import contextmanager


class Switch:
    """Whether a fast path is taken: always, except while it is `off`.

    Example:
        >>> fast = Switch()
        >>> with fast.off():
        ...     fast.on
        False
        >>> fast.on
        True
    """

    def __init__(self) -> None:
        self.on = True

    @contextmanager
    def off(self) -> Iterator[None]:
        """Take the plain path inside this context; a context within another changes nothing."""
        before, self.on = self.on, False
        try:
            yield
        finally:
            self.on = before
