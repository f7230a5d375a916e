"""The tables that chapters on trials read."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from eigenprune.lab.execution import sweep
from eigenprune.lab.studies import Params
from eigenprune.lab.trials.tables import table

if TYPE_CHECKING:
    import pandas as pd


def tables(params: Params, names: Iterable[str]) -> "dict[str, pd.DataFrame]":
    """The tables of trials by name, see `tables.table`; unrecorded trials are left out.

    Args:
        params: of the project.
        names: of trials. Quick ones are computed if necessary, the others are as recorded.

    Raises:
        UserError: if there are no trials of a name.
    """
    found = {}
    for name in names:
        trials = params.trials_named(name)
        quick = name in params.quick_trials
        rows = sweep.run_study(trials) if quick else table(trials, recorded_only=True)
        if len(rows):
            found[name] = rows
    return found
