"""The figures and tables on feature flow: how long and how bent the ways are, at what cost."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from eigenprune.report.figures import legend_below
from eigenprune.report.trials.trial_exhibits import (
    LOOKS,
    ShownTrials,
    accuracies,
    by_activation,
    show_one,
)

# The lines of the figure: one coefficient is raised while the other is 0, or both are equal.
LINES = {"k1 alone": ("k1",), "k2 alone": ("k2",), "k1 = k2": ("k1", "k2")}
AXES = {
    "accuracy": "test accuracy in %",
    "length": "length of the way",
    "angle": "total angle in radians",
}


def show_flow(shown: Sequence[ShownTrials]) -> None:
    """Accuracy, length and angle over the coefficients, and all points as a table.

    Args:
        shown: trials of kind `flow`; a figure and a table for each of their activations.
    """
    for its, activation, rows in by_activation(shown):
        removed = ", ".join(f"{100 * ratio:g}" for ratio in rows["pruning_ratio"].unique())
        show_one(
            its,
            activation,
            _figure(rows),
            "ways",
            "accuracy, and length and angle of the ways, on the test set, over the coefficients. "
            "Filled markers: the residual architecture.",
            alt="Three panels over the coefficient: test accuracy, length of the ways and "
            "their total angle, a line for each coefficient and architecture.",
        )
        show_one(
            its,
            activation,
            _table(rows),
            "points",
            f"test accuracy in per cent of the whole network, after removing {removed} per cent of "
            "the nodes of each layer (`pruned`), and after training what is left (`retrained`); "
            "mean over seeds.",
        )


def _figure(rows: pd.DataFrame) -> Figure:
    rows = rows.drop_duplicates(["architecture", "k1", "k2"])
    ticks = sorted({*rows["k1"], *rows["k2"]})
    figure, panels = plt.subplots(1, len(AXES), figsize=(8.4, 3.2))
    for architecture, its in rows.groupby("architecture", sort=False):
        residual = architecture == "residual"
        for (name, raised), (color, marker) in zip(LINES.items(), LOOKS, strict=False):
            line = _line(its, raised)
            places = [ticks.index(k) for k in line[raised[0]]]
            for panel, column in zip(panels, AXES, strict=True):
                accuracy = column == "accuracy"
                panel.errorbar(
                    places,
                    line[column] * (100 if accuracy else 1),
                    100 * line["accuracy_std"].fillna(0) if accuracy else None,
                    color=color, marker=marker, capsize=2,
                    fillstyle="full" if residual else "none", linestyle="-" if residual else ":",
                    label=f"{architecture}, {name}",
                )  # fmt: skip
    for panel, words in zip(panels, AXES.values(), strict=True):
        panel.set_xticks(range(len(ticks)), [f"{k:g}" for k in ticks], rotation=45)
        panel.set_xlabel("coefficient")
        panel.set_ylabel(words)
    legend_below(figure)
    return figure


def _line(rows: pd.DataFrame, raised: Sequence[str]) -> pd.DataFrame:
    """The points at which the raised coefficients are equal and any other is 0."""
    first = rows[raised[0]]
    wanted = {name: first if name in raised else 0 for name in ("k1", "k2")}
    chosen = rows[(rows["k1"] == wanted["k1"]) & (rows["k2"] == wanted["k2"])]
    return chosen.sort_values(raised[0])


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    ratios = [] if rows["pruning_ratio"].nunique() == 1 else ["pruning_ratio"]
    keys = ["architecture", "k1", "k2", *ratios]
    rows = rows.sort_values(keys)
    columns = {
        **{name: rows[name].map("{:g}".format) for name in keys[1:]},
        "accuracy": accuracies(rows),
        "length": rows["length"].map("{:.2f}".format),
        "angle": rows["angle"].map("{:.2f}".format),
        "pruned": (100 * rows["pruned_accuracy"]).map("{:.2f}".format),
        "retrained": (100 * rows["retrained_accuracy"]).map("{:.2f}".format),
    }
    return pd.DataFrame({"architecture": rows["architecture"], **columns}).set_index(keys)
