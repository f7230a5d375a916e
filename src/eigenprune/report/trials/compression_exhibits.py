"""The figures and tables of the chapter on compression: accuracy against what a network costs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from eigenprune.lab.records import latencies
from eigenprune.lab.trials import costs
from eigenprune.report.arena.rival_tables import NEAR
from eigenprune.report.arena.scope import Arena
from eigenprune.report.figures import accuracy_axis, legend_below
from eigenprune.report.readable import span
from eigenprune.report.trials.budgets import within_budgets
from eigenprune.report.trials.pruned_nodes import LABEL, beside
from eigenprune.report.trials.trial_exhibits import (
    LOOKS,
    ShownTrials,
    accuracies,
    by_activation,
    show_one,
)

# Black, or nearly: not in the palette of the compressed networks.
_NODE_LOOKS = (("#000000", "h"), ("#332288", "p"), ("#882255", "*"))
_AMOUNTS = ("sparsity", "rank", "bits", "clusters", "pruning_ratio")
AXES = {
    "parameters": "parameters stored",
    "bytes": "bytes stored",
    "macs": "multiply-accumulates (MACs)",
    "latency_share": "latency, share of the whole network's",
}


def show_compression(shown: Iterable[ShownTrials], arena: Arena) -> None:
    """Show what fits into fewer bytes, accuracy against size and latency, and all points.

    There is one of each for each activation. Size is parameters and bytes. Where no latency was
    measured, operations take its place.

    Args:
        shown: trials of kind `compression`.
        arena: with networks of the same widths whose nodes were pruned, if there are any.
    """
    for its in shown:
        table = costs.with_costs(its.trials, its.table, recorded=its.recorded)
        keys = [name for name in ("kernel", "processor") if name in table]
        for one, activation, rows in by_activation(
            [replace(its, table=table)], ["retraining_epochs", *keys]
        ):
            rows = with_latency_share(rows)
            measured = "latency_share" in rows
            nodes, studies = beside(one, activation, arena)
            untimed = measured and len(nodes) and not timed_alike(one.trials.dataset, rows)
            if untimed:
                nodes = nodes.drop(columns=["latency", "latency_share"], errors="ignore")
            left_out = (
                f" Latencies of `{LABEL.strip()}` are from another processor, and left out."
                if untimed
                else ""
            )
            both = pd.concat([rows, nodes], ignore_index=True)
            if not measured:
                both = both.drop(columns=["latency", "latency_share"], errors="ignore")
            if len(fitting := within_budgets(both)):
                show_one(
                    one,
                    activation,
                    fitting,
                    "budgets",
                    "test accuracy in per cent of the largest network of each method, among the "
                    "points below, that fits into a share of the whole network's bytes; in "
                    f"brackets, the share that it takes. {NEAR} marks the best network of each "
                    "budget, as it is and at the final size, and those that were tested against "
                    "it, paired by seed, and are not told apart (p corrected by Holm within the "
                    f"budget). The table of all points has the deviations.{_seeds_of(nodes)}",
                    beside=studies,
                )
            words = "parameters, bytes and " + ("latency" if measured else "MACs")
            show_one(
                one,
                activation,
                sizes(both),
                "sizes",
                f"accuracy, on an axis stretched at its upper end, against {words}. Filled "
                "markers: trained at the final size, after compression or from the start; the "
                "filled `none` is the whole network, trained for as many additional epochs"
                + (f"; `{LABEL.strip()}` fewer hidden nodes, from the arena." if studies else ".")
                + left_out,
                alt=f"Test accuracy over {words}, one line per method.",
                beside=studies,
            )
            timed = (
                f" Latency in milliseconds for a batch of {latencies.BATCH} on one thread of "
                f"{rows['processor'].iloc[0]}, and as a share of the whole network's; `sparse`: "
                f"timed with the kernel for sparse matrices.{left_out}"
                if measured
                else ""
            )
            show_one(
                one,
                activation,
                points(both),
                "points",
                f"test accuracy in per cent.{timed}{_seeds_of(nodes)}",
                beside=studies,
                folded="All points",
            )


def timed_alike(dataset: str, rows: pd.DataFrame) -> bool:
    """Whether the networks of the arena were timed on the same kind of processor as these.

    Args:
        dataset: the dataset of both.
        rows: compressed networks, with the column `processor`.
    """
    machine = latencies.machines().get(dataset, {})
    return set(rows["processor"]) == {machine.get("processor")}


def _seeds_of(nodes: pd.DataFrame) -> str:
    return (
        ""
        if nodes.empty
        else f" Rows of `{LABEL.strip()}` are means over {span(nodes['n'])} seeds."
    )


def with_latency_share(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with `latency_share`, relative to the whole network, if both were measured.

    Only shares can be compared with latencies that were measured in another session.
    """
    if "latency" not in rows or "none" not in set(rows["method"]):
        return rows
    whole = rows.loc[rows["method"] == "none", "latency"].iloc[0]
    return rows.assign(latency_share=rows["latency"] / whole)


