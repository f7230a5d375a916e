"""Searches for a strength that are recorded in Git: their result is used instead of a new search.

A search takes several times as long as training the network that it is made for, and the weights of
its networks are not recorded. Without this module, anyone who continues a study on another machine
would first repeat all its searches.
"""

import math

from eigenprune.lab.execution.tasks import Choice
from eigenprune.lab.plans import TUNING_SEED
from eigenprune.lab.records.recorded import STRENGTH, folder_of, rows_by_run
from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials


def recorded_choices(study: Study | Trials) -> dict[str, Choice]:
    """The recorded searches of a study, by the id of the run that `tuning.search_of` returns.

    Two machines may have made the same search and chosen different strengths, if these are equally
    good up to rounding. Then neither is used.
    """
    rows = {} if isinstance(study, Trials) else rows_by_run(folder_of(study))
    found: dict[str, list[Choice]] = {}
    for row in rows.values():
        choice = Choice(row.get(STRENGTH, math.nan), row["training_seconds"])
        # Rows of other seeds have the same strength, but not the time of the search.
        if row["seed"] == TUNING_SEED and not math.isnan(choice.strength + choice.seconds):
            found.setdefault(str(row["training"]), []).append(choice)
    return {
        training: choices[0]
        for training, choices in found.items()
        if len({choice.strength for choice in choices}) == 1
    }
