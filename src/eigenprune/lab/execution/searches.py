"""Searches for a strength that are recorded in Git: their result is taken, they are not made again.

A search takes several times as long as the network that it is made for, and its weights are not
recorded: without this, whoever goes on with a study elsewhere would begin with all its searches
once more.
"""

import math

from eigenprune.lab.execution.tasks import Choice
from eigenprune.lab.plans import TUNING_SEED
from eigenprune.lab.records.recorded import STRENGTH, folder_of, rows_by_run
from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials


def recorded_choices(study: Study | Trials) -> dict[str, Choice]:
    """The searches that are recorded of a study, by the id of what `tuning.search_of` returns.

    Two machines may have searched among the same networks, and ended with two strengths, where
    these are as good but for rounding. Then neither is taken.
    """
    rows = {} if isinstance(study, Trials) else rows_by_run(folder_of(study))
    found: dict[str, list[Choice]] = {}
    for row in rows.values():
        choice = Choice(row.get(STRENGTH, math.nan), row["training_seconds"])
        # Rows of other seeds tell the same strength, and not what the search took.
        if row["seed"] == TUNING_SEED and not math.isnan(choice.strength + choice.seconds):
            found.setdefault(str(row["training"]), []).append(choice)
    return {
        training: choices[0]
        for training, choices in found.items()
        if len({choice.strength for choice in choices}) == 1
    }
