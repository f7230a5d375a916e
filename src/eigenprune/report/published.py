"""The published curves to compare with (source: results/published/README.md)."""

from pathlib import Path

import pandas as pd

from eigenprune.lab import project
from eigenprune.lab.studies import Study

FILE = Path("results") / "published" / "curves.csv"


def published_curves(study: Study) -> pd.DataFrame:
    """The published points for a study's dataset, depth, activations and methods; may be empty.

    Widths need not be equal: the published ones are inferred, and stand in the column `hidden`.

    Returns:
        Columns dataset, hidden, activation, method, pruning_ratio, accuracy_mean, accuracy_std, n.
    """
    points = pd.read_csv(project.root() / FILE, dtype={"hidden": str})
    depth = points["hidden"].map(lambda h: 3 if h == "3 layers" else h.count("-") + 1)
    return points[
        (points["dataset"] == study.dataset)
        & (points["pruning_ratio"] < 1)  # no node is left there: not a point of a curve
        & (depth == len(study.hidden))
        & points["activation"].isin(study.activations)
        & points["method"].isin(study.methods)
    ].reset_index(drop=True)
