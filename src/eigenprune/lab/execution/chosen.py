"""Train a network whose strength was chosen before: by a search that is recorded in Git.

Not in `protocols`, whose every change makes the spot checks of all that is recorded void.
"""

import math
from dataclasses import replace
from pathlib import Path

from eigenprune.lab.execution.tasks import Choice
from eigenprune.lab.fitting import OnEpoch
from eigenprune.lab.protocols import compute, keep, trained_network
from eigenprune.lab.runs import Run, Training
from eigenprune.lab.store import Entry, Store
from eigenprune.lab.tuning import search_of


def train_chosen(
    run: Run, choice: Choice, store: Store, data_dir: Path, on_epoch: OnEpoch | None = None
) -> Entry:
    """What `protocols.compute` does for a run with `tuning`, its search apart.

    The network is that of a search which ends with this strength, bit for bit; the accuracies of
    the strengths (`validation`) are missing, which are not recorded.

    Raises:
        ValueError: the run has no strength to choose, or not this one.
    """
    if not isinstance(run, Training) or run.tuning is None:
        raise ValueError("the strength of this run is not chosen")
    # As `params.yaml` has it: what a CSV file says of a number may be off in the last bit.
    strengths = [one for one in run.tuning.strengths if math.isclose(one, choice.strength)]
    if not strengths:
        raise ValueError(f"strength={choice.strength}: none of {run.tuning.strengths}")
    chosen = replace(run, tuning=None, strength=strengths[0])
    network = trained_network(chosen, store, data_dir, on_epoch)
    record = compute(chosen, store, data_dir).record
    result, seconds = record["result"], record["made_with"]["seconds"]
    if network is not None:
        result |= {"strength": chosen.strength}
    # The search is on the account of the seed that it was made with.
    return keep(run, result, store, choice.seconds if run == search_of(run) else seconds, network)
