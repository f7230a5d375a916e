"""The figures and tables of the chapters on trials: what is not the removal of hidden nodes.

Each function shows one for every trials that are there, computed here or recorded, named after
them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from eigenprune.lab import project
from eigenprune.lab.studies import load_params
from eigenprune.lab.trials.entries import Trials, plan
from eigenprune.lab.trials.results import tables
from eigenprune.report.figures import legend_below
from eigenprune.report.readable import percent
from eigenprune.report.shown import show

# Of Okabe and Ito's palette, told apart with any colour vision; markers say the same in print.
LOOKS = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
    ("#7F7F7F", "x"),
)


@dataclass(frozen=True)
class Shown:
    """Trials that a chapter shows, their table, and whether it is as recorded."""

    trials: Trials
    table: pd.DataFrame
    recorded: bool


def there(names: Iterable[str]) -> list[Shown]:
    """The named trials that are there: quick ones are computed, others are as recorded."""
    params = load_params(project.root() / "params.yaml")
    return [
        Shown(params.trials[name], table, name not in params.quick_trials)
        for name, table in tables(params, names).items()
    ]


def over_seeds(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Mean over the seeds of all numbers, with the deviation of the accuracy and `n`.

    Args:
        table: of trials.
        keys: columns that tell the points apart; blanks are a value of their own.
    """
    groups = table.groupby(list(keys), sort=False, dropna=False)
    means = groups.mean(numeric_only=True)
    spread = groups["accuracy"].agg(accuracy_std="std", n="size")
    return means.join(spread).reset_index()


def show_compression(shown: Sequence[Shown]) -> None:
    """Accuracy against parameters and bytes, and the points as a table, for each activation."""
    for show_one, rows in _by_activation(shown, ["retraining_epochs"]):
        show_one(
            _sizes(rows),
            "sizes",
            "accuracy against what is stored. Filled markers: retrained.",
            alt="Test accuracy over the number of parameters and over bytes, one line per method "
            "of compression.",
        )
        show_one(_compression_table(rows), "points", "test accuracy in per cent.")


def show_modules(shown: Sequence[Shown]) -> None:
    """What pruning towards modules does, for each clustering, gamma and sparsity."""
    for show_one, rows in _by_activation(shown):
        show_one(
            _modules_figure(rows),
            "modules",
            "accuracy over the share of connections removed.",
            alt="Test accuracy over sparsity, one line per gamma, one panel per clustering.",
        )
        show_one(_modules_table(rows), "numbers", "what is left, mean over seeds.")


def _by_activation(
    shown: Sequence[Shown], keys: Sequence[str] = ()
) -> Iterator[tuple[Callable[..., None], pd.DataFrame]]:
    """For each activation of trials the means over seeds, and what shows something of them.

    Args:
        shown: the trials.
        keys: columns that tell points apart beside the options.
    """
    for its in shown:
        means = over_seeds(its.table, ["activation", *its.trials.options, *keys])
        for activation, rows in means.groupby("activation", sort=False):
            yield partial(_show_one, its, str(activation)), rows


def _show_one(
    its: Shown,
    activation: str,
    what: Figure | pd.DataFrame,
    name: str,
    caption: str,
    *,
    alt: str = "",
) -> None:
    show(
        what,
        name=f"{name}-{its.trials.name}-{activation}",
        caption=f"{its.trials.dataset}, {activation}: {caption}",
        alt=alt,
        of=[its.trials],
        recorded=its.recorded,
    )


def show_growing(shown: Sequence[Shown]) -> None:
    """Grown networks beside three others with as many connections."""
    keys = ["activation", "algorithm", "choice", "wanted_loss", "network"]
    for its in shown:
        rows = over_seeds(its.table, keys)
        show(
            _growing_table(rows),
            name=f"growing-{its.trials.name}",
            caption=f"{its.trials.dataset}: test accuracy in per cent with as many connections "
            "(`small-dense`: at most as many), mean over seeds.",
            of=[its.trials],
            recorded=its.recorded,
        )


def show_pixels(shown: Sequence[Shown], modules: int) -> None:
    """The module of each input, as a picture, in the first network of quick trials.

    Args:
        shown: of kind `modules`, on square images.
        modules: how many to look for.
    """
    from eigenprune.lab.modules import find_modules
    from eigenprune.lab.protocols import trained_network
    from eigenprune.lab.store import Store

    for its in shown:
        if its.recorded:  # weights are not recorded
            continue
        training = plan(its.trials)[0].training
        network = trained_network(training, Store(project.store_dir()), project.data_dir())
        if network is None:
            continue
        found = find_modules(network, modules, seed=training.seed)
        show(
            _pixels([part.numpy() for part in found], modules),
            name=f"pixels-{its.trials.name}",
            caption=f"{its.trials.dataset}, seed {training.seed}: the module of each input pixel, "
            "and how many nodes of each layer every module has.",
            alt="Left: the image, each pixel in the colour of its module. Right: bars, nodes per "
            "layer and module.",
            of=[its.trials],
        )


