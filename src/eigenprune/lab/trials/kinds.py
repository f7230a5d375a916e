"""From a trial to its rows."""

import math
from collections.abc import Callable

from torch import nn

from eigenprune.lab.datasets import Dataset
from eigenprune.lab.fitting import OnEpoch
from eigenprune.lab.runs import Trial
from eigenprune.lab.trials.compression import compress
from eigenprune.lab.trials.flow import train_with_flow
from eigenprune.lab.trials.growing import grow_and_compare
from eigenprune.lab.trials.modules import prune_to_parts
from eigenprune.lab.trials.retraining import Row

# By kind, the function: it takes the trained network, the data, the trial and what is called after
# each epoch. The rows that it returns are the same on all machines of one kind.
KINDS: dict[str, Callable[[nn.Sequential, Dataset, Trial, OnEpoch | None], list[Row]]] = {
    "compression": compress,
    "flow": train_with_flow,
    "growing": grow_and_compare,
    "modules": prune_to_parts,
}


def rows_of(
    run: Trial, network: nn.Sequential, data: Dataset, on_epoch: OnEpoch | None
) -> list[Row] | None:
    """The rows of a trial; None if numbers ceased to be finite."""
    rows = KINDS[run.kind](network, data, run, on_epoch)
    numbers = (value for row in rows for value in row.values() if isinstance(value, float))
    return rows if all(map(math.isfinite, numbers)) else None
