"""Whether the recorded rows of one training come from one network.

Two machines that round differently make two networks of one training, as far apart as two seeds. If
methods that share a training were computed on both, different networks would be compared.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from eigenprune.lab import rivals

if TYPE_CHECKING:
    import pandas as pd


def of_two_networks(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of trainings that do not all come from one network, as far as can be told.

    Rows come from more than one network if they were made on two kinds of processors, or if the
    unpruned networks differ in their loss.

    Args:
        rows: of a recording, see `recorded.rows_by_run`. Rows of retrained networks, and of
            networks trained from scratch, are each compared only with their own kind.
    """
    retraining = rows["method"].map(lambda name: rivals.retraining(rivals.find(name)))
    retraining = retraining.replace(rivals.FITTED, rivals.AS_PRUNED)  # nothing is trained there
    unpruned = rows["loss"].where(rows["pruning_ratio"] == 0)
    told = rows.assign(unpruned=unpruned).groupby([rows["training"], retraining])
    return rows[(told[["unpruned", "processor"]].transform("nunique") > 1).any(axis=1)]


def command_for_one(rows: "pd.DataFrame", here: Collection[str]) -> str:
    """The command that computes on this machine what was computed on another.

    Args:
        rows: of a recording of one study.
        here: ids of the runs that are in this project's store.

    Returns:
        An empty string if there is nothing to compute again.
    """
    found = of_two_networks(rows)
    elsewhere = found[~found["run"].isin(here)]
    if elsewhere.empty:
        return ""
    seeds, methods, activations = (
        ",".join(map(str, elsewhere[name].unique())) for name in ("seed", "method", "activation")
    )
    study = elsewhere["study"].iloc[0]
    return (
        f"eigenprune run {study} --anew --activation {activations} --seeds {seeds} "
        f"--methods {methods}"
    )
