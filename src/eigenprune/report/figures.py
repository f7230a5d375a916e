"""Figures for the notebooks and the book, drawn from tidy tables; equal tables give equal bytes."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, LogLocator, NullFormatter

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError
from eigenprune.lab.methods import METHODS, Method, looks
from eigenprune.report.paired import AS_UNPRUNED, TOLD_APART

_PUBLISHED: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "none", "alpha": 0.55}


def use_style() -> None:
    """Set the style of all figures; in a notebook they become SVG with nothing random in it."""
    plt.rcParams.update(
        {
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "font.size": 9,
            "grid.alpha": 0.3,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
            "lines.markersize": 4.5,
            "svg.hashsalt": "eigenprune",
        }
    )
    if plt.get_backend() in ("inline", "module://matplotlib_inline.backend_inline"):
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})


def save(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all, and without a date: equal figures are equal files.

    Args:
        figure: what to write.
        path: where to write it; with a suffix that matplotlib knows, such as `.svg` or `.pdf`.
    """
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    drawn = BytesIO()
    kind = path.suffix.removeprefix(".") or None  # None: matplotlib's default
    figure.savefig(drawn, format=kind, metadata=undated.get(path.suffix), dpi=150)
    write_whole(path, drawn.getvalue())


def tradeoff(
    means: pd.DataFrame,
    published: pd.DataFrame | None = None,
    against: str = "pruning_ratio",
    control: str | None = None,
) -> Figure:
    """Trade-off curves: accuracy against what is removed, one panel per activation.

    Bands are one sample standard deviation over the seeds. Every curve has its own unpruned control
    at ratio 0; a thin line across the panel shows the control of one method. Open markers are
    published means.

    Args:
        means: what `statistics.over_seeds` returns, for one study.
        published: what `published.published_curves` returns; only drawn over `pruning_ratio`.
        against: `"pruning_ratio"` (fraction of nodes removed) or `"parameters_kept"` (a count,
            on a logarithmic axis).
        control: the method whose control the thin line shows; the first one if None or absent.
    """
    activations = list(means["activation"].unique())
    look = looks(means["method"])
    figure, panels = _panels(len(activations))
    for panel, activation in zip(panels, activations, strict=True):
        ours = means[means["activation"] == activation]
        for method, curve in ours.groupby("method", sort=False):
            its = look[str(method)]
            band(panel, curve, against, its.label, **_look(its))
            if published is not None and against == "pruning_ratio":
                _published_points(panel, published, activation, str(method))
        for line in unpruned(ours, control).to_dict("records"):
            panel.axhline(
                100 * line["accuracy_mean"],
                color="black",
                linewidth=0.7,
                label=f"{line['method']}, unpruned",
            )
        panel.set_title(activation)
        if against == "pruning_ratio":
            panel.set_xlim(-0.03, 1.03)
            panel.set_xlabel("pruning ratio")
        else:
            parameters_axis(panel)
    panels[0].set_ylabel("test accuracy in %")
    legend_below(figure)
    return figure


def _look(its: Method) -> dict[str, Any]:
    return {"color": its.color, "marker": its.marker, "linestyle": its.dashes}


def unpruned(means: pd.DataFrame, method: str | None) -> pd.DataFrame:
    """The row of the unpruned network of one method; of the first method if that one is absent.

    Args:
        means: of one activation, see `tradeoff`.
        method: the wanted one.
    """
    rows = means[means["pruning_ratio"] == 0]
    return rows.sort_values("method", key=lambda names: names != method, kind="stable").head(1)


def parameters_axis(panel: Axes) -> None:
    """Format a horizontal axis of parameters kept: logarithmic, many at the left, few at the right.

    Args:
        panel: where the curves are already drawn.
    """
    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=6))
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.invert_xaxis()
    panel.set_xlabel("parameters kept, fewer to the right")


def accuracy_axis(panel: Axes, accuracies: pd.Series) -> None:
    """Format the vertical axis for accuracies: stretched at the top, like errors on a log scale.

    Halving the error covers about the same distance everywhere. An error of zero has a place too,
    because the logarithm is taken of slightly more than the error.

    Args:
        panel: where the curves are already drawn, or one that shares its axis.
        accuracies: those that must be in view, from 0 to 1; a band may reach beyond the view.
    """
    more, whole = 0.1, 100

    def height(accuracy: np.ndarray) -> np.ndarray:
        # Bands may reach far beyond 100 %, and the margin reaches slightly beyond.
        return -np.log10(np.maximum(whole + more - accuracy, more / 2))

    def accuracy(height: np.ndarray) -> np.ndarray:
        return whole + more - 10.0**-height

    ends = height(100 * np.array([accuracies.min(), accuracies.max()]))
    margin = 0.05 * max(ends[1] - ends[0], 0.1)
    low, high = accuracy(ends + np.array([-margin, margin]))
    panel.set_yscale("function", functions=(height, accuracy))
    panel.set_ylim(low, high)
    ticks = [tick for tick in _ACCURACIES if low <= tick <= high]
    if len(ticks) > 1:  # else keep matplotlib's own, which are closer together
        panel.yaxis.set_major_locator(FixedLocator(ticks))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda accuracy, _: f"{accuracy:g}"))
    panel.set_ylabel("test accuracy in %")


