"""Figures of many pruning methods: small multiples by family, with the same two for orientation."""

import math
from collections.abc import Collection, Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from eigenprune.lab.errors import UserError
from eigenprune.report.arena.averages import SPECTRAL
from eigenprune.report.figures import accuracy_axis, band, legend_below, parameters_axis
from eigenprune.report.paired import TOLD_APART

# Of Okabe and Ito's palette, told apart with any colour vision; markers say the same in print.
FAMILIES = {
    SPECTRAL: ("#0072B2", "o"),
    "weights": ("#E69F00", "s"),
    "data": ("#009E73", "^"),
    "before-training": ("#CC79A7", "D"),
    "regulariser": ("#D55E00", "v"),
    "control": ("#7F7F7F", "X"),
}
OTHER_FAMILY = ("#000000", "*")
_OWN_LINES = (
    ("#E69F00", "s", "--"),
    ("#009E73", "^", "-"),
    ("#D55E00", "v", "-."),
    ("#CC79A7", "D", "--"),
    ("#56B4E9", "P", "-"),
)
_ACTIVATION_LOOKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"))
_COLUMNS = 3


def curves_by_family(means: pd.DataFrame, against: str = "pruning_ratio") -> Figure:
    """Trade-off curves of all methods, a panel for each family of them.

    Every panel shows the best spectral method and random nodes as well, and no more than five of
    its own: a family that has more gets more panels, the best methods in the first. Best is here
    the highest accuracy in the mean over the pruning ratios. Bands are one sample standard
    deviation over the seeds. The vertical axis is stretched at its upper end,
    see `figures.accuracy_axis`.

    Args:
        means: what `averages.points` returns, of one dataset, width and activation, each method
            with or without retraining and not with both.
        against: `"pruning_ratio"` (fraction of nodes removed) or `"parameters_kept"` (a count,
            on a logarithmic axis).

    Raises:
        UserError: if `against` is something else, the table is empty or has several curves of one
            method.
    """
    if against not in ("pruning_ratio", "parameters_kept"):
        raise UserError(f"against: {against!r}; allowed: pruning_ratio, parameters_kept")
    _require_one_setting(means, ["method", "pruning_ratio"])
    order = _by_accuracy(means)
    everywhere = _everywhere(means, order)
    # Where there are no others than those that are in every panel, one panel has them.
    groups = list(_groups(means, order, everywhere)) or [("", [])]
    figure, panels = _grid(len(groups), columns=_COLUMNS, height=4.0)
    for panel, (title, own) in zip(panels, groups, strict=True):
        looks = everywhere | {
            name: (name, *look) for name, look in zip(own, _OWN_LINES, strict=False)
        }
        for name, (label, color, marker, linestyle) in looks.items():
            curve = means[means["method"] == name]
            band(panel, curve, against, label, color=color, marker=marker, linestyle=linestyle)
        panel.set_title(title)
        if against == "pruning_ratio":
            panel.set_xlim(-0.03, 1.03)
            panel.set_xlabel("pruning ratio")
        else:
            parameters_axis(panel)
            # The same for all panels: curves are compared across them.
            panel.set_xlim(1.2 * means[against].max(), means[against].min() / 1.2)
            panel.tick_params(axis="x", labelsize=7)
        # Below: inside, it would lie on the curves that fall.
        panel.legend(loc="upper left", bbox_to_anchor=(0, -0.19), fontsize=7, handlelength=2.6)
    for panel in panels[::_COLUMNS]:
        accuracy_axis(panel, means["accuracy_mean"])
    return figure


