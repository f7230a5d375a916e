"""The figure and table of the chapter on growing: grown networks and those they must beat."""

from collections.abc import Iterable

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from eigenprune.report.figures import legend_below
from eigenprune.report.shown import show
from eigenprune.report.trials.trial_exhibits import (
    LOOKS,
    ShownTrials,
    accuracies,
    by_activation,
    in_short,
    over_seeds,
    paired,
    show_one,
    show_together,
)

_POINT = ["algorithm", "choice", "wanted_loss"]


def show_growing(shown: Iterable[ShownTrials]) -> None:
    """Show grown networks beside three others with as many connections: figures and a table."""
    for its, activation, rows in by_activation(shown, ["network"]):
        show_one(
            its,
            activation,
            growth(rows),
            "connections",
            "accuracy over the number of connections, mean over the seeds; where there are "
            "several seeds, bars of one standard deviation in both directions. Solid: connections "
            "with the largest gradient are added; dashed: random ones.",
            alt="Test accuracy over the number of connections, one panel per algorithm, one line "
            "per kind of network and choice.",
        )
    for its in shown:
        show(
            numbers(its.table),
            name=f"growing-{its.trials.name}",
            caption=f"{its.trials.dataset}, {' and '.join(its.table['activation'].unique())}: test "
            "accuracy in per cent of networks with as many connections (`small-dense`: at most as "
            "many), mean over seeds. `ended`: why growing stopped, and in how many networks.",
            of=[its.trials],
            recorded=its.recorded,
        )


def verdicts(shown: Iterable[ShownTrials]) -> pd.DataFrame:
    """In how many settings a grown network is better or worse than each control.

    Returns:
        Index `dataset`; a column for each control. A setting is an activation, an algorithm, a
        choice and a wanted loss; p is corrected for all tests of a dataset.
    """
    rows = {
        its.trials.dataset: in_short(
            {
                f"against {control}": paired(
                    its.table, "network", "grown", control, ["activation", *_POINT]
                )
                for control in its.table["network"].unique()
                if control != "grown"
            }
        )
        for its in shown
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("dataset")


def show_verdicts(shown: Iterable[ShownTrials]) -> None:
    """Whether growing pays off, in one table for all trials."""
    if shown := list(shown):
        show_together(
            shown,
            verdicts(shown),
            "grown-better",
            "In how many settings (activations, algorithms, choices and wanted losses) the grown "
            "network is better or worse than each control with as many connections: paired tests "
            "over shared seeds, p corrected for all tests of a dataset.",
        )


def growth(rows: pd.DataFrame) -> Figure:
    """Accuracy over connections, a panel for each algorithm.

    Args:
        rows: means over seeds, with the columns accuracy_std and connections_std.
    """
    algorithms = list(rows["algorithm"].unique())
    figure, axes = plt.subplots(1, len(algorithms), figsize=(8.0, 4.4), sharey=True, squeeze=False)
    looks = dict(zip(rows["network"].unique(), LOOKS, strict=False))
    for panel, algorithm in zip(axes.flat, algorithms, strict=True):
        its = rows[rows["algorithm"] == algorithm]
        for (network, choice), line in its.groupby(["network", "choice"], sort=False):
            line = line.sort_values("connections")
            color, marker = looks[network]
            panel.errorbar(
                line["connections"], 100 * line["accuracy"],
                xerr=line["connections_std"].fillna(0),
                yerr=100 * line["accuracy_std"].fillna(0),
                color=color, marker=marker, linestyle="-" if choice == "largest" else "--",
                fillstyle="full" if choice == "largest" else "none",
                linewidth=1.2, elinewidth=0.8, capsize=2, label=f"{network}, {choice}",
            )  # fmt: skip
        panel.set_title(f"adds {'connections and nodes' if algorithm == 'nodes' else algorithm}")
        panel.set_xscale("log")
        panel.set_xlabel("connections")
    axes.flat[0].set_ylabel("test accuracy in %")
    legend_below(figure)
    return figure


def numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Sizes of the grown networks, why they stopped growing, and accuracies of all four kinds."""
    keys = ["activation", *_POINT]
    rows = over_seeds(table, [*keys, "network"])
    cells = rows.assign(cell=accuracies(rows))
    grown = cells[cells["network"] == "grown"].set_index(keys)
    text = grown[["connections", "nodes", "epochs"]].round().astype(int).map("{:,}".format)
    ends = table[table["network"] == "grown"].groupby(keys, sort=False)["ended"]
    text["ended"] = ends.agg(_counted)
    wide = cells.pivot(index=keys, columns="network", values="cell").fillna("")
    networks = list(cells["network"].unique())
    found = text.join(wide)[[*networks, *text.columns]].rename_axis(columns=None)
    losses = found.index.levels[-1]  # type: ignore[attr-defined]
    found = found.rename(index={loss: f"{loss:g}" for loss in losses}, level="wanted_loss")
    found = found.rename_axis(index={"wanted_loss": "wanted loss"})
    # A single activation needs no column: the caption names it.
    return found.droplevel("activation") if table["activation"].nunique() == 1 else found


def _counted(words: pd.Series) -> str:
    return ", ".join(f"{word} {count}" for word, count in words.value_counts().items())
