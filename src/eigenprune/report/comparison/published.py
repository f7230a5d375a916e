"""The published curves to compare with (source: results/published/README.md)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from eigenprune.lab import project
from eigenprune.lab.studies import Study

FILE = Path("results") / "published" / "curves.csv"


UNCERTAIN = "3 layers"  # three equal widths; the published files do not say which

# The published settings, by the names of a study's fields; `retraining_epochs` is that of `pre`.
SETTINGS: dict[str, Any] = {
    "epochs": 100,
    "retraining_epochs": 20,
    "batch_size": 200,
    "learning_rate": 0.001,
    "initialisation": "2022",
    "held_out": 0.0,
}


def other_settings(study: Study) -> str:
    """How a study's training differs from the published one, in words; empty if it does not.

    Fewer seeds, ratios, methods or activations do not count: they leave every point as it is.

    Args:
        study: any; its widths are ignored.
    """
    found = {key: getattr(study, key) for key in SETTINGS}
    return ", ".join(
        f"{key.replace('_', ' ')} {value} (published: {SETTINGS[key]})"
        for key, value in found.items()
        if value != SETTINGS[key]
    )


def published_curves(study: Study, *, same_width: bool = False) -> pd.DataFrame:
    """The published points for a study's dataset, depth, activations and methods; may be empty.

    Widths need not be equal: the published ones are inferred, and given in the column `hidden`.

    Args:
        study: what to compare with.
        same_width: leave out the points of other widths; `3 layers` stands for any three equal
            ones.

    Returns:
        Columns dataset, hidden, activation, method, pruning_ratio, accuracy_mean, accuracy_std, n.
    """
    points = all_points()
    if same_width:
        points = points[_of_widths(points["hidden"], study.widths)]
    depth = points["hidden"].map(layer_count)
    return points[
        (depth == len(study.hidden))
        & (points["dataset"] == study.dataset)
        & points["activation"].isin(study.activations)
        & points["method"].isin(study.methods)
    ].reset_index(drop=True)


def layer_count(hidden: str) -> int:
    """How many hidden layers a string of widths means: `2000`, `500-500-500` or UNCERTAIN.

    >>> layer_count("2000"), layer_count("500-500-500"), layer_count("3 layers")
    (1, 3, 3)
    """
    return 3 if hidden == UNCERTAIN else hidden.count("-") + 1


def all_points() -> pd.DataFrame:
    """Every published point below ratio 1, in the columns of `published_curves`."""
    points = _in_file()
    return points[points["pruning_ratio"] < 1].reset_index(drop=True)


def points_at(dataset: str, widths: str) -> pd.DataFrame:
    """Every published point to compare networks of these widths with; may be empty.

    Args:
        dataset: its name.
        widths: of the hidden layers, as the tables write them, `500-500-500`.

    Returns:
        The columns of `published_curves`, with `widths` in `hidden`.
    """
    return _fitting(all_points(), dataset, widths)


def at_ratio_one(dataset: str, widths: str) -> pd.DataFrame:
    """The published points that are not compared, since it is not said what is left at ratio 1.

    With three layers they are those of networks whose outputs are constant, with one they are not,
    so that some nodes must be left. Arguments and columns are those of `points_at`.
    """
    points = _in_file()
    return _fitting(points[points["pruning_ratio"] == 1], dataset, widths)


def _in_file() -> pd.DataFrame:
    return pd.read_csv(project.root() / FILE, dtype={"hidden": str})


def _fitting(points: pd.DataFrame, dataset: str, widths: str) -> pd.DataFrame:
    fits = _of_widths(points["hidden"], widths) & (points["dataset"] == dataset)
    return points[fits].assign(hidden=widths).reset_index(drop=True)


def all_settings(widths: Sequence[str]) -> list[tuple[str, str]]:
    """The datasets and hidden widths at which published points are to be compared.

    Args:
        widths: ours. Points with three equal layers are compared at each of our widths, the rest
            only at the published width. If none of ours has three equal layers, UNCERTAIN stands
            for that width.
    """
    known = all_points()
    hidden = list(dict.fromkeys([*known["hidden"], *widths]))
    if any(map(_three_equal, widths)):
        hidden.remove(UNCERTAIN)
    return [(dataset, each) for each in hidden for dataset in known["dataset"].unique()]


def _of_widths(hidden: pd.Series, widths: str) -> pd.Series:
    return (hidden == widths) | ((hidden == UNCERTAIN) & _three_equal(widths))


def _three_equal(widths: str) -> bool:
    layers = widths.split("-")
    return len(layers) == 3 and len(set(layers)) == 1
