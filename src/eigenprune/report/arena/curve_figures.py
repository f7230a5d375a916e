"""Trade-off curves of many methods: each family separately, and the best of all at once."""

import math
from collections.abc import Collection, Iterator, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eigenprune.lab.errors import UserError
from eigenprune.report.arena.averages import CONTROL, SPECTRAL
from eigenprune.report.arena.small_multiples import (
    COLUMNS,
    FAMILIES,
    OTHER_FAMILY,
    grid,
    require_one_setting,
)
from eigenprune.report.figures import accuracy_axis, band, parameters_axis
from eigenprune.report.readable import span

_OWN_LINES = (
    ("#E69F00", "s", "--"),
    ("#009E73", "^", "-"),
    ("#D55E00", "v", "-."),
    ("#CC79A7", "D", "--"),
    ("#56B4E9", "P", "-"),
)

# For the methods that the best are compared with: unlike the families in colour, line and marker.
_LANDMARK_LINES = (
    ("#56B4E9", "P", "--"),
    ("#7F7F7F", "x", ":"),
    ("#7F7F7F", "D", "--"),
    ("#000000", "*", "--"),
    ("#000000", "X", ":"),
    ("#7F7F7F", "v", "-."),
)


def best_of_families(
    means: pd.DataFrame, headings: Mapping[str, str], landmarks: Mapping[str, str]
) -> Figure:
    """The best method of each family and a few landmarks, a panel for each kind of retraining.

    The best method has the highest mean accuracy over the pruning ratios that all methods of a
    panel have. Controls are never the best. The legend gives the number of seeds (n). Bands and the
    vertical axis are as in `curves_by_family`, but each panel has its own axis: on the axis of
    networks that collapse, retrained ones would be a line at the upper end.

    Args:
        means: what `averages.points` returns, of one dataset, width and activation.
        headings: the kinds of retraining, in their order, with the heading of each panel; a kind
            that the table does not have at any ratio above 0 is left out.
        landmarks: up to six methods to draw as well, with their names in the legend.

    Raises:
        UserError: if nothing is left, or the table has several settings or a point twice.
        ValueError: if there are more landmarks.
    """
    if len(landmarks) > len(_LANDMARK_LINES):
        raise ValueError(f"{len(landmarks)} landmarks: {len(_LANDMARK_LINES)} at most")
    pruned = set(means.loc[means["pruning_ratio"] > 0, "retraining"])
    means = means[means["retraining"].isin(set(headings) & pruned)]
    require_one_setting(means, ["method", "retraining", "pruning_ratio"])
    kinds = [kind for kind in headings if kind in pruned]
    figure, panels = grid(len(kinds), columns=2, height=4.6, sharey=False)
    for panel, kind in zip(panels, kinds, strict=True):
        there = means[means["retraining"] == kind]
        families = there.drop_duplicates("method").set_index("method")["family"]
        n = there.groupby("method")["n"].agg(["min", "max"])
        seeds = {name: f" (n={span(n.loc[name])})" for name in families.index}
        best = {families[name]: name for name in reversed(_by_accuracy(there))}
        order = [*FAMILIES, *(family for family in best if family not in FAMILIES)]
        looks = {
            name: (f"{family}: {name}{seeds[name]}", *FAMILIES.get(family, OTHER_FAMILY), "-")
            for family in order
            if family != CONTROL and (name := best.get(family))
        }
        for (name, said), look in zip(landmarks.items(), _LANDMARK_LINES, strict=False):
            if name in families and name not in looks:
                looks[name] = (f"{said}{seeds[name]}", *look)
        _draw(panel, there, looks, "pruning_ratio")
        panel.set_title(headings[kind])
        _ratio_axis(panel)
        _legend_below(panel)
        accuracy_axis(panel, there.loc[there["method"].isin(looks), "accuracy_mean"])
    return figure


def curves_by_family(means: pd.DataFrame, against: str = "pruning_ratio") -> Figure:
    """Trade-off curves of all methods, a panel for each family of them.

    Every panel also shows the best spectral method and random nodes, and at most five methods of
    its own. A larger family gets more panels, with the best methods in the first. Here, the best
    have the highest mean accuracy over the pruning ratios that all methods have. Bands are one
    sample standard deviation over the seeds. The vertical axis is stretched at its upper end, see
    `figures.accuracy_axis`.

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
    require_one_setting(means, ["method", "pruning_ratio"])
    order = _by_accuracy(means)
    everywhere = _everywhere(means, order)
    # If there are no methods besides those in every panel, one panel shows these.
    groups = list(_groups(means, order, everywhere)) or [("", [])]
    figure, panels = grid(len(groups), columns=COLUMNS, height=4.0)
    for panel, (title, own) in zip(panels, groups, strict=True):
        looks = everywhere | {
            name: (name, *look) for name, look in zip(own, _OWN_LINES, strict=False)
        }
        _draw(panel, means, looks, against)
        panel.set_title(title)
        if against == "pruning_ratio":
            _ratio_axis(panel)
        else:
            parameters_axis(panel)
            # The same for all panels: curves are compared across them.
            panel.set_xlim(1.2 * means[against].max(), means[against].min() / 1.2)
            panel.tick_params(axis="x", labelsize=7)
        _legend_below(panel)
    for panel in panels[::COLUMNS]:
        accuracy_axis(panel, means["accuracy_mean"])
    return figure


# Label, colour, marker and linestyle.
_Look = tuple[str, str, str, str]


def _draw(panel: Axes, means: pd.DataFrame, looks: Mapping[str, _Look], against: str) -> None:
    """The curves of the methods that have a look."""
    for name, (label, color, marker, linestyle) in looks.items():
        curve = means[means["method"] == name]
        band(panel, curve, against, label, color=color, marker=marker, linestyle=linestyle)


def _ratio_axis(panel: Axes) -> None:
    panel.set_xlim(-0.03, 1.03)
    panel.set_xlabel("pruning ratio")


def _legend_below(panel: Axes) -> None:
    # Inside, it would cover the falling curves.
    panel.legend(loc="upper left", bbox_to_anchor=(0, -0.19), fontsize=7, handlelength=2.6)


def _by_accuracy(means: pd.DataFrame) -> list[str]:
    """The methods by their mean accuracy over the pruning ratios, the highest first.

    The mean is over ratios that all methods have, if there is one: a mean that lacks the highest
    ratios is higher.
    """
    pruned = means[means["pruning_ratio"] > 0]
    having = pruned.groupby("pruning_ratio")["method"].transform("nunique")
    shared = having == pruned["method"].nunique()
    pruned = pruned[shared] if shared.any() else pruned
    mean = pruned.groupby("method", sort=False)["accuracy_mean"].mean()
    return [str(name) for name in mean.sort_values(ascending=False, kind="stable").index]


def _everywhere(means: pd.DataFrame, order: list[str]) -> dict[str, _Look]:
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
