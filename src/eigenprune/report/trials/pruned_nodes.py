"""Networks of the arena with fewer hidden nodes, on the same axes as compressed networks."""

from collections.abc import Iterable

import pandas as pd

from eigenprune.compression.size import FLOAT
from eigenprune.lab.rivals import AS_PRUNED, FINE_TUNED, MORE_THAN_PRUNING, OF_RATIOS, TRAINED
from eigenprune.lab.studies import Study
from eigenprune.report.arena.scope import Arena
from eigenprune.report.trials.trial_exhibits import ShownTrials, by_seed

LABEL = "nodes: "  # begins the name of a method that removes nodes
SMALL = "small"


def beside(its: ShownTrials, activation: str, arena: Arena) -> tuple[pd.DataFrame, list[Study]]:
    """The best pruned networks of the arena with the same data and widths, and small dense ones.

    The best method has the highest accuracy, averaged over the pruning ratios. One is chosen among
    the networks left as pruned, and one among the fine-tuned networks. The choice is made by the
    accuracy on the test set, so the best method looks a little too good.

    Some methods do not compete: those that are not recorded at all ratios yet, random nodes, and
    those that also average the parameters of their last steps, which no compressed network does.
    Among the networks left as pruned, methods that prune while they train, with a network for each
    ratio, do not compete either.

    Args:
        its: the trials.
        activation: one of the activations of the trials.
        arena: the arena whose networks are looked at.

    Returns:
        The mean over the seeds for each method and pruning ratio, with the columns method (it
        begins with LABEL), pruning_ratio, retraining_epochs, accuracy, accuracy_std, n, by_seed
        (see `trial_exhibits.by_seed`), parameters, bytes, macs and, where it was measured, latency
        (milliseconds) and latency_share (of the unpruned network); and the study narrowed to these
        methods. Both are empty if the arena has no such networks.
    """
    found = (
        shown
        for shown in arena.shown
        if shown.recorded == its.recorded
        and (shown.study.dataset, shown.study.hidden) == (its.trials.dataset, its.trials.hidden)
    )
    for shown in found:
        table = shown.table[shown.table["activation"] == activation]
        pruned = table[table["pruning_ratio"] > 0]
        chosen = [*_best(pruned), *([(SMALL, TRAINED)] if SMALL in set(pruned["method"]) else [])]
        rows = [_line(table, *one, shown.study) for one in chosen]
        if rows:
            narrowed = arena.named(method for method, _ in chosen).shown
            studies = [one.study for one in narrowed if one.study.name == shown.study.name]
            return pd.concat(rows, ignore_index=True), studies
    return pd.DataFrame(), []


def _best(pruned: pd.DataFrame) -> Iterable[tuple[str, str]]:
    # Left as pruned, each cuts one trained network once, as compression does.
    for retraining, without in ((AS_PRUNED, OF_RATIOS), (FINE_TUNED, MORE_THAN_PRUNING)):
        apart = pruned["family"].eq("control") | pruned["regulariser"].isin(without)
        rows = pruned[(pruned["retraining"] == retraining) & ~apart]
        if rows.empty:
            continue
        points = rows.groupby(["method", "pruning_ratio"], sort=False)["accuracy"].mean()
        methods = points.groupby("method", sort=False).agg(["mean", "size"])
        whole = methods[methods["size"] == pruned["pruning_ratio"].nunique()]
        if len(whole):
            yield str(whole["mean"].idxmax()), retraining


def _line(table: pd.DataFrame, method: str, retraining: str, study: Study) -> pd.DataFrame:
    rows = table[
        (table["method"] == method)
        & (table["retraining"] == retraining)
        & (table["pruning_ratio"] > 0)
    ]
    measured = "latency" in table and table["latency"].notna().any()
    points = rows.groupby("pruning_ratio")
    line = points.agg(
        accuracy=("accuracy", "mean"),
        accuracy_std=("accuracy", "std"),
        n=("accuracy", "size"),
        parameters=("parameters_kept", "mean"),
        macs=("macs_kept", "mean"),
        **({"latency": ("latency", "mean")} if measured else {}),
    )
    line = line.assign(by_seed=by_seed(rows, ["pruning_ratio"])).reset_index()
    if measured:
        whole = table.loc[table["pruning_ratio"] == 0, "latency"].mean()
        line["latency_share"] = line["latency"] / whole
    return line.assign(
        method=LABEL + method,
        bytes=FLOAT * line["parameters"],
        retraining_epochs=0 if retraining == AS_PRUNED else study.retraining_epochs,
    )
