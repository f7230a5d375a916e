"""Networks of the arena that stand beside compressed ones: fewer hidden nodes, on the same axes."""

from collections.abc import Iterable

import pandas as pd

from eigenprune.compression.size import FLOAT
from eigenprune.lab.rivals import AS_PRUNED, FINE_TUNED, MORE_THAN_PRUNING, OF_RATIOS, TRAINED
from eigenprune.lab.studies import Study
from eigenprune.report.arena.scope import Arena
from eigenprune.report.trials.trial_exhibits import Shown

LABEL = "nodes: "  # begins the name of a method that removes nodes
SMALL = "small"


def beside(its: Shown, activation: str, arena: Arena) -> tuple[pd.DataFrame, list[Study]]:
    """The best pruned networks of the arena of the same data and widths, and the small dense ones.

    Best is the method with the highest accuracy in the mean over the pruning ratios, one among
    those as they were pruned and one among those fine-tuned. Which that is is read off the accuracy
    on the test set, so that it looks a little too good. What was not pruned to all ratios yet,
    random nodes, and what also averages the parameters of its last steps, as no compressed
    network does, do not compete; among those as they were pruned, neither does what was pruned
    while it was trained, a network for each ratio.

    Args:
        its: the trials.
        activation: one of theirs.
        arena: whose networks are looked at.

    Returns:
        The mean over the seeds for each method and pruning ratio, with the columns method (it
        begins with LABEL), pruning_ratio, retraining_epochs, accuracy, accuracy_std, n, parameters,
        bytes, macs and, where it was measured, latency (milliseconds) and latency_share (of the
        unpruned network); and the study narrowed to these methods. Nothing, where the arena is not
        there.
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
    # As they were pruned, all cut one trained network once, as what is compressed is.
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
    ).reset_index()
    if measured:
        whole = table.loc[table["pruning_ratio"] == 0, "latency"].mean()
        line["latency_share"] = line["latency"] / whole
    return line.assign(
        method=LABEL + method,
        bytes=FLOAT * line["parameters"],
        retraining_epochs=0 if retraining == AS_PRUNED else study.retraining_epochs,
    )