def compute_against_loss(board: pd.DataFrame) -> Figure:
    """What a pruned network costs to make, and what it loses, a panel for each pruning ratio.

    Each marker is a method. Those that no other beats in both are named and joined by a line. The
    vertical axis is linear close to zero and logarithmic above.

    Args:
        board: what `leaderboard.leaderboard` returns, of one dataset, width and activation, each
            method with or without retraining and not with both.

    Raises:
        UserError: if no method has an unpruned network to lose against, or one stands at a ratio
            twice.
    """
    board = board[board["lost"].notna() & (board["seconds"] > 0)]
    _require_one_setting(board, ["method", "pruning_ratio"])
    ratios = sorted(board["pruning_ratio"].unique())
    figure, panels = _grid(len(ratios), columns=2, height=3.1)
    families = [*FAMILIES, *dict.fromkeys(board["family"])]
    for panel, ratio in zip(panels, ratios, strict=True):
        chosen = board[board["pruning_ratio"] == ratio]
        for family in dict.fromkeys(families):
            if family in set(board["family"]):
                members = chosen[chosen["family"] == family]
                color, marker = FAMILIES.get(family, OTHER_FAMILY)
                panel.plot(
                    members["seconds"], 100 * members["lost"], label=family, color=color,
                    marker=marker, linestyle="none", markersize=6, alpha=0.85,
                )  # fmt: skip
        _name_frontier(panel, unbeaten(chosen))
        panel.set_title(f"pruning ratio {ratio:g}")
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_yscale("symlog", linthresh=1)
        panel.yaxis.set_major_formatter(FuncFormatter(lambda points, _: f"{points:g}"))
        panel.set_xlabel("seconds of compute for one network")
    for panel in panels[::2]:
        panel.set_ylabel("points of accuracy lost")
    legend_below(figure)
    return figure


def chosen_and_drawn(table: pd.DataFrame) -> Figure:
    """Methods against nodes drawn by lot in each layer, a panel for each pruning ratio.

    Args:
        table: what `check_tables.chosen_and_drawn` returns, of one dataset, width and activation.

    Raises:
        UserError: if the table is empty, has several settings or a point twice.
    """
    _require_one_setting(table, ["method", "pruning_ratio"])
    methods = list(table["method"].unique())[::-1]  # the first at the top
    ratios = sorted(table["pruning_ratio"].unique())
    size = (max(1.9 * len(ratios), 4.0) + 1.6, 0.24 * len(methods) + 1.2)
    figure, axes = plt.subplots(1, len(ratios), figsize=size, sharex=True, sharey=True)
    for panel, ratio in zip(np.atleast_1d(axes), ratios, strict=True):
        rows = table[table["pruning_ratio"] == ratio]
        heights = [methods.index(name) for name in rows["method"]]
        chosen, drawn = 100 * rows["chosen"], 100 * rows["drawn by lot"]
        panel.hlines(heights, drawn, chosen, color="#7F7F7F", linewidth=1)
        for x, face, label in ((chosen, "#0072B2", "chosen"), (drawn, "white", "drawn by lot")):
            panel.plot(x, heights, "o", color="#0072B2", markerfacecolor=face, label=label)
        panel.set_yticks(range(len(methods)), methods, fontsize=7)
        panel.set_title(f"pruning ratio {ratio:g}")
        panel.set_xlabel("test accuracy in %")
    legend_below(figure)
    return figure


def differences_of_pairs(table: pd.DataFrame) -> Figure:
    """Paired differences in accuracy over the pruning ratio, a panel for each pair of methods.

    Bars are the confidence intervals; filled markers are the points that differ from zero after
    correction. The vertical axis is linear close to zero and logarithmic beyond, one for all.

    Args:
        table: what `paired.with_verdicts` returns, of one dataset and width, with the column
            `pair` besides.

    Raises:
        UserError: if the table is empty.
    """
    if table.empty:
        raise UserError("there is nothing to draw: the table has no row")
    pairs, activations = list(table["pair"].unique()), list(table["activation"].unique())
    figure, panels = _grid(len(pairs), columns=_COLUMNS, height=2.5)
    for panel, pair in zip(panels, pairs, strict=True):
        panel.axhline(0, color="black", linewidth=0.7)
        for number, (activation, (color, marker)) in enumerate(
            zip(activations, _ACTIVATION_LOOKS, strict=False)
        ):
            rows = table[(table["pair"] == pair) & (table["activation"] == activation)]
            # Beside each other, so that the bars do not cover each other.
            x = rows["pruning_ratio"] + 0.012 * (number - (len(activations) - 1) / 2)
            mean = 100 * rows["difference"]
            reach = [mean - 100 * rows["low"], 100 * rows["high"] - mean]
            panel.errorbar(x, mean, yerr=reach, fmt="none", color=color, linewidth=1)
            for sure, face in ((True, color), (False, "white")):
                chosen = rows["verdict"].isin(TOLD_APART) == sure
                panel.plot(
                    x[chosen], mean[chosen], marker, color=color, markerfacecolor=face,
                    label=f"{activation}, {'differs from 0' if sure else 'not told from 0'}",
                )  # fmt: skip
        panel.set_title(pair.replace(" − ", "\n− "), fontsize=8)
        panel.set_xlim(-0.03, 1.03)
        panel.set_yscale("symlog", linthresh=1)
        panel.set_ylim(-130, 130)  # intervals of two seeds go beyond what can be
        panel.yaxis.set_major_formatter(FuncFormatter(lambda points, _: f"{points:g}"))
        panel.set_xlabel("pruning ratio")
    for panel in panels[::_COLUMNS]:
        panel.set_ylabel("points of accuracy")
    legend_below(figure)
    return figure


