"""What is compared may be in a table only once: otherwise it would count twice in every mean."""

from collections.abc import Sequence

import pandas as pd

from eigenprune.lab.errors import UserError


def require_once(table: pd.DataFrame, key: Sequence[str], advice: str) -> None:
    """Refuse a table with several rows of one key.

    Args:
        table: any.
        key: the columns that tell its rows apart.
        advice: what the caller can do about it, for the message.

    Raises:
        UserError: at the first row whose key was there before.

    Example:
        >>> table = pd.DataFrame({"method": ["post", "post"], "seed": [1, 1]})
        >>> require_once(table, ["method", "seed"], "choose one study")
        Traceback (most recent call last):
            ...
        eigenprune.lab.errors.UserError: post, 1: in the table twice; choose one study
    """
    twice = table[table.duplicated(list(key))]
    if len(twice):
        first = ", ".join(str(value) for value in twice.iloc[0][list(key)])
        raise UserError(f"{first}: in the table twice; {advice}")
