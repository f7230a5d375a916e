"""What the chapters on trials show: points averaged over the seeds, and nothing left out."""

import pandas as pd
import pytest

from eigenprune.report import trial_exhibits


def table(**columns: list[object]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"activation": ["relu"] * rows, "loss": [0.1] * rows, **columns})


def test_points_that_lack_an_option_are_points_too() -> None:
    rows = table(
        seed=[1, 2, 1, 2],
        method=["none", "none", "quantised", "quantised"],
        bits=pd.array([None, None, 8, 8], dtype="Int64"),
        accuracy=[0.8, 0.9, 0.7, 0.7],
    )
    means = trial_exhibits.over_seeds(rows, ["activation", "method", "bits"])
    assert means["accuracy"].tolist() == pytest.approx([0.85, 0.7])
    assert means["n"].tolist() == [2, 2]
    assert means["accuracy_std"].tolist() == pytest.approx([0.0707, 0.0], abs=1e-4)


def test_compression_is_told_with_what_it_stores() -> None:
    rows = table(
        seed=[1, 1, 1],
        method=["none", "low-rank", "low-rank"],
        sparsity=[None, None, None],
        rank=pd.array([None, 5, 5], dtype="Int64"),
        bits=pd.array([None] * 3, dtype="Int64"),
        clusters=pd.array([None] * 3, dtype="Int64"),
        retraining_epochs=[0, 0, 3],
        accuracy=[0.9, 0.5, 0.8],
        parameters=[1000, 100, 100],
        bytes=[4000, 400, 400],
    )
    keys = ["activation", "method", "retraining_epochs", "sparsity", "rank", "bits", "clusters"]
    means = trial_exhibits.over_seeds(rows, keys)
    shown = trial_exhibits._compression_table(means)
    assert shown.loc[("low-rank", "rank 5")].to_dict() == {
        "parameters": "100",
        "bytes": "400",
        "as it is": "50.00",
        "retrained": "80.00",
    }
    assert shown.loc[("none", ""), "retrained"] == ""
    assert len(trial_exhibits._sizes(means).axes) == 2
