"""Two arms of each method, on the same networks: what differs, in numbers and in a figure."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eigenprune.report.arena import rival_tables
from eigenprune.report.arena.small_multiples import require_one_setting
from eigenprune.report.figures import legend_below
from eigenprune.report.paired import paired_tests, with_verdicts

Arms = tuple[str, str]


def compared(rows: pd.DataFrame, arms: Arms) -> pd.DataFrame:
    """The first arm of each method less the second, seed by seed.

    Args:
        rows: one row per network, method and arm, of one study, with the column `arm`.
        arms: the two.

    Returns:
        One row per method, activation and pruning ratio above 0, with what `paired.with_verdicts`
        gives for the difference (p corrected for all rows), and the mean accuracies in columns
        named as the arms. Points with fewer than two seeds are left out.
    """
    rows = rows[rows["arm"].isin(arms) & (rows["pruning_ratio"] > 0)]
    parts = []
    for method, its in rows.groupby("method", sort=False):
        found = paired_tests(its.assign(method=its["arm"]), *arms)
        point = ["activation", "pruning_ratio"]
        means = its.pivot_table(index=point, columns="arm", values="accuracy")
        if len(found):  # beside an empty table, numbers would become objects
            parts.append(found.assign(method=method).merge(means, on=point))
    return with_verdicts(pd.concat(parts, ignore_index=True))


def numbers(table: pd.DataFrame, arms: Arms) -> pd.DataFrame:
    """Both arms in numbers; an asterisk marks what is told apart.

    Args:
        table: what `compared` returns, of one dataset and width.
        arms: the two.

    Returns:
        Index `method`, `activation` and `ratio`; columns named as the arms (mean accuracy in per
        cent), `n` (seeds), `difference` (with its interval) and `p` (corrected).
    """
    tests = rival_tables.differences(table.assign(pair=table["method"]))
    means = {arm: (100 * table[arm]).map("{:.2f}".format).to_numpy() for arm in arms}
    return tests.assign(**means)[[*means, *tests.columns]].rename_axis(index={"pair": "method"})


def drawn(table: pd.DataFrame, arms: Arms) -> Figure:
    """Both arms of each method, joined by a line, a panel for each pruning ratio.

    Args:
        table: what `compared` returns, of one dataset, width and activation.
        arms: the two, the first filled.

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
        one, other = (100 * rows[arm] for arm in arms)
        panel.hlines(heights, other, one, color="#7F7F7F", linewidth=1)
        for x, face, arm in ((one, "#0072B2", arms[0]), (other, "white", arms[1])):
            panel.plot(x, heights, "o", color="#0072B2", markerfacecolor=face, label=arm)
        panel.set_yticks(range(len(methods)), methods, fontsize=7)
        panel.set_title(f"pruning ratio {ratio:g}")
        panel.set_xlabel("test accuracy in %")
    legend_below(figure)
    return figure
