"""Grown networks and the controls that they must beat, as a figure and a table."""

import pandas as pd
import pytest

from eigenprune.lab.trials.entries import make_trials
from eigenprune.report.trials.growing_exhibits import growth, numbers, verdicts
from eigenprune.report.trials.trial_exhibits import ShownTrials, over_seeds

TRIALS = {
    "kind": "growing",
    "dataset": "digits",
    "hidden": [8],
    "activations": ["relu"],
    "seeds": [1, 2],
    "epochs": 2,
    "retraining_epochs": 1,
    "batch_size": 100,
    "learning_rate": 0.01,
    "grid": {
        "algorithm": ["connections"],
        "choice": ["random"],
        "wanted_loss": [0.3],
        "connectivity": [0.05],
        "new_connections": [0.02],
        "tolerance": [0.1],
        "patience": [1],
    },
}
KEYS = ["activation", "algorithm", "choice", "wanted_loss"]


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        {
            "activation": "relu",
            "seed": seed,
            "algorithm": algorithm,
            "choice": "random",
            "wanted_loss": wanted,
            "network": network,
            "accuracy": 0.8 + 0.02 * seed,
            "connections": 100 * seed,
            "nodes": 5,
            "epochs": 7,
            "ended": "reached" if seed == 1 or wanted > 0.2 else "spent",
        }
        for algorithm in ("connections", "nodes")
        for wanted in (0.3, 0.1)
        for seed in (1, 2)
        for network in ("grown", "static-sparse")
    ]
    return pd.DataFrame(rows)


def test_the_table_says_why_growing_ended(table: pd.DataFrame) -> None:
    shown = numbers(table)
    row = shown.loc[("nodes", "random", "0.1")]
    assert row["ended"] == "reached 1, spent 1" and row["connections"] == "150"
    assert row["grown"] == row["static-sparse"] == "83.00 ± 1.41"
    assert shown.loc[("nodes", "random", "0.3"), "ended"] == "reached 2"
    two = pd.concat([table, table.assign(activation="tanh", ended="spent")])
    assert numbers(two).loc[("tanh", "nodes", "random", "0.3"), "ended"] == "spent 2"
    assert list(shown.columns)[:2] == ["grown", "static-sparse"], "what is compared comes first"


def test_growing_can_be_better_or_worse(table: pd.DataFrame) -> None:
    trials = make_trials("tried", TRIALS, "test")
    grown = table["network"].eq("grown")
    for lift, said in (
        (0.01, "better 4, worse 0, open 0"),
        (-0.01, "better 0, worse 4, open 0"),
        (1e-5, "better 0, worse 0, open 4"),
    ):
        own = lift + 1e-4 * (table["seed"] - 1.5)  # equal differences cannot be tested
        moved = table.assign(accuracy=table["accuracy"] + own * grown)
        assert verdicts([ShownTrials(trials, moved, True)]).to_dict("index") == {
            "digits": {"against static-sparse": said}
        }


def test_a_network_that_cannot_be_made_leaves_a_blank(table: pd.DataFrame) -> None:
    gone = (table["network"] == "static-sparse") & (table["wanted_loss"] == 0.3)
    shown = numbers(table[~gone])
    assert shown["static-sparse"].tolist() == ["", "83.00 ± 1.41"] * 2


def test_the_figure_has_a_panel_for_each_algorithm_and_both_deviations(
    table: pd.DataFrame,
) -> None:
    figure = growth(over_seeds(table, [*KEYS, "network"]))
    assert [panel.get_title() for panel in figure.axes] == [
        "adds connections",
        "adds connections and nodes",
    ]
    for panel in figure.axes:
        assert len(panel.containers) == 2
        assert all(bars.has_xerr and bars.has_yerr for bars in panel.containers)  # type: ignore[attr-defined]
