"""How many nodes a pruning ratio stands for, and which numbers are whole or fractions."""

import math
from numbers import Integral, Real


def nodes_removed(pruning_ratio: float, nodes: int) -> int:
    """The number of nodes that a pruning ratio removes: r N, rounded to the nearest, halves up.

    >>> nodes_removed(0.5, 5), nodes_removed(0.29, 50)
    (3, 15)
    """
    # The small number undoes the rounding of products such as 0.29 * 50 = 14.499999999999998.
    return math.floor(pruning_ratio * nodes + 0.5 + 1e-9)


def require_whole(name: str, given: object, least: int) -> None:
    """Refuse an argument that is not a whole number, or is too small.

    Args:
        name: of the argument.
        given: its value.
        least: the smallest value that is allowed.

    Raises:
        ValueError: with all three.

    Example:
        >>> require_whole("rank", 1.5, 1)
        Traceback (most recent call last):
        ValueError: rank=1.5: a whole number, 1 or more
    """
    if not isinstance(given, Integral) or given < least:
        raise ValueError(f"{name}={given!r}: a whole number, {least} or more")


def require_fraction(name: str, given: object) -> None:
    """Refuse an argument that is not a number from 0 to 1.

    Args:
        name: of the argument.
        given: its value.

    Raises:
        ValueError: with both.

    Example:
        >>> require_fraction("sparsity", 1.5)
        Traceback (most recent call last):
        ValueError: sparsity=1.5: a fraction from 0 to 1
    """
    if not isinstance(given, Real) or not 0 <= float(given) <= 1:
        raise ValueError(f"{name}={given!r}: a fraction from 0 to 1")
