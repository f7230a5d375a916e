"""Tables and figures of what `eigenprune bench` measured, from its recorded JSON."""

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from eigenprune.lab.errors import UserError
from eigenprune.report.figures import legend_below

# Ways to put the cores to use, see `bench.EpochTime`, in the words of tables and figures.
CORES = {"alone": "all cores for one network", "side_by_side": "a network on each core"}


def read_measured(path: Path) -> dict[str, Any]:
    """What `eigenprune bench --json` printed.

    Raises:
        UserError: if the file is not such a thing.
    """
    try:
        measured: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        measured["machine"], measured["training"], measured["inference"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not the output of `eigenprune bench --json`") from error
    return measured


def read_all(folder: Path, pattern: str = "*.json") -> dict[str, dict[str, Any]]:
    """All that was measured, by the name of its file.

    Raises:
        UserError: if there is no such file, or one is something else.
    """
    files = sorted(folder.glob(pattern))
    if not files:
        raise UserError(f"{folder} has no {pattern}: `eigenprune bench --json > FILE` makes one")
    return {file.stem: read_measured(file) for file in files}


def where(measured: dict[str, Any]) -> str:
    """Device, threads, versions, network and commit in a line."""
    machine = measured["machine"]
    network = "-".join(["784", *map(str, measured["hidden"]), "10"])
    return (
        f"{machine['device']} ({machine['processor']}), {machine['threads']} threads, torch "
        f"{machine['torch']}, commit {machine['commit']}; {measured['dataset']}, {network}, relu, "
        f"medians over {measured['rounds']} processes"
    )


def training_table(measured: dict[str, Any]) -> pd.DataFrame:
    """Seconds per epoch and network and, in brackets, how many times the plain network's."""
    table = pd.DataFrame(measured["training"]).set_index("network")
    return pd.DataFrame(
        {
            words: [
                f"{seconds:.3f} ({ratio:.2f} x)"
                for seconds, ratio in zip(table[key], table[f"{key}_times_plain"], strict=True)
            ]
            for key, words in CORES.items()
        },
        index=table.index,
    )


def inference_table(measured: dict[str, Any]) -> pd.DataFrame:
    """Milliseconds for one batch and, in brackets, how many times faster than unpruned."""
    table = pd.DataFrame(measured["inference"])
    cells = [
        f"{1000 * seconds:.3f} ({speed_up:.1f} x)"
        for seconds, speed_up in zip(table["seconds"], table["speed_up"], strict=True)
    ]
    table = table.assign(cell=cells, batch="batch " + table["batch_size"].astype(str))
    return table.pivot_table(
        index=["network", "pruning_ratio"],
        columns="batch",
        values="cell",
        aggfunc="first",
        sort=False,
    )


def training_figure(measured: dict[str, Any]) -> Figure:
    """How many times the plain network's epoch each kind of training takes, as bars."""
    table = pd.DataFrame(measured["training"])[::-1]
    figure, panel = plt.subplots(figsize=(6.0, 0.55 * len(table) + 1.0))
    looks = zip(CORES.items(), ("#0072B2", "#56B4E9"), (0.19, -0.19), strict=True)
    for (key, words), color, shift in looks:
        places = [place + shift for place in range(len(table))]
        bars = panel.barh(
            places, table[f"{key}_times_plain"], color=color, height=0.36, label=words
        )
        panel.bar_label(bars, fmt="%.2f", padding=3)
    panel.set_yticks(range(len(table)), table["network"])
    panel.axvline(1, color="black", linewidth=0.7)
    panel.grid(axis="y", visible=False)
    panel.set_xlabel("time of an epoch, times that of plain nn.Linear")
    legend_below(figure)
    return figure


def inference_figure(measured: dict[str, Any]) -> Figure:
    """How many times faster than the unpruned network: masked and compacted, over batch sizes."""
    table = pd.DataFrame(measured["inference"])
    figure, panel = plt.subplots(figsize=(6.0, 3.4))
    ratios = sorted(set(table["pruning_ratio"]) - {0.0})
    looks = {"compacted": ("#0072B2", "o"), "masked": ("#7F7F7F", "x")}
    for network, (color, marker) in looks.items():
        for ratio, dashes in zip(ratios, ("-", "--", ":"), strict=False):
            chosen = table[(table["network"] == network) & (table["pruning_ratio"] == ratio)]
            panel.plot(
                chosen["batch_size"], chosen["speed_up"], color=color, marker=marker,
                linestyle=dashes, label=f"{network}, {ratio:g} removed",
            )  # fmt: skip
    panel.axhline(1, color="black", linewidth=0.7)
    panel.set_xscale("log", base=2)
    panel.set_xticks(sorted(set(table["batch_size"])), sorted(set(table["batch_size"])))
    panel.set_xlabel("batch size")
    panel.set_ylabel("times faster than unpruned")
    legend_below(figure)
    return figure
