"""The figures and table of the chapter on modules, and the picture of each module's inputs."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from eigenprune.lab import project
from eigenprune.lab.protocols import compute
from eigenprune.lab.store import Store
from eigenprune.lab.trials import found_modules
from eigenprune.lab.trials.entries import Trials, plan
from eigenprune.report.figures import legend_below
from eigenprune.report.readable import span
from eigenprune.report.shown import show
from eigenprune.report.trials.begun_with import begun_with
from eigenprune.report.trials.trial_exhibits import (
    LOOKS,
    ShownTrials,
    accuracies,
    by_activation,
    in_short,
    paired,
    show_one,
    show_together,
)

# The caption of the table of all points.
NUMBERS = (
    "what is left after pruning, mean over the seeds (of one seed without a deviation). `inside "
    "modules`: the share of the remaining connections that lead from a module to itself; `n-cut`: "
    "the normalised cut, between 0 and the number of modules."
)


def show_modules(shown: Iterable[ShownTrials]) -> None:
    """Show what pruning towards modules does, for each clustering, gamma and sparsity."""
    for its, activation, rows in by_activation(shown):
        whole = begun_with(its, activation)
        show_one(
            its,
            activation,
            curves(rows),
            "modules",
            f"accuracy over the share of connections removed; {span(rows['modules'])} modules"
            + (f"; accuracy of the unpruned networks: {whole}." if whole else "."),
            alt="Test accuracy over sparsity, one line per gamma, one panel per clustering.",
        )
        show_one(
            its,
            activation,
            numbers(rows),
            "numbers",
            NUMBERS,
            folded="All points",
        )


_AGAINST = {"against plain magnitude": "plain", "against random clusters": "random"}


def verdicts(shown: Iterable[ShownTrials]) -> pd.DataFrame:
    """In how many settings spectral clusters help, compared with the controls they must beat.

    Returns:
        Index `dataset` and `gamma` (those below 1); columns `against plain magnitude` and
        `against random clusters`, with the number of settings (activations and sparsities) for
        each verdict, p corrected for the tests of both at one gamma; and `disconnected`, the number
        of networks with spectral clusters in which no path leads from an input to an output.
    """
    rows = []
    for its in shown:
        table = its.table
        plain = table[table["gamma"] == 1].assign(kind="plain")
        for gamma, chosen in table[table["gamma"] < 1].groupby("gamma"):
            both = pd.concat([chosen.assign(kind=chosen["clustering"]), plain])
            keys = ["activation", "sparsity"]
            rows.append(
                {
                    "dataset": its.trials.dataset,
                    "gamma": f"{gamma:g}",
                    **in_short(
                        {
                            name: paired(both, "kind", "spectral", other, keys)
                            for name, other in _AGAINST.items()
                        }
                    ),
                    "disconnected": _disconnected(chosen[chosen["clustering"] == "spectral"]),
                }
            )
    names = ["dataset", "gamma", *_AGAINST, "disconnected"]
    return pd.DataFrame(rows, columns=names).set_index(["dataset", "gamma"])


def _disconnected(rows: pd.DataFrame) -> str:
    return f"{int((rows['effective_sparsity'] == 1).sum())} of {len(rows)} networks"


def show_verdicts(shown: Iterable[ShownTrials]) -> None:
    """Whether modules help, in one table for all trials."""
    shown = list(shown)
    table = verdicts(shown)
    if len(table):
        show_together(
            shown,
            table,
            "helpful",
            "In how many settings (activations and sparsities) spectral clusters are better or "
            "worse: paired tests over shared seeds, p corrected for all tests of a row. "
            "`disconnected`: networks with spectral clusters in which no path leads from an input "
            "to an output, so that their output is the same for every input.",
        )


def show_pixels(shown: Iterable[ShownTrials]) -> None:
    """Show the module of each input as a picture, for the first network there is of each trials.

    Args:
        shown: trials of kind `modules`, on square images.
    """
    for its in shown:
        known = found_modules.recorded(its.trials) if its.recorded else _stored(its.trials)
        for (training, modules), found in itertools.islice(known.items(), 1):
            show(
                pixels([part.numpy() for part in found], modules),
                name=f"pixels-{its.trials.name}",
                caption=f"{its.trials.dataset}, {training.activation}, seed {training.seed}: the "
                "module of each input pixel, and the share of each layer's nodes that every module "
                "has. A colour stands for the same module in both panels.",
                alt="Left: the image, each pixel in the colour of its module. Right: bars, nodes "
                "per layer and module.",
                of=[its.trials],
                recorded=its.recorded,
            )


def _stored(trials: Trials) -> found_modules.Found:
    """The modules of the first network only, because they are found anew each time."""
    first = replace(trials, activations=trials.activations[:1], seeds=trials.seeds[:1])
    store = Store(project.store_dir())
    compute(plan(first)[0].training, store, project.data_dir())
    return found_modules.stored(first, store)


def curves(rows: pd.DataFrame) -> Figure:
    """Accuracy over sparsity, a panel for each clustering, a line for each gamma."""
    clusterings = list(rows["clustering"].unique())
    figure, axes = plt.subplots(1, len(clusterings), figsize=(8.0, 3.4), sharey=True, squeeze=False)
    for panel, clustering in zip(axes.flat, clusterings, strict=True):
        chosen = rows[rows["clustering"] == clustering]
        for (gamma, line), (color, marker) in zip(
            chosen.groupby("gamma"), itertools.cycle(LOOKS), strict=False
        ):
            line = line.sort_values("sparsity")
            panel.errorbar(
                line["sparsity"], 100 * line["accuracy"], 100 * line["accuracy_std"].fillna(0),
                color=color, marker=marker, capsize=2, label=f"gamma {gamma:g}",
            )  # fmt: skip
        panel.set_title(f"{clustering} clusters")
        panel.set_xlabel("share of connections removed")
    axes.flat[0].set_ylabel("test accuracy in %")
    legend_below(figure)
    return figure


def pixels(found: Sequence[np.ndarray], modules: int) -> Figure:
    """The module of each input at its place in the image, and how many nodes every module has.

    Args:
        found: the module of each node (nodes,), for each layer of nodes.
        modules: how many there are.
    """
    side = round(len(found[0]) ** 0.5)
    palette = plt.get_cmap("tab10" if modules <= 10 else "tab20")
    colors = ListedColormap(palette.colors[:modules])  # type: ignore[attr-defined]
    figure, (image, bars) = plt.subplots(1, 2, figsize=(7.0, 3.0))
    # A mesh, not an image, so that it stays a vector graphic.
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


def numbers(rows: pd.DataFrame) -> pd.DataFrame:
    """What is left after pruning, as a readable table."""
    table = pd.DataFrame(
        {
            "clustering": rows["clustering"],
            "gamma": rows["gamma"].map("{:g}".format),
            "sparsity": rows["sparsity"].map("{:g}".format),
            "accuracy": accuracies(rows),
            "effective sparsity": rows["effective_sparsity"].map("{:.3f}".format),
            "inside modules": rows["share_inside"].map("{:.2f}".format),
            "n-cut": rows["normalised_cut"].map("{:.2f}".format),
            "dead nodes": rows["dead_nodes"].map("{:.0f}".format),
        }
    )
    return table.set_index(["clustering", "gamma", "sparsity"])
