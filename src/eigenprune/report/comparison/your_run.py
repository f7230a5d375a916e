"""A reader's run compared with the recorded one: a sentence, tables and a figure to read."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from eigenprune.lab.methods import looks
from eigenprune.report.comparison.reproduction import STATES, Reproduction, by_method
from eigenprune.report.figures import legend_below


def verdict_sentence(found: Reproduction) -> str:
    """The verdict on a study and the grounds for it, in plain sentences of Markdown.

    Of the two machines, only what differs is named: it may be the cause.
    """
    told = [f"`{found.study}`: **{found.verdict}**."]
    if found.verdict == "not recorded":
        told.append("There is no reference for this study.")
    if found.verdict == "bitwise equal":
        networks = _number(len(found.networks), "network")
        told.append(f"Accuracy and loss of {networks} are the same to the last bit.")
    elif found.verdict in ("equal within tolerance", "different"):
        moved = int(found.networks["moved"].sum())
        told.append(f"Of {_number(len(found.points), 'point')}, {_counted(found)}.")
        told.append(
            f"The accuracy of {moved} of {_number(len(found.networks), 'network')} is more than "
            "one test image away."
        )
        told.append(f"{_differing(found)}.")
    if found.changes.outdated:
        told.append(
            f"The study is not the one that was recorded: {'; '.join(found.changes.outdated)}."
        )
    if found.dropped:
        dropped = _number(found.dropped, "recorded network")
        told.append(f"For that reason {dropped} cannot be compared.")
    return " ".join(told)


def _number(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")


def _counted(found: Reproduction) -> str:
    words = ("equal to the last bit", "equal within the tolerance", "different", "incomplete here")
    counts = {word: found.count(state) for state, word in zip(STATES, words, strict=True)}
    for word, count in counts.items():
        if count == len(found.points):
            return f"all are {word}"
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _differing(found: Reproduction) -> str:
    differing = found.machines[found.machines["recorded"] != found.machines["here"]]
    told = [
        f"{key} ({row.here}, recorded with {row.recorded})" for key, row in differing.iterrows()
    ]
    told += [f"code ({sentence})" for sentence in found.changes.code]
    if told:
        return f"Not the same here: {', '.join(told)}"
    return "The machines and the code are the same, as far as is known"


def by_method_table(founds: Sequence[Reproduction]) -> pd.DataFrame:
    """One row per study and method: points by state, networks that moved, largest differences.

    Differences are in points (of a hundred) for accuracy and in nats for loss. The column `missing`
    is left out if no point is missing.
    """
    tables = {}
    for found in founds:
        table = by_method(found)
        moved = zip(table["moved"], table["networks"], strict=True)
        tables[found.study] = table[STATES].assign(
            moved=[f"{number} of {total}" for number, total in moved],
            accuracy=table["accuracy"].mul(100).map(_gap),
            loss=table["loss"].map(_gap),
        )
    table = pd.concat(tables, names=["study", "method"])
    return table if table["missing"].any() else table.drop(columns="missing")


def _gap(value: float) -> str:
    if pd.isna(value):
        return ""
    return "0" if value == 0 else f"{value:.2g}"


def machines_table(founds: Sequence[Reproduction]) -> pd.DataFrame:
    """What the recorded networks and those of this run were made with, study by study."""
    tables = {}
    for found in founds:
        code = pd.DataFrame(
            [["", "; ".join(found.changes.code) or "the same"]],
            index=pd.Index(["code"], name=found.machines.index.name),
            columns=found.machines.columns,
        )
        tables[found.study] = pd.concat([found.machines, code])
    return pd.concat(tables, names=["study"])


def side_by_side(found: Reproduction) -> pd.DataFrame:
    """Mean accuracies over the seeds in per cent, here and recorded.

    Returns:
        Index activation and pruning ratio; columns methods, each cell as `here / recorded`.
    """
    points = found.points.dropna(subset="mean")
    pairs = zip(100 * points["mean"], 100 * points["recorded_mean"], strict=True)
    cells = points.assign(cell=[f"{here:.2f} / {recorded:.2f}" for here, recorded in pairs])
    table = cells.pivot_table(
        index=["activation", "pruning_ratio"],
        columns="method",
        values="cell",
        aggfunc="first",
        sort=False,
    )
    return table.fillna("").rename_axis(columns=None)


def differences_figure(founds: Sequence[Reproduction]) -> Figure:
    """Difference in accuracy of every network, here minus recorded, over the pruning ratio.

    One panel per study; in the grey band, a network differs by at most one test image.
    """
    figure, axes = plt.subplots(
        1, len(founds), figsize=(max(3.2 * len(founds), 4.0), 3.4), sharey=True, squeeze=False
    )
    look = looks(name for found in founds for name in found.networks["method"])
    reach = 0.0
    for panel, found in zip(axes[0], founds, strict=True):
        image = 100 * found.image
        panel.axhspan(-image, image, color="#7F7F7F", alpha=0.25, linewidth=0)
        for method, networks in found.networks.groupby("method", sort=False):
            difference = 100 * (networks["accuracy"] - networks["recorded_accuracy"])
            reach = max(reach, 5 * image, 1.1 * float(difference.abs().max()))
            its = look[str(method)]
            panel.plot(
                networks["pruning_ratio"], difference, its.marker,
                color=its.color, markerfacecolor="none", label=its.label,
            )  # fmt: skip
        panel.set_xlim(-0.03, 1.03)
        panel.set_title(found.study)
        panel.set_xlabel("pruning ratio")
    if reach:
        axes[0][0].set_ylim(-reach, reach)
    axes[0][0].set_ylabel("here minus recorded,\npoints of accuracy")
    legend_below(figure)
    return figure