def sizes(rows: pd.DataFrame) -> Figure:
    """Accuracy over parameters, over bytes, and over latency, or operations where it is unknown."""
    axes = ["parameters", "bytes", "latency_share" if "latency_share" in rows else "macs"]
    figure, panels = plt.subplots(1, len(axes), figsize=(9.0, 4.4), sharey=True)
    looks = _looks(list(rows["method"].unique()))
    for method, its in rows.groupby("method", sort=False):
        color, marker = looks[str(method)]
        for epochs, line in its.groupby("retraining_epochs"):
            for panel, size in zip(panels, axes, strict=True):
                drawn = line.dropna(subset=size).sort_values(size)
                panel.plot(
                    drawn[size], 100 * drawn["accuracy"], color=color, marker=marker,
                    fillstyle="full" if epochs else "none", linestyle="-" if epochs else ":",
                    linewidth=1.2,
                    label=f"{method}{', trained at the final size' if epochs else ''}",
                )  # fmt: skip
    for panel, size in zip(panels, axes, strict=True):
        panel.set_xscale("log")
        panel.set_xlabel(AXES[size])
    accuracy_axis(panels[0], rows["accuracy"])
    legend_below(figure)
    return figure


def _looks(methods: Sequence[str]) -> dict[str, tuple[str, str]]:
    nodes = [method for method in methods if method.startswith(LABEL)]
    others = [method for method in methods if method not in nodes]
    return {
        **dict(zip(others, LOOKS, strict=False)),
        **dict(zip(nodes, _NODE_LOOKS, strict=False)),
    }


def points(rows: pd.DataFrame) -> pd.DataFrame:
    """The points as a readable table: what each costs, and its accuracy as it is and retrained."""
    wide = rows.assign(
        amount=[_amount(row) for _, row in rows.iterrows()],
        retrained=np.where(rows["retraining_epochs"] > 0, "trained at the final size", "as it is"),
        cell=accuracies(rows),
    )
    point = ["method", "amount"]
    cost = wide.groupby(point, sort=False).first()
    text = cost[["parameters", "bytes", "macs"]].round().astype(int).map("{:,}".format)
    text = text.rename(columns={"macs": "MACs"})
    if "latency" in cost:
        text["latency (ms)"] = [_milliseconds(row) for _, row in cost.iterrows()]
        text["latency share"] = cost["latency_share"].map("{:.2f}".format, na_action="ignore")
    cells = wide.pivot(index=point, columns="retrained", values="cell")
    return text.join(cells).fillna("").rename_axis(columns=None)


def _milliseconds(row: pd.Series) -> str:
    if pd.isna(row["latency"]):
        return ""
    return f"{row['latency']:.2f}" + (" sparse" if row["kernel"] == "sparse" else "")


def _amount(row: pd.Series) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {row[name]:g}" for name in _AMOUNTS if pd.notna(row.get(name))
    )