def unbeaten(board: pd.DataFrame) -> pd.DataFrame:
    """The methods that no other beats in one of compute and loss without losing in the other.

    Args:
        board: columns seconds and lost, one row per method.

    Returns:
        Its Pareto front, the cheapest method first.

    Example:
        >>> board = pd.DataFrame({"seconds": [1, 2, 3], "lost": [0.2, 0.1, 0.15]})
        >>> unbeaten(board)["seconds"].tolist()
        [1, 2]
    """
    board = board.sort_values(["seconds", "lost"])
    least_before = board["lost"].cummin().shift(fill_value=np.inf)
    return board[board["lost"] < least_before]


def _name_frontier(panel: Axes, front: pd.DataFrame) -> None:
    panel.plot(
        front["seconds"], 100 * front["lost"], color="black", linewidth=0.7,
        drawstyle="steps-post", zorder=1,
    )  # fmt: skip
    for number, row in enumerate(front.to_dict("records")):
        # Below and above in turn, out of each other's way.
        offset, side = ((5, -3), "top") if number % 2 == 0 else ((5, 3), "bottom")
        panel.annotate(
            row["method"], (row["seconds"], 100 * row["lost"]),
            xytext=offset, textcoords="offset points", fontsize=7, va=side,
        )  # fmt: skip
    panel.margins(x=0.2, y=0.12)


def _by_accuracy(means: pd.DataFrame) -> list[str]:
    """The methods, the highest accuracy in the mean over the pruning ratios first."""
    pruned = means[means["pruning_ratio"] > 0]
    mean = pruned.groupby("method", sort=False)["accuracy_mean"].mean()
    return [str(name) for name in mean.sort_values(ascending=False, kind="stable").index]


def _everywhere(means: pd.DataFrame, order: list[str]) -> dict[str, tuple[str, str, str, str]]:
    """The best spectral method and random nodes, where the table has them: label and look."""
    spectral = set(means.loc[means["family"] == SPECTRAL, "method"])
    chance = set(means.loc[means["score"] == "random", "method"])
    found = {}
    if best := next((name for name in order if name in spectral), None):
        found[best] = (f"{best} (best spectral)", "#0072B2", "o", "-")
    if lowest := next((name for name in order if name in chance), None):
        found[lowest] = (lowest, "#7F7F7F", "x", ":")
    return found


def _groups(
    means: pd.DataFrame, order: list[str], everywhere: Collection[str]
) -> Iterator[tuple[str, list[str]]]:
    """Title and methods of each panel, besides those that are in every panel."""
    for family in dict.fromkeys([*FAMILIES, *means["family"]]):
        members = set(means.loc[means["family"] == family, "method"]) - set(everywhere)
        own = [name for name in order if name in members]
        parts = math.ceil(len(own) / len(_OWN_LINES))
        for part in range(parts):
            number = f" ({part + 1} of {parts})" if parts > 1 else ""
            share = math.ceil(len(own) / parts)
            yield f"{family}{number}", own[part * share : (part + 1) * share]


def _grid(count: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """That many panels in rows, one scale of accuracy for all."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    size = (max(3.3 * columns, 4.0), height * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False)
    panels = list(axes.flat)
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def _require_one_setting(table: pd.DataFrame, point: list[str]) -> None:
    if table.empty:
        raise UserError("there is nothing to draw: the table has no row")
    for name in ("dataset", "hidden", "activation"):
        if table[name].nunique() > 1:
            values = ", ".join(map(str, table[name].unique()))
            raise UserError(f"the table has several values of {name} ({values}): choose one")
    if (twice := table[table.duplicated(point)]).size:
        first = ", ".join(str(value) for value in twice.iloc[0][point])
        raise UserError(f"{first}: there twice; choose what is retrained or what is not")
