"""What people type on the command line, turned into values; mistakes end in one sentence."""

import math

from eigenprune.lab.errors import UserError


def words(text: str) -> list[str]:
    """`relu, tanh` as a list.

    >>> words("relu, tanh")
    ['relu', 'tanh']
    """
    return [word.strip() for word in text.split(",")]


def ratios(text: str) -> list[float]:
    """`0.5,0.9` as numbers; whether they are ratios the study says.

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
    found: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            of_part = range(int(first), int(last or first) + 1)
            if not of_part:
                raise ValueError
            found.extend(of_part)
    except ValueError:
        raise UserError(f"--seeds: {text!r} is not of the form 1 or 1,2 or 1-5") from None
    return found


def widths(text: str) -> list[int]:
    """`800-800` as numbers.

    >>> widths("800-800")
    [800, 800]
    """
    words = text.split("-")
    if not all(word.isdecimal() and int(word) for word in words):
        raise UserError(f"--hidden: {text!r} is not of the form 500 or 800-800, widths from 1 on")
    return [int(word) for word in words]


def require_seconds(given: float | None) -> None:
    """Refuse a limit of time that is none."""
    if given is not None and not 0 < given < math.inf:
        raise UserError(f"--max-seconds: {given:g} is not above 0 and finite")


def shard(text: str) -> tuple[int, int]:
    """`2/4`, the second of four parts.

    >>> shard("2/4")
    (2, 4)
    """
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise UserError(f"--shard: {text!r} is not of the form 2/4, the second of four parts")
    return int(part), int(parts)
