"""What the chapters on trials show: points averaged over the seeds, and nothing left out."""

from collections.abc import Callable

import pandas as pd
import pytest

from eigenprune.lab.studies import Params
from eigenprune.report import trial_exhibits
from eigenprune.report.shown import METADATA


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


TRIALS = {
    "small-compression": {"kind": "compression", "grid": {"method": ["low-rank"], "rank": [2]}},
    "small-modules": {
        "kind": "modules",
        "grid": {"clustering": ["random"], "modules": [2], "gamma": [0, 1], "sparsity": [0.5]},
    },
}


# By trials, what is shown for each activation, and the end of its caption.
EXHIBITS = {
    "small-compression": {
        "sizes": "accuracy against what is stored. Filled markers: retrained.",
        "points": "test accuracy in per cent.",
    },
    "small-modules": {
        "modules": "accuracy over the share of connections removed.",
        "numbers": "what is left, mean over seeds.",
    },
}
FIGURES = ("sizes", "modules")


def test_each_activation_has_a_figure_and_a_table_under_names_of_their_own(
    arena_project: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def display(bundle, *, raw, metadata):  # type: ignore[no-untyped-def]
        if "name" in (said := metadata[METADATA]):
            told.append((said["name"], said["caption"], "image/svg+xml" in bundle))
            assert said["origins"] and not said["recorded"]

    monkeypatch.setattr("IPython.display.display", display)
    two = {name: {**its, "activations": ["relu", "tanh"]} for name, its in TRIALS.items()}
    arena_project(trials=two, quick_trials=list(two))
    trial_exhibits.show_compression(trial_exhibits.there(["small-compression"]))
    trial_exhibits.show_modules(trial_exhibits.there(["small-modules"]))
    assert told == [
        (f"{what}-{trials}-{activation}", f"digits, {activation}: {caption}", what in FIGURES)
        for trials, shown in EXHIBITS.items()
        for activation in ("relu", "tanh")
        for what, caption in shown.items()
    ]
