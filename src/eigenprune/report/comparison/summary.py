"""`summary.json` of a recorded study: its main numbers, readable without pandas."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from eigenprune.files import write_whole
from eigenprune.lab.records.recorded import recorded_curves
from eigenprune.report.comparison.agreement import by_curve, compare
from eigenprune.report.statistics import over_seeds


def write_summary(folder: Path, published: pd.DataFrame) -> None:
    """Write `summary.json` beside the `curves.csv` of a recorded study.

    Args:
        folder: `results/paper/STUDY`.
        published: what `published.published_curves` returns for the study, same width.
    """
    text = json.dumps(summary(recorded_curves(folder), published), indent=1)
    write_whole(folder / "summary.json", (text + "\n").encode())


def summary(curves: pd.DataFrame, published: pd.DataFrame) -> dict[str, Any]:
    """Mean, deviation and seeds at each point, and each curve's agreement with what is published.

    Returns:
        `curves`, a list with `activation`, `method`, `unpruned` and `pruned`, each point as
        `pruning_ratio`, `nodes_kept`, `parameters_kept`, `mean`, `std` (null for one seed) and `n`;
        and `agreement`, a list with the rows of `agreement.by_curve`.
    """
    means = over_seeds(curves)
    found = []
    for (activation, method), curve in means.groupby(["activation", "method"], sort=False):
        points = [_point(row) for row in curve.to_dict("records")]
        found.append(
            {
                "activation": activation,
                "method": method,
                "unpruned": next((p for p in points if p["pruning_ratio"] == 0), None),
                "pruned": [p for p in points if p["pruning_ratio"] > 0],
            }
        )
    agreement = by_curve(compare(curves, published))
    return {"curves": found, "agreement": json.loads(agreement.round(6).to_json(orient="records"))}


def _point(row: dict[Any, Any]) -> dict[str, Any]:
    std = row["accuracy_std"]
    return {
        "pruning_ratio": row["pruning_ratio"],
        "nodes_kept": round(row["nodes_kept"], 1),
        "parameters_kept": round(row["parameters_kept"], 1),
        "mean": round(row["accuracy_mean"], 6),
        "std": None if pd.isna(std) else round(std, 6),
        "n": row["n"],
    }