_ACCURACIES = (0, 50, 80, 90, 95, 98, 99, 99.5, 99.8, 100)  # per cent


def band(panel: Axes, curve: pd.DataFrame, against: str, label: str, **look: str) -> None:
    """One trade-off curve: the mean over the seeds, and one sample standard deviation around it.

    Args:
        panel: where to draw.
        curve: columns `against`, accuracy_mean and accuracy_std.
        against: the column of the horizontal axis.
        label: for the legend.
        look: color, marker and linestyle, as matplotlib takes them.
    """
    x, mean = curve[against], 100 * curve["accuracy_mean"]
    panel.plot(x, mean, label=label, **look)  # type: ignore[arg-type]
    std = 100 * curve["accuracy_std"].fillna(0)
    if std.any():  # one seed has no band, and drawing hundreds of empty ones is slow
        panel.fill_between(x, mean - std, mean + std, color=look["color"], alpha=0.15, linewidth=0)


def _published_points(panel: Axes, published: pd.DataFrame, activation: str, method: str) -> None:
    points = published[(published["activation"] == activation) & (published["method"] == method)]
    if len(points):
        panel.plot(
            points["pruning_ratio"],
            100 * points["accuracy_mean"],
            label=f"{method}, published (hidden {points.iloc[0]['hidden']})",
            **{**_look(METHODS[method]), **_PUBLISHED},
        )


def differences(table: pd.DataFrame) -> Figure:
    """Paired differences in accuracy against the pruning ratio, one panel per activation.

    Bars are the confidence intervals; filled markers are the points that differ from zero after
    correction for the number of points.

    Args:
        table: what `paired.paired_differences` returns, for one dataset and width.
    """
    activations = list(table["activation"].unique())
    figure, panels = _panels(len(activations))
    for panel, activation in zip(panels, activations, strict=True):
        chosen = table[table["activation"] == activation]
        panel.axhline(0, color="black", linewidth=0.7)
        draw_differences(panel, chosen, chosen["pruning_ratio"], "#0072B2", "o")
        panel.set_title(str(activation))
        panel.set_xlim(-0.03, 1.03)
        panel.set_xlabel("pruning ratio")
    panels[0].set_ylabel("difference in points of accuracy")
    legend_below(figure)
    return figure


def draw_differences(
    panel: Axes, tests: pd.DataFrame, x: pd.Series, color: str, marker: str, of: str = ""
) -> None:
    """Draw paired differences with their intervals; the marker tells the verdict.

    Args:
        panel: to draw in.
        tests: what `paired.verdicts_of_pruned` returns.
        x: where each test is drawn.
        color: of bars and markers.
        marker: its shape.
        of: what the legend says before the verdict.
    """
    mean = 100 * tests["difference"]
    reach = [mean - 100 * tests["low"], 100 * tests["high"] - mean]
    panel.errorbar(x, mean, yerr=reach, fmt="none", color=color, linewidth=1)
    for said, rows, look in _marked(tests["verdict"], color):
        panel.plot(x[rows], mean[rows], marker, color=color, label=f"{of}{said}", **look)


def _marked(verdicts: pd.Series, color: str) -> list[tuple[str, pd.Series, dict[str, Any]]]:
    """Legend text, rows and marker style for each kind of verdict."""
    told_apart, repeated = verdicts.isin(TOLD_APART), verdicts == AS_UNPRUNED
    half = {"markerfacecolor": color, "fillstyle": "left", "markerfacecoloralt": "white"}
    found: list[tuple[str, pd.Series, dict[str, Any]]] = [
        ("differs from 0", told_apart, {"markerfacecolor": color}),
        ("not told apart from 0", ~told_apart & ~repeated, {"markerfacecolor": "white"}),
    ]
    return [*found, *([("as unpruned", repeated, half)] if repeated.any() else [])]


def losses(histories: pd.DataFrame) -> Figure:
    """Training loss over epochs, one panel per activation, one line per seed.

    Args:
        histories: columns activation, method, seed, epoch, loss.
    """
    look = looks(histories["method"])
    activations = list(histories["activation"].unique())
    figure, panels = _panels(len(activations))
    for panel, activation in zip(panels, activations, strict=True):
        chosen = histories[histories["activation"] == activation]
        for (method, _), curve in chosen.groupby(["method", "seed"], sort=False):
            its = look[str(method)]
            style = {**_look(its), "marker": ""}
            panel.plot(curve["epoch"], curve["loss"], label=its.label, linewidth=1, **style)
        panel.set_yscale("log")
        panel.set_title(str(activation))
        panel.set_xlabel("epoch")
    panels[0].set_ylabel("training loss (nats)")
    legend_below(figure)
    return figure


