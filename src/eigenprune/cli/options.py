"""Command line options turned into values; a mistake ends in an error of one sentence."""

import math
import time
from collections.abc import Callable
from typing import Annotated

import typer

from eigenprune.lab.errors import UserError
from eigenprune.lab.values import LARGEST, whole_number

MaxSeconds = Annotated[
    float | None,
    typer.Option(
        help="Stop after this many seconds; the same command resumes from there. A network in "
        "training is not saved and begins again, so allow more time than one takes."
    ),
]

MOST_SEEDS = 10_000  # a range is short to write, but each of its numbers means training a network


def words(text: str) -> list[str]:
    """`relu, tanh` as a list.

    >>> words("relu, tanh")
    ['relu', 'tanh']
    """
    return [word.strip() for word in text.split(",")]


def ratios(text: str) -> list[float]:
    """`0.5,0.9` as numbers; the study checks whether they are ratios.

    >>> ratios("0.5,0.9")
    [0.5, 0.9]
    """
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise UserError(f"--ratios: {text!r} is not of the form 0.5,0.9") from None


def seeds(text: str) -> list[int]:
    """`1`, `1,2` or `1-5` as numbers.

    >>> seeds("1-3,7")
    [1, 2, 3, 7]
    """
    parts = [part.partition("-") for part in text.split(",")]
    try:
        ends = [(int(first), int(last if dash else first)) for first, dash, last in parts]
    except ValueError:
        ends = []
    if not ends or any(last < first for first, last in ends):
        raise UserError(f"--seeds: {text!r} is not of the form 1 or 1,2 or 1-5")
    if sum(last - first + 1 for first, last in ends) > MOST_SEEDS:
        raise UserError(f"--seeds: {text!r} are too many; allowed: at most {MOST_SEEDS}")
    return [seed for first, last in ends for seed in range(first, last + 1)]


def widths(text: str) -> list[int]:
    """`800-800` as numbers.

    >>> widths("800-800")
    [800, 800]
    """
    numbers = [whole_number(word) or 0 for word in text.split("-")]
    if not all(1 <= number <= LARGEST for number in numbers):
        raise UserError(
            f"--hidden: {text!r} is not of the form 500 or 800-800, widths from 1 to {LARGEST}"
        )
    return numbers


def require_seconds(given: float | None) -> None:
    """Refuse a time limit that is not above 0 and finite."""
    if given is not None and not 0 < given < math.inf:
        raise UserError(f"--max-seconds: {given:g} is not above 0 and finite")


def seconds_left(given: float | None) -> Callable[[], float | None]:
    """A clock: how much of a time limit is left from now on, below 0 afterwards; None for no limit.

    >>> seconds_left(None)() is None, 0 < seconds_left(60)() <= 60
    (True, True)
    """
    if given is None:
        return lambda: None
    deadline = time.monotonic() + given
    return lambda: deadline - time.monotonic()


def shard(text: str) -> tuple[int, int]:
    """`2/4`, the second of four parts.

    >>> shard("2/4")
    (2, 4)
    """
    first, _, second = text.partition("/")
    part, parts = whole_number(first), whole_number(second)
    if part is None or parts is None or not 1 <= part <= parts:
        raise UserError(f"--shard: {text!r} is not of the form 2/4, the second of four parts")
    return part, parts
