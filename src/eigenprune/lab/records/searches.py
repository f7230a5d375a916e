"""Searches for a strength that are recorded in Git: their result is taken, they are not made again.

A search takes several times as long as the network that it is made for, and its weights are not
recorded: without this, whoever goes on elsewhere would begin with all searches once more.
"""

import math
from dataclasses import dataclass

from eigenprune.lab.records.recorded import STRENGTH, folder_of, rows_by_run
from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials


@dataclass(frozen=True)
class Choice:
    """The strength that a search ended with, and the seconds of a processor that it took."""

    strength: float
    seconds: float


def recorded_choices(study: Study | Trials) -> dict[str, Choice]:
    """The searches that are recorded of a study, by the id of what `tuning.search_of` returns."""
    rows = {} if isinstance(study, Trials) else rows_by_run(folder_of(study))
    known = {
        str(row["training"]): Choice(row[STRENGTH], row["training_seconds"])
        for row in rows.values()
        if STRENGTH in row
    }
    return {
        training: choice
        for training, choice in known.items()
        if not math.isnan(choice.strength) and not math.isnan(choice.seconds)
    }
