"""Train a network with the strength that a search recorded in Git has chosen.

This is not in `protocols`, because every change there voids the spot checks of all recordings.
"""

from dataclasses import replace
from pathlib import Path

from eigenprune.lab.errors import UserError
from eigenprune.lab.execution.tasks import Choice
from eigenprune.lab.fitting import OnEpoch
from eigenprune.lab.protocols import compute, keep, trained_network
from eigenprune.lab.runs import Run, Training
from eigenprune.lab.store import Entry, Store
from eigenprune.lab.tuning import search_of


def train_chosen(
    run: Run, choice: Choice, store: Store, data_dir: Path, on_epoch: OnEpoch | None = None
) -> Entry:
    """Compute a run with `tuning` as `protocols.compute` does, but without the search.

    The network is the same, bit for bit, as after a search that ends with this strength. The
    accuracies of the strengths (`validation`) are missing, because they are not recorded.

    Raises:
        ValueError: the run has no strength to choose.
        UserError: this strength is not one of its candidates.
    """
    if not isinstance(run, Training) or run.tuning is None:
        raise ValueError("the strength of this run is not chosen")
    if choice.strength not in run.tuning.strengths:
        raise UserError(
            f"the recorded strength {choice.strength} is none of {run.tuning.strengths}; restore "
            "the recorded table from Git"
        )
    chosen = replace(run, tuning=None, strength=choice.strength)
    network = trained_network(chosen, store, data_dir, on_epoch)
    record = compute(chosen, store, data_dir).record
    result, seconds = record["result"], record["made_with"]["seconds"]
    if network is not None:
        result |= {"strength": chosen.strength}
    # The time of the search counts for the seed that it was made with.
    return keep(run, result, store, choice.seconds if run == search_of(run) else seconds, network)
