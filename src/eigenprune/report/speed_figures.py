"""Figures of what `eigenprune bench` measured, see `speed`."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from eigenprune.report.figures import legend_below
from eigenprune.report.speed import CORES


def training_figure(measured: dict[str, Any]) -> Figure:
    """Bars: time per epoch of each kind of training, as a multiple of the plain network's."""
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
    panel.set_xlabel("time per epoch, as a multiple of plain nn.Linear")
    legend_below(figure)
    return figure


def inference_figure(measured: dict[str, Any]) -> Figure:
    """Speed-up of masked and compacted networks over the unpruned one, against the batch size."""
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
    panel.set_ylabel("speed-up over the unpruned network")
    legend_below(figure)
    return figure
