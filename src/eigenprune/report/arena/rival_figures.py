"""Figures of many pruning methods: what they cost, how pairs differ."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from eigenprune.lab.errors import UserError
from eigenprune.report.arena.small_multiples import (
    COLUMNS,
    FAMILIES,
    OTHER_FAMILY,
    grid,
    require_one_setting,
)
from eigenprune.report.figures import draw_differences, legend_below

_ACTIVATION_LOOKS = (
    *(("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^")),
    *(("#CC79A7", "D"), ("#E69F00", "v"), ("#56B4E9", "P")),
)


def compute_against_loss(board: pd.DataFrame) -> Figure:
    """What a pruned network costs to make, and what it loses, a panel for each pruning ratio.

    Each marker is a method. Those that no other beats in both are joined by a line and numbered;
    the legend names them. The vertical axis is linear close to zero and logarithmic above.

    Args:
        board: what `leaderboard.leaderboard` returns, of one dataset, width and activation, each
            method with or without retraining and not with both.

    Raises:
        UserError: if no method has an unpruned network to compare with, or one is there twice at a
            ratio.
    """
    board = board[board["lost"].notna() & (board["seconds"] > 0)]
    require_one_setting(board, ["method", "pruning_ratio"])
    ratios = sorted(board["pruning_ratio"].unique())
    figure, panels = grid(len(ratios), columns=2, height=3.1)
    families = [*FAMILIES, *dict.fromkeys(board["family"])]
    fronts = {ratio: unbeaten(board[board["pruning_ratio"] == ratio]) for ratio in ratios}
    named = dict.fromkeys(name for front in fronts.values() for name in front["method"])
    numbers = {name: number for number, name in enumerate(named, start=1)}
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
        _number_frontier(panel, fronts[ratio], numbers)
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


def differences_of_pairs(table: pd.DataFrame) -> Figure:
    """Paired differences in accuracy over the pruning ratio, a panel for each pair of methods.

    Bars are the confidence intervals; filled markers are the points that differ from zero after
    correction. The vertical axis is linear close to zero and logarithmic beyond, and shared by all
    panels.

    Args:
        table: what `paired.with_verdicts` returns, of one dataset and width, with the additional
            column `pair`.

    Raises:
        UserError: if the table is empty.
    """
    if table.empty:
        raise UserError("there is nothing to draw: the table has no row")
    pairs, activations = list(table["pair"].unique()), list(table["activation"].unique())
    figure, panels = grid(len(pairs), columns=COLUMNS, height=2.5)
    for panel, pair in zip(panels, pairs, strict=True):
        panel.axhline(0, color="black", linewidth=0.7)
        for number, (activation, (color, marker)) in enumerate(
            zip(activations, cycle(_ACTIVATION_LOOKS), strict=False)
        ):
            rows = table[(table["pair"] == pair) & (table["activation"] == activation)]
            # Side by side, so that the bars do not cover each other.
            x = rows["pruning_ratio"] + 0.012 * (number - (len(activations) - 1) / 2)
            draw_differences(panel, rows, x, color, marker, of=f"{activation}, ")
        panel.set_title(pair.replace(" − ", "\n− "), fontsize=8)
        panel.set_xlim(-0.03, 1.03)
        panel.set_yscale("symlog", linthresh=1)
        panel.set_ylim(-130, 130)  # intervals of two seeds can exceed the possible range
        panel.yaxis.set_major_formatter(FuncFormatter(lambda points, _: f"{points:g}"))
        panel.set_xlabel("pruning ratio")
    for panel in panels[::COLUMNS]:
        panel.set_ylabel("points of accuracy")
    legend_below(figure)
    return figure


def unbeaten(board: pd.DataFrame) -> pd.DataFrame:
    """The methods that no other beats in compute or loss without being worse in the other.

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


def _number_frontier(panel: Axes, front: pd.DataFrame, numbers: Mapping[str, int]) -> None:
    """Join the methods of a Pareto front by a line, and write the number of each beside it."""
    panel.plot(
        front["seconds"], 100 * front["lost"], color="black", linewidth=0.7,
        drawstyle="steps-post", zorder=1,
    )  # fmt: skip
    for place, row in enumerate(front.to_dict("records"), start=1):
        # Placed where it covers no marker: no method lies below a front, nor right of its end
        # there.
        right, side = (3, "left") if place == len(front) else (-3, "right")
        panel.annotate(
            str(numbers[row["method"]]), (row["seconds"], 100 * row["lost"]), xytext=(right, -3),
            textcoords="offset points", fontsize=8, ha=side, va="top",
        )  # fmt: skip
        panel.plot(
            [], [], color="black", marker=f"${numbers[row['method']]}$", markeredgewidth=0.3,
            linestyle="none", label=row["method"],
        )  # fmt: skip
    panel.margins(x=0.08, y=0.12)
