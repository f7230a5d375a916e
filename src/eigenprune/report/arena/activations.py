"""Whether the same methods lead with another activation."""

import itertools

import pandas as pd
from scipy import stats

from eigenprune.lab.rivals import AS_PRUNED
from eigenprune.report.arena import averages, leaderboard
from eigenprune.report.arena.scope import Arena
from eigenprune.report.shown import show


def show_across_activations(arena: Arena) -> None:
    """Compare the order of the methods with one activation and with another, for all studies."""
    shown = [its for its in arena.shown if its.table["activation"].nunique() > 1]
    tables = [
        across_activations(averages.points(averages.over_activations(its.table, its.controls)))
        for its in shown
    ]
    if not tables:
        return
    show(
        pd.concat(tables),
        name="across-activations",
        caption="Methods that are recorded with both activations, without retraining: Spearman's "
        "rank correlation, over the methods, of their mean accuracies over the seeds of each, and "
        "the best method with either activation, its accuracy in per cent in brackets.",
        of=[its.study for its in shown],
        recorded=any(its.recorded for its in shown),
    )


def across_activations(means: pd.DataFrame) -> pd.DataFrame:
    """How far the order of the methods agrees between two activations, at each ratio.

    Args:
        means: what `averages.points` returns, of one dataset and width.

    Returns:
        Index `dataset` and `ratio`, those of the leaderboard; columns `methods` (how many have
        both, without retraining), `rank correlation` (Spearman's, of their mean accuracies) and the
        best method with either. No row for fewer than three methods, whose order says nothing.
    """
    alone = means[means["retraining"] == AS_PRUNED]
    pairs = itertools.combinations(averages.activations(alone), 2)
    rows = []
    for ratio, pair in itertools.product(leaderboard.RATIOS, pairs):
        at = alone[alone["pruning_ratio"] == ratio]
        both = at.pivot(index="method", columns="activation", values="accuracy_mean")
        both = both.reindex(columns=list(pair)).dropna()
        if len(both) < 3:
            continue
        order = stats.spearmanr(both[pair[0]], both[pair[1]]).statistic
        rows.append(
            {
                "dataset": alone["dataset"].iloc[0],
                "ratio": f"{ratio:g}",
                "methods": len(both),
                "rank correlation": f"{order:.2f}",
                **{f"best with {name}": _best(both[name]) for name in pair},
            }
        )
    return pd.DataFrame(rows).set_index(["dataset", "ratio"]) if rows else pd.DataFrame()


def _best(accuracies: pd.Series) -> str:
    return f"{accuracies.idxmax()} ({100 * accuracies.max():.2f})"