def spectra(eigenvalues: pd.DataFrame) -> Figure:
    """Histograms of the hidden nodes' eigenvalues before and after training, per activation.

    Args:
        eigenvalues: columns activation, when (`before` or `after`), eigenvalue.
    """
    activations = list(eigenvalues["activation"].unique())
    figure, panels = _panels(len(activations))
    widest = float(eigenvalues["eigenvalue"].abs().max())
    bins = np.linspace(-widest, widest, 61).tolist()
    for panel, activation in zip(panels, activations, strict=True):
        chosen = eigenvalues[eigenvalues["activation"] == activation]
        for when, color, style in (("before", "#7F7F7F", ":"), ("after", "#0072B2", "-")):
            values = chosen.loc[chosen["when"] == when, "eigenvalue"]
            panel.hist(
                values, bins=bins, histtype="step", color=color, linestyle=style, linewidth=1.6,
                label=f"{when} training",
            )  # fmt: skip
        panel.set_title(str(activation))
        panel.set_xlabel(r"eigenvalue $\lambda_i$")
    panels[0].set_ylabel("hidden nodes, all seeds")
    legend_below(figure)
    return figure


def spectra_over_epochs(table: pd.DataFrame) -> Figure:
    """Absolute eigenvalues of the hidden nodes over the epochs of training.

    One panel per activation and method. Line: the median of `|lambda|` over all nodes and networks
    of the panel; bands: the middle half of these values, and the middle nine tenths.

    Args:
        table: what `results.eigenvalues_by_epoch` returns, for one study.
    """
    groups = list(groups_of_spectra(table))
    look = looks(table["method"])
    figure, panels = _panels(len(groups))
    for panel, (title, method, group) in zip(panels, groups, strict=True):
        color = look[method].color
        by_epoch = group["eigenvalue"].abs().groupby(group["epoch"])
        at = by_epoch.quantile(np.array([0.05, 0.25, 0.5, 0.75, 0.95])).unstack()
        for low, high, share, alpha in ((0.05, 0.95, 90, 0.18), (0.25, 0.75, 50, 0.4)):
            panel.fill_between(
                at.index, at[low], at[high], color=color, alpha=alpha, linewidth=0,
                label=f"the middle {share} % of the nodes",
            )  # fmt: skip
        panel.plot(at.index, at[0.5], color=color, label="median")
        panel.set_title(title)
        panel.set_xlabel("epoch")
    panels[0].set_ylabel(r"$|\lambda_i|$")
    panels[0].set_ylim(bottom=0)
    legend_below(figure)
    return figure


def groups_of_spectra(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """The panels of a figure of spectra by epoch: title, method and rows of each.

    There is one panel per activation and method. The title gives the activation, the method if
    there are several, and the number of networks.

    Raises:
        UserError: if the table is empty.
    """
    if table.empty:
        raise UserError(
            "there is nothing to draw: of no network of this study the eigenvalues were kept by "
            "epoch; they are kept in trainings, and no network in the store is trained again for it"
        )
    several = table["method"].nunique() > 1
    for (activation, method), group in table.groupby(["activation", "method"], sort=False):
        networks = group["seed"].nunique()
        counted = f"{networks} network{'s' if networks > 1 else ''}"
        yield f"{activation}{f', {method}' if several else ''} ({counted})", str(method), group


def nodes_by_layer(shares: pd.DataFrame) -> Figure:
    """Share of nodes kept in each hidden layer, against the pruning ratio.

    Args:
        shares: columns activation, method, layer (from 1), pruning_ratio, share (0 to 1, mean
            over seeds).
    """
    look = looks(shares["method"])
    activations = list(shares["activation"].unique())
    figure, panels = _panels(len(activations))
    widths = {1: 0.9, 2: 1.7, 3: 2.6}
    for panel, activation in zip(panels, activations, strict=True):
        chosen = shares[shares["activation"] == activation]
        for (method, layer), curve in chosen.groupby(["method", "layer"], sort=False):
            style = {**_look(look[str(method)]), "marker": ""}
            panel.plot(
                curve["pruning_ratio"], curve["share"], label=f"{method}, layer {layer}",
                linewidth=widths.get(int(str(layer)), 1.3), **style,
            )  # fmt: skip
        panel.set_title(str(activation))
        panel.set_xlabel("pruning ratio")
    panels[0].set_ylabel("share of nodes kept")
    legend_below(figure)
    return figure


def _panels(count: int) -> tuple[Figure, Sequence[Axes]]:
    if not count:
        raise UserError("there is nothing to draw: no network of this study is finished")
    figure, axes = plt.subplots(
        1, count, figsize=(max(2.6 * count, 4.0), 3.2), sharey=True, squeeze=False
    )
    return figure, list(axes[0])


def legend_below(figure: Figure) -> None:
    """Put one legend for all panels below the figure, with each label once."""
    entries: dict[str, Any] = {}
    for panel in figure.axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    # At the left, in few columns: on a phone the figure keeps its size and scrolls sideways.
    figure.legend(list(entries.values()), list(entries), loc="outside lower left", ncols=2)
