"""The published curves to compare with (source: results/published/README.md)."""

from pathlib import Path

import pandas as pd

from eigenprune.lab import project
from eigenprune.lab.studies import Study

FILE = Path("results") / "published" / "curves.csv"


UNCERTAIN = "3 layers"  # three equal widths, which the published files do not hold


def published_curves(study: Study, *, same_width: bool = False) -> pd.DataFrame:
    """The published points for a study's dataset, depth, activations and methods; may be empty.

    Widths need not be equal: the published ones are inferred, and stand in the column `hidden`.

    Args:
        study: what to compare with.
        same_width: leave out the points of other widths; `3 layers` stands for any three equal
            ones.

    Returns:
        Columns dataset, hidden, activation, method, pruning_ratio, accuracy_mean, accuracy_std, n.
    """
    points = pd.read_csv(project.root() / FILE, dtype={"hidden": str})
    hidden = points["hidden"]
    fits = hidden.map(lambda h: 3 if h == UNCERTAIN else h.count("-") + 1) == len(study.hidden)
    if same_width:
        three_equal = len(study.hidden) == 3 and len(set(study.hidden)) == 1
        fits &= (hidden == study.widths) | ((hidden == UNCERTAIN) & three_equal)
    return points[
        fits
        & (points["dataset"] == study.dataset)
        & (points["pruning_ratio"] < 1)  # no node is left there: not a point of a curve
        & points["activation"].isin(study.activations)
        & points["method"].isin(study.methods)
    ].reset_index(drop=True)
