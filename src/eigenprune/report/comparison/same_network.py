"""Whether a method and its control prune the same trained networks, as the records show it.

Two machines that round differently train two networks from one seed, see
`lab.records.one_network`. Whether a control differs from its method in one thing alone depends on
that, so the chapter says it where it compares the two.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from eigenprune.lab import project, spectra
from eigenprune.lab.ranks import rank_correlation
from eigenprune.lab.records.one_network import of_two_networks
from eigenprune.lab.records.recorded import rows_by_run
from eigenprune.report.comparison.paper import FOLDER

_ROW = ["study", "activation", "method", "seed", "pruning_ratio"]


def same_network(curves: pd.DataFrame, method: str, control: str) -> str:
    """Say how often two methods prune the same trained network, and where they were computed.

    Args:
        curves: the tidy table of recorded studies, or a part of it; it has each curve once.
        method: one that prunes trained networks.
        control: one that prunes networks of the same training.

    Returns:
        Markdown, empty if the two have no training in common. Where the networks differ, it says by
        how much the unpruned ones differ in accuracy and, if both spectra are recorded, how alike
        the nodes are ranked by absolute eigenvalue.
    """
    rows = curves[curves["method"].isin([method, control])]
    made = [pd.DataFrame(rows_by_run(_folder(study)).values()) for study in rows["study"].unique()]
    if not made:
        return ""
    rows = pd.concat(made).merge(rows[_ROW], on=_ROW)
    rows = rows[rows.groupby("training")["method"].transform("nunique") > 1]
    if rows.empty:
        return ""
    count = rows["training"].nunique()
    differ = rows[rows["training"].isin(of_two_networks(rows)["training"])]
    if differ.empty:
        return (
            f"`{method}` and `{control}` prune the same trained network in all {count} cases; both "
            f"were computed on {_machines(rows)}."
        )
    one, other = (_machines(rows[rows["method"] == name]) for name in (method, control))
    return (
        f"`{method}` and `{control}` prune the same trained network in "
        f"{count - differ['training'].nunique()} of {count} cases. `{method}` was computed on "
        f"{one}, `{control}` on {other}. Where the networks differ, {_how_far(differ)}."
    )


def _folder(study: str) -> Path:
    return project.root() / FOLDER / study


def _machines(rows: pd.DataFrame) -> str:
    """The devices that computed some rows; the processor matters where it was the device."""
    made = rows[["device", "processor"]].drop_duplicates().itertuples(index=False)
    named = (f"{device} ({processor})" if device == "cpu" else device for device, processor in made)
    return " and ".join(dict.fromkeys(named))


def _how_far(rows: pd.DataFrame) -> str:
    """How far apart two networks of one training are, in words without a full stop."""
    unpruned = rows[rows["pruning_ratio"] == 0].groupby("training")["accuracy"]
    points = 100 * (unpruned.max() - unpruned.min()).max()
    told = f"their accuracies at ratio 0 differ by up to {points:.2f} points"
    if alike := list(_correlations(rows)):
        told += (
            ", and the lowest rank correlation of their nodes by absolute eigenvalue is "
            f"{min(alike):.3f}"
        )
    return told


def _correlations(rows: pd.DataFrame) -> Iterator[float]:
    """Spearman's, between the rankings of two networks of one training in every hidden layer.

    A study keeps one spectrum of a training, so two networks within one study cannot be compared.
    """
    known = {study: spectra.read(_folder(study)) for study in rows["study"].unique()}
    for training in rows["training"].unique():
        kept = [its[training] for its in known.values() if training in its]
        if len(kept) == 2:
            for name in kept[0]:
                if name.endswith(".after"):
                    yield rank_correlation(*(spectrum[name].abs() for spectrum in kept))
