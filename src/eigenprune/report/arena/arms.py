"""Arms of each method, on the same networks: their differences, in numbers and in a figure."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eigenprune.report.arena import rival_tables
from eigenprune.report.arena.small_multiples import require_one_setting
from eigenprune.report.figures import legend_below
from eigenprune.report.paired import paired_tests, with_verdicts

# Face and marker of each arm, in their order.
_MARKS = (("#0072B2", "o"), ("white", "o"), ("#0072B2", "x"))


def compared(rows: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """The first arm of each method minus the second, seed by seed.

    Args:
        rows: one row per network, method and arm, of one study, with the column `arm`.
        arms: the two, and perhaps others.

    Returns:
        One row per method, activation and pruning ratio above 0, with what `paired.with_verdicts`
        gives for the difference (p corrected for all rows), and the mean accuracies in columns
        named as the arms, NaN where one is missing. Points where the two share fewer than two seeds
        are left out; empty, without columns, if all are.
    """
    rows = rows[rows["arm"].isin(arms) & (rows["pruning_ratio"] > 0)]
    parts = []
    for method, its in rows.groupby("method", sort=False):
        found = paired_tests(its.assign(method=its["arm"]), arms[0], arms[1])
        point = ["activation", "pruning_ratio"]
        means = its.pivot_table(index=point, columns="arm", values="accuracy")
        means = means.reindex(columns=list(arms))
        if len(found):  # joined with an empty table, numbers would become objects
            parts.append(found.assign(method=method).merge(means, on=point))
    return with_verdicts(pd.concat(parts, ignore_index=True)) if parts else pd.DataFrame()


def numbers(table: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Both arms in numbers; an asterisk marks what is told apart.

    Args:
        table: what `compared` returns, of one dataset and width.
        arms: the two that were compared.

    Returns:
        Index `method`, `activation` and `ratio`; columns named as the arms (mean accuracy in per
        cent), `n` (seeds), `difference` (with its interval) and `p` (corrected).
    """
    tests = rival_tables.differences(table.assign(pair=table["method"]))
    means = {arm: (100 * table[arm]).map("{:.2f}".format).to_numpy() for arm in arms}
    return tests.assign(**means)[[*means, *tests.columns]].rename_axis(index={"pair": "method"})


def drawn(table: pd.DataFrame, arms: Sequence[str]) -> Figure:
    """The arms of each method, joined by a line, a panel for each pruning ratio.

    Args:
        table: what `compared` returns, of one dataset, width and activation.
        arms: up to three: the first is filled, the second open, the third a cross.

    Raises:
        UserError: if the table is empty, has several settings or a point twice.
    """
    require_one_setting(table, ["method", "pruning_ratio"])
    methods = list(table["method"].unique())[::-1]  # the first at the top
    ratios = sorted(table["pruning_ratio"].unique())
    size = (max(1.9 * len(ratios), 4.0) + 1.6, 0.24 * len(methods) + 1.2)
    figure, axes = plt.subplots(1, len(ratios), figsize=size, sharex=True, sharey=True)
    for panel, ratio in zip(np.atleast_1d(axes), ratios, strict=True):
        rows = table[table["pruning_ratio"] == ratio]
        heights = [methods.index(name) for name in rows["method"]]
        found = 100 * rows[list(arms)]
        panel.hlines(heights, found.min(axis=1), found.max(axis=1), color="#7F7F7F", linewidth=1)
        for arm, (face, marker) in zip(arms, _MARKS, strict=False):
            look = {"color": "#0072B2", "markerfacecolor": face, "linestyle": ""}
            panel.plot(found[arm], heights, marker=marker, label=arm, **look)
        panel.set_yticks(range(len(methods)), methods, fontsize=7)
        panel.set_title(f"pruning ratio {ratio:g}")
        panel.set_xlabel("test accuracy in %")
    legend_below(figure)
    return figure
