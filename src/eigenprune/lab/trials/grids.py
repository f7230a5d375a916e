"""The options of each kind of trials, and the points of a grid of options.

    grid:
      - {method: [low-rank], rank: [5, 10]}
      - {method: [quantised], bits: [8, 4]}

Each mapping stands for all combinations of its values, and a grid for the points of all mappings.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eigenprune.lab.errors import UserError
from eigenprune.lab.params_file import require_keys
from eigenprune.lab.runs import Point
from eigenprune.lab.values import (
    LARGEST,
    Keys,
    check_values,
    distinct,
    number,
    one_of,
    rate,
    ratio,
    share,
    whole,
)


@dataclass(frozen=True)
class Kind:
    """A kind of trials: the option that says what is tried, and what each of its values needs."""

    option: str
    needs: Mapping[str, tuple[str, ...]]


_FLOW = ("k1", "k2", "pruning_ratio")
_MODULES = ("modules", "gamma", "sparsity")
_GROWTH = (
    "choice",
    "wanted_loss",
    "connectivity",
    "new_connections",
    "tolerance",
    "patience",
)

KINDS: dict[str, Kind] = {
    "compression": Kind(
        "method",
        {
            "none": (),
            "magnitude": ("sparsity",),
            "gradual-magnitude": ("sparsity",),
            "low-rank": ("rank",),
            "sparse-dense": ("rank", "sparsity"),
            "quantised": ("bits",),
            "clustered": ("clusters",),
        },
    ),
    "flow": Kind("architecture", {"plain": _FLOW, "residual": _FLOW}),
    "growing": Kind(
        "algorithm", {"connections": _GROWTH, "nodes": (*_GROWTH, "first_nodes", "new_nodes")}
    ),
    "modules": Kind("clustering", {"spectral": _MODULES, "random": _MODULES}),
}

# Methods of compression after which nothing is trained: the weights that they leave are not free.
UNTRAINED = ("quantised", "clustered")


def _words(*known: str) -> tuple[str, Any]:
    return f"a list from {', '.join(known)}", distinct(one_of(known))


_RATIOS = ("a list of different fractions, from 0 to 1", distinct(ratio))
_WHOLE = (f"a list of different whole numbers, from 1 to {LARGEST}", distinct(whole(1)))
_FROM_TWO = (f"a list of different whole numbers, from 2 to {LARGEST}", distinct(whole(2)))


def _share_of_connections(value: object) -> float:
    if not (found := ratio(value)) > 0:
        raise ValueError
    return found


def _coefficient(value: object) -> float:
    if not 0 <= (found := number(value)) < math.inf:
        raise ValueError
    return found


def _bits(value: object) -> int:
    if (found := whole(1)(value)) not in (4, 8):
        raise ValueError
    return found


_COEFFICIENTS = ("a list of different numbers, 0 or more", distinct(_coefficient))
_SHARES = ("a list of different fractions above 0, at most 1", distinct(_share_of_connections))

# In the order of the options in a point and in the tables.
_OPTIONS: Keys = {
    "sparsity": _RATIOS,
    "rank": _WHOLE,
    "bits": ("a list from 4, 8", distinct(_bits)),
    "clusters": _FROM_TWO,
    "modules": _FROM_TWO,
    "gamma": _RATIOS,
    "choice": _words("largest", "random"),
    "wanted_loss": ("a list of different numbers above 0", distinct(rate)),
    "connectivity": _SHARES,
    "new_connections": _SHARES,
    "tolerance": ("a list of different fractions, from 0 to less than 1", distinct(share)),
    "patience": _WHOLE,
    "first_nodes": _WHOLE,
    "new_nodes": _WHOLE,
    "k1": _COEFFICIENTS,
    "k2": _COEFFICIENTS,
    "pruning_ratio": _RATIOS,
}


def options_of(kind: str) -> list[str]:
    """All options that points of a kind may have."""
    found = KINDS[kind]
    return [found.option, *dict.fromkeys(itertools.chain.from_iterable(found.needs.values()))]


def points(kind: str, grid: object, where: str) -> tuple[Point, ...]:
    """The points of a grid, each once.

    Args:
        kind: a name in `KINDS`.
        grid: one mapping from options to lists of values, or a list of them.
        where: begins the sentence of an error.

    Raises:
        UserError: at the first thing that is wrong, with the key, the value and what is allowed.

    Example:
        >>> points("compression", {"method": ["quantised"], "bits": [8, 4]}, "grid")
        ((('method', 'quantised'), ('bits', 8)), (('method', 'quantised'), ('bits', 4)))
    """
    parts = grid if isinstance(grid, list) else [grid]
    if not parts:
        raise UserError(f"{where}: [] is not allowed; allowed: a mapping, or a list of mappings")
    found: dict[Point, None] = {}
    for part in parts:
        for point in _points_of(kind, part, where):
            if point in found:
                raise UserError(f"{where}: {dict(point)!r} appears in it twice")
            found[point] = None
    return tuple(found)


def _points_of(name: str, part: object, where: str) -> list[Point]:
    part = require_keys(part, where, set(options_of(name)))
    kind = KINDS[name]
    first = {kind.option: _words(*kind.needs)}
    tried = check_values({k: v for k, v in part.items() if k in first}, first, where)
    rest = {k: v for k, v in part.items() if k not in first}
    for value in tried[kind.option]:
        needs = kind.needs[value]
        if extra := set(rest) - set(needs):
            raise UserError(
                f"{where}: {kind.option} {value!r} has no {min(extra)}; it has: "
                f"{', '.join(needs) or 'nothing'}"
            )
        keys = {key: _OPTIONS[key] for key in _OPTIONS if key in needs}
        tried |= check_values(rest, keys, where)
    combined = itertools.product(*tried.values())
    return [tuple(zip(tried, values, strict=True)) for values in combined]
