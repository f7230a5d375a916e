"""Values of `params.yaml`: what is allowed, in words, and the checks that enforce it."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from eigenprune.lab import datasets
from eigenprune.lab.errors import UserError, did_you_mean
from eigenprune.lab.params_file import require_keys

Check = Callable[[object], Any]
# By key: what is allowed, in words, and the check that returns the value converted.
Keys = Mapping[str, tuple[str, Check]]

# As in eigenprune.networks, repeated to avoid importing torch; a test keeps the two equal.
ACTIVATIONS = ("elu", "gelu", "leaky_relu", "relu", "selu", "silu", "tanh")
DIGITS = 20  # more than any allowed number has
LARGEST = 2**31 - 1  # of whole numbers: torch does not accept larger ones everywhere


def whole_number(word: str) -> int | None:
    """A number written in digits, short enough for Python to read; None for anything else.

    >>> whole_number("12"), whole_number("-1"), whole_number("9" * 5000)
    (12, None, None)
    """
    return int(word) if word.isdecimal() and len(word) <= DIGITS else None


def check_values(
    values: Mapping[str, Any], keys: Keys, where: str, optional: Collection[str] = ()
) -> dict[str, Any]:
    """The values, each checked and converted.

    Args:
        values: by key.
        keys: all allowed keys, with their checks.
        where: begins the sentence of an error, e.g. `params.yaml: studies.digits-1x100`.
        optional: keys that may be missing.

    Raises:
        UserError: if a key is missing or unknown, or a value is not allowed.
    """
    require_keys(values, where, {**keys})
    checked: dict[str, Any] = {}
    for key, (allowed, check) in keys.items():
        if key not in values:
            if key in optional:
                continue
            raise UserError(f"{where}: {key} is missing; allowed: {allowed}")
        try:
            checked[key] = check(values[key])
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(
                f"{where}.{key}: {_refused(values[key], error)}; allowed: {allowed}"
            ) from error
    return checked


class _SomeOfList(UserError):
    """Some items of a list are refused, and others are not."""

    def __init__(self, items: list[object], hint: str) -> None:
        super().__init__(hint)
        self.items = items


def _refused(value: object, error: Exception) -> str:
    """What is not allowed, perhaps with a hint; for a list, only the refused items if not all."""
    hint = str(error) if isinstance(error, UserError) else ""
    items = error.items if isinstance(error, _SomeOfList) else [value]
    return f"{', '.join(map(repr, items))} {'is' if len(items) == 1 else 'are'} not allowed{hint}"


def whole(lowest: int) -> Callable[[object], int]:
    """Whole numbers from the lowest to LARGEST."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError
        if not lowest <= value <= LARGEST:
            raise ValueError
        return value

    return check


def number(value: object) -> float:
    """A number, finite or not."""
    # DVC writes 1e-05, which YAML 1.1 reads as a string.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    return float(value)


def ratio(value: object) -> float:
    """From 0 to 1."""
    if not 0 <= (found := number(value)) <= 1:
        raise ValueError
    return found


def share(value: object) -> float:
    """From 0 to less than 1."""
    if not 0 <= (found := number(value)) < 1:
        raise ValueError
    return found


def rate(value: object) -> float:
    """Above 0 and finite."""
    found = number(value)
    if not (found > 0 and math.isfinite(found)):
        raise ValueError
    return found


def listed(known: Collection[str]) -> str:
    """Words as they are written in YAML, with quotes around those that it reads as numbers.

    >>> listed(("2022", "ones"))
    '"2022", ones'
    """
    return ", ".join(f'"{word}"' if word.isdecimal() else word for word in known)


def one_of(known: tuple[str, ...]) -> Callable[[object], str]:
    """One of these words."""

    def check(value: object) -> str:
        if value not in known:
            # For a value that is not a string, such as 2022, the hint would be the same in quotes.
            raise UserError(did_you_mean(value, list(known)) if isinstance(value, str) else "")
        return str(value)

    return check


def list_of(check: Check) -> Callable[[object], tuple[Any, ...]]:
    """A list of such values, at least one."""

    def check_list(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError
        items, refused, hint = [], [], ""
        for item in value:
            try:
                items.append(check(item))
            except (TypeError, ValueError, OverflowError) as error:
                refused.append(item)
                hint = str(error) if isinstance(error, UserError) else ""
        if refused == value:
            raise UserError(hint)
        if refused:
            raise _SomeOfList(refused, hint if len(refused) == 1 else "")
        return tuple(items)

    return check_list


def distinct(check: Check) -> Callable[[object], tuple[Any, ...]]:
    """A list of such values, at least one and no two equal."""

    def check_distinct(value: object) -> tuple[Any, ...]:
        items = list_of(check)(value)
        if twice := [item for number, item in enumerate(items) if item in items[:number]]:
            raise UserError(f" ({twice[0]!r} appears in it twice)")
        return items

    return check_distinct


def dataset(own: Collection[str] = ()) -> tuple[str, Check]:
    """The entry for the key `dataset`: one of the standard datasets, or of the reader's own."""
    known = tuple(dict.fromkeys((*datasets.NAMES, *own)))
    return listed(known), one_of(known)


# Keys that studies and trials have in common: those of the networks that they start from.
NETWORKS: Keys = {
    "dataset": dataset(),
    "hidden": (
        f"a list of widths, each from 1 to {LARGEST}, e.g. [500, 500, 500]",
        list_of(whole(1)),
    ),
    "activations": (f"a list from {', '.join(ACTIVATIONS)}", distinct(one_of(ACTIVATIONS))),
    "seeds": (f"a list of different whole numbers, from 0 to {LARGEST}", distinct(whole(0))),
    "epochs": (f"a whole number, from 1 to {LARGEST}", whole(1)),
    "retraining_epochs": (f"a whole number, from 0 to {LARGEST}", whole(0)),
    "batch_size": (f"a whole number, from 1 to {LARGEST}", whole(1)),
    "learning_rate": ("a number above 0", rate),
    "held_out": ("a share of the training examples, from 0 to less than 1", share),
}
