"""All pruning methods at a glance: a row for each, coloured by the accuracy that it loses."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from eigenprune.lab.errors import UserError
from eigenprune.report.arena.small_multiples import FAMILIES, OTHER_FAMILY

# Points of accuracy lost: between two of them the colour is the same. Accuracies above that of the
# plain network also have the first colour.
STEPS = (0, 0.5, 1, 2, 5, 10, 20, 50, 100)
_COLORS = colormaps["Oranges"].resampled(len(STEPS) - 1)
_INK = 0.65  # share of the brightness of a colour, so that thin letters can be read on white
_LIGHT = 20  # letters are dark below this many points
_ROW, _REST = 0.19, 1.3  # inches


def heatmap(means: pd.DataFrame, words: dict[str, str]) -> Figure:
    """The accuracy of every method at every pruning ratio, a panel for each kind of retraining.

    Cells are coloured by the accuracy lost relative to the plainly trained dense network, unpruned,
    over the same seeds; they have no colour where that is not known.

    The methods with the best mean over the ratios come first, those that lack a ratio last. Names
    have the colours of their families.

    Args:
        means: what `averages.points` returns, of one dataset, width and activation; ratio 0 is
            the network that a method prunes.
        words: titles of the panels, by the values of `retraining`.

    Raises:
        UserError: if there is no row of a pruned network.

    Example:
        >>> means = pd.DataFrame({
        ...     "method": ["random", "taylor"], "family": ["control", "data"],
        ...     "retraining": "none", "pruning_ratio": 0.9, "accuracy_mean": [0.3, 0.95],
        ...     "lost": [0.66, 0.01]})
        >>> panel, bar = heatmap(means, {"none": "without retraining"}).axes
        >>> [label.get_text() for label in panel.get_yticklabels()]
        ['taylor', 'random']
        >>> plt.close()
    """
    means = means[means.groupby(["retraining", "method"])["pruning_ratio"].transform("max") > 0]
    if means.empty:
        raise UserError("there is nothing to draw: the table has no pruned network")
    tables = {
        title: rows
        for retraining, title in words.items()
        if len(rows := means[means["retraining"] == retraining])
    }
    families = means.drop_duplicates("method").set_index("method")["family"]
    most = max(rows["method"].nunique() for rows in tables.values())
    size = (4.4 * len(tables), _ROW * most + _REST)
    figure, axes = plt.subplots(1, len(tables), figsize=size, squeeze=False)
    for panel, (title, rows) in zip(axes.flat, tables.items(), strict=True):
        accuracies, lost = (
            rows.pivot(index="method", columns="pruning_ratio", values=name)
            for name in ("accuracy_mean", "lost")
        )
        order = _ordered(accuracies)
        _draw(panel, accuracies.loc[order], lost.loc[order], families)
        panel.set_ylim(most - 0.5, -0.5)  # rows are equally high in all panels
        panel.set_title(title)
    bar = figure.colorbar(
        axes.flat[0].collections[0], ax=axes, location="bottom", ticks=STEPS, format="{x:g}",
        aspect=50, shrink=0.7,
    )  # fmt: skip
    bar.ax.tick_params(labelsize=7)
    bar.set_label("points of accuracy below the plainly trained dense network", fontsize=8)
    known = dict.fromkeys([*FAMILIES, *families])
    figure.legend(
        handles=[_name(family) for family in known if family in set(families)],
        loc="outside lower center", ncols=6, fontsize=7, handlelength=0.8, columnspacing=1.2,
    )  # fmt: skip
    return figure


def _ordered(table: pd.DataFrame) -> pd.Index:
    pruned = table.drop(columns=0, errors="ignore")
    order = pd.DataFrame(
        {"there": pruned.count(axis="columns"), "mean": pruned.mean(axis="columns")}
    )
    return order.sort_values(["there", "mean"], ascending=False, kind="stable").index


def _draw(panel: Axes, table: pd.DataFrame, lost: pd.DataFrame, families: pd.Series) -> None:
    points = 100 * lost.to_numpy(float)
    norm = BoundaryNorm(STEPS, len(STEPS) - 1)
    cells = [np.arange(count + 1) - 0.5 for count in reversed(points.shape)]  # edges, in both axes
    panel.pcolormesh(*cells, np.clip(points, 0, 99.99), cmap=_COLORS, norm=norm)
    for (row, column), accuracy in np.ndenumerate(table.to_numpy(float)):
        if np.isfinite(accuracy):
            panel.text(
                column, row, f"{100 * accuracy:.2f}", ha="center", va="center", fontsize=7,
                color="white" if points[row, column] >= _LIGHT else "black",
            )  # fmt: skip
    panel.set_xticks(range(table.shape[1]), [f"{ratio:g}" for ratio in table])
    panel.xaxis.tick_top()
    panel.set_yticks(range(len(table)), table.index)
    panel.tick_params(length=0, labelsize=7)
    for label, method in zip(panel.get_yticklabels(), table.index, strict=True):
        color = FAMILIES.get(families[method], OTHER_FAMILY)[0]
        red, green, blue = (_INK * part for part in to_rgb(color))
        label.set_color((red, green, blue))
    panel.grid(visible=False)
    panel.spines[:].set_visible(False)


def _name(family: str) -> Line2D:
    color = FAMILIES.get(family, OTHER_FAMILY)[0]
    return Line2D([], [], color=color, marker="s", linestyle="none", label=family)