def _sizes(rows: pd.DataFrame) -> Figure:
    figure, panels = plt.subplots(1, 2, figsize=(8.0, 3.6), sharey=True)
    for (method, points), (color, marker) in zip(
        rows.groupby("method", sort=False), LOOKS, strict=False
    ):
        for epochs, line in points.groupby("retraining_epochs"):
            for panel, size in zip(panels, ("parameters", "bytes"), strict=True):
                line = line.sort_values(size)
                panel.plot(
                    line[size], 100 * line["accuracy"], color=color, marker=marker,
                    fillstyle="full" if epochs else "none", linestyle="-" if epochs else ":",
                    label=f"{method}{', retrained' if epochs else ''}",
                )  # fmt: skip
    for panel, words in zip(panels, ("parameters stored", "bytes stored"), strict=True):
        panel.set_xscale("log")
        panel.set_xlabel(words)
    panels[0].set_ylabel("test accuracy in %")
    legend_below(figure, panels[0])
    return figure


def _modules_figure(rows: pd.DataFrame) -> Figure:
    clusterings = list(rows["clustering"].unique())
    figure, axes = plt.subplots(1, len(clusterings), figsize=(8.0, 3.4), sharey=True, squeeze=False)
    for panel, clustering in zip(axes.flat, clusterings, strict=True):
        chosen = rows[rows["clustering"] == clustering]
        for (gamma, line), (color, marker) in zip(chosen.groupby("gamma"), LOOKS, strict=False):
            line = line.sort_values("sparsity")
            panel.errorbar(
                line["sparsity"], 100 * line["accuracy"], 100 * line["accuracy_std"].fillna(0),
                color=color, marker=marker, capsize=2, label=f"gamma {gamma:g}",
            )  # fmt: skip
        panel.set_title(f"{clustering} clusters")
        panel.set_xlabel("share of connections removed")
    axes.flat[0].set_ylabel("test accuracy in %")
    legend_below(figure, axes.flat[0])
    return figure


def _pixels(found: Sequence[np.ndarray], modules: int) -> Figure:
    side = round(len(found[0]) ** 0.5)
    colors = ListedColormap(plt.get_cmap("tab20").colors[:modules])  # type: ignore[attr-defined]
    figure, (image, bars) = plt.subplots(1, 2, figsize=(7.0, 3.0))
    # A mesh and no image: it stays a vector graphic.
    image.pcolormesh(
        found[0].reshape(side, side), cmap=colors, vmin=-0.5, vmax=modules - 0.5,
        edgecolors="face", linewidth=0.1,
    )  # fmt: skip
    image.set_aspect("equal")
    image.invert_yaxis()
    image.set_xticks([])
    image.set_yticks([])
    image.grid(visible=False)
    names = ["inputs", *(f"hidden {n}" for n in range(1, len(found) - 1)), "outputs"]
    left = np.zeros(len(found))
    for module in range(modules):
        shares = np.array([(layer == module).mean() for layer in found])
        bars.barh(names, shares, left=left, color=colors(module))
        left += shares
    bars.invert_yaxis()
    bars.set_xlabel("share of the layer's nodes")
    return figure


def _compression_table(rows: pd.DataFrame) -> pd.DataFrame:
    wide = rows.assign(
        amount=[_amount(row) for _, row in rows.iterrows()],
        retrained=np.where(rows["retraining_epochs"] > 0, "retrained", "as it is"),
        cell=_accuracies(rows),
    )
    sizes = wide.groupby(["method", "amount"], sort=False)[["parameters", "bytes"]].mean()
    cells = wide.pivot(index=["method", "amount"], columns="retrained", values="cell").fillna("")
    text = sizes.round().astype(int).map("{:,}".format)
    return text.join(cells).rename_axis(columns=None)


def _amount(row: pd.Series) -> str:
    names = ("sparsity", "rank", "bits", "clusters")
    return ", ".join(f"{name} {row[name]:g}" for name in names if pd.notna(row.get(name)))


def _modules_table(rows: pd.DataFrame) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "clustering": rows["clustering"],
            "gamma": rows["gamma"].map("{:g}".format),
            "sparsity": rows["sparsity"].map("{:g}".format),
            "accuracy": _accuracies(rows),
            "effective sparsity": rows["effective_sparsity"].map("{:.3f}".format),
            "inside modules": rows["share_inside"].map("{:.2f}".format),
            "n-cut": rows["normalised_cut"].map("{:.2f}".format),
            "dead nodes": rows["dead_nodes"].map("{:.0f}".format),
        }
    )
    return table.set_index(["clustering", "gamma", "sparsity"])


def _growing_table(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["activation", "algorithm", "choice", "wanted_loss"]
    cells = rows.assign(cell=_accuracies(rows), wanted_loss=rows["wanted_loss"].map("{:g}".format))
    grown = cells[cells["network"] == "grown"].set_index(keys)
    sizes = grown[["connections", "nodes", "epochs"]].round().astype(int).map("{:,}".format)
    wide = cells.pivot(index=keys, columns="network", values="cell")
    order = cells["network"].unique()
    return sizes.join(wide[order]).rename_axis(columns=None)


def _accuracies(rows: pd.DataFrame) -> list[str]:
    return [
        percent(mean, std) for mean, std in zip(rows["accuracy"], rows["accuracy_std"], strict=True)
    ]
