"""Tables and figures of checks: which methods behave, and what the choice of nodes contributes."""

import itertools

import numpy as np
import pandas as pd
import pytest

from eigenprune.lab.checks import CHECK_COLUMNS
from eigenprune.lab.errors import UserError
from eigenprune.lab.stability import BETWEEN_ORDERS, STABILITY_COLUMNS, WITH_INITIAL
from eigenprune.report import ranking
from eigenprune.report.arena import arms, check_tables, rival_figures
from eigenprune.report.arena.behaviour import behaviour
from eigenprune.report.arena.check_tables import CHOSEN, DRAWN


def curves(method: str, lost: float, checks: tuple[str, ...] = ("shuffled mask",)) -> pd.DataFrame:
    """Curves of a method that loses `lost` when its mask is shuffled, and else varies by noise."""
    luck = np.random.default_rng(1)
    rows = []
    for seed, ratio, check in itertools.product(range(1, 6), (0.5, 0.9), ("as is", *checks)):
        accuracy = 0.9 - lost * (check == "shuffled mask") + luck.uniform(-0.005, 0.005)
        network = ["s", "digits", "10", "relu", method, seed, ratio, 5, 100]
        rows.append([*network, accuracy, 0.1, "weight_norm", False, check, 1.0])
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def test_a_method_and_what_it_is_retrained_are_one_line() -> None:
    table = pd.concat(
        [
            curves("norm", 0.3, ("shuffled mask", "corrupted data")),
            curves("norm-retrained", 0.0, ("redrawn weights",)),
            curves("other", 0.0),
        ]
    )
    found = check_tables.verdicts(behaviour(table))
    assert list(found.index) == ["norm", "other"]
    assert list(found.columns) == ["shuffled mask", "redrawn weights", "corrupted data"]
    assert found.loc["norm", "shuffled mask"].startswith("yes (-30.")
    assert found.loc["norm", "corrupted data"] == "no (1.00)"
    assert found.loc["norm", "redrawn weights"].startswith("open (")
    assert found.loc["other", "redrawn weights"] == ""


def test_the_choice_is_what_lies_between_the_method_and_the_drawn_nodes() -> None:
    """It can be everything or nothing: a mask that can be shuffled without loss is seen."""
    table = pd.concat([curves("norm", 0.3), curves("none", 0.0)])
    found = check_tables.chosen_and_drawn(table).set_index(["method", "pruning_ratio"])
    assert (found["n"] == 5).all() and len(found) == 4
    assert found["difference"].to_numpy() == pytest.approx(found[CHOSEN] - found[DRAWN])
    assert found.loc["norm", "verdict"].eq("better").all()
    assert found.loc["norm", "difference"].to_numpy() == pytest.approx(0.3, abs=0.01)
    assert found.loc["none", "verdict"].eq("open").all()
    numbers = arms.numbers(found.reset_index(), (CHOSEN, DRAWN))
    row, wanted = numbers.loc[("norm", "relu", "0.9")], found.loc[("norm", 0.9)]
    assert row[CHOSEN] == f"{100 * wanted[CHOSEN]:.2f}" and row["difference"].endswith("*")
    assert list(numbers.columns) == [CHOSEN, DRAWN, "n", "difference", "p"]


def test_every_method_has_both_its_points_in_the_panel_of_the_ratio() -> None:
    table = check_tables.chosen_and_drawn(pd.concat([curves("norm", 0.3), curves("none", 0.0)]))
    figure = arms.drawn(table, (CHOSEN, DRAWN))
    assert [panel.get_title() for panel in figure.axes] == [
        "pruning ratio 0.5",
        "pruning ratio 0.9",
    ]
    for panel, ratio in zip(figure.axes, (0.5, 0.9), strict=True):
        chosen, drawn = panel.get_lines()
        rows = table[table["pruning_ratio"] == ratio]
        assert list(chosen.get_xdata()) == pytest.approx(list(100 * rows[CHOSEN]))
        assert list(drawn.get_xdata()) == pytest.approx(list(100 * rows[DRAWN]))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["none", "norm"]
    with pytest.raises(UserError, match="nothing to draw"):
        arms.drawn(table.iloc[:0], (CHOSEN, DRAWN))


def test_every_pair_has_a_panel_with_its_differences() -> None:
    rows = pd.DataFrame(
        {
            "pair": ["a − b", "a − b", "c − b"],
            "activation": "relu",
            "pruning_ratio": [0.5, 0.9, 0.9],
            "difference": [0.1, -0.02, 0.0],
            "low": [0.05, -0.03, -0.01],
            "high": [0.15, 0.01, 0.01],
            "verdict": ["better", "open", "open"],
        }
    )
    figure = rival_figures.differences_of_pairs(rows)
    assert [panel.get_title() for panel in figure.axes] == ["a\n− b", "c\n− b"]
    drawn = {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].get_lines()}
    assert drawn["relu, differs from 0"] == [10] and drawn["relu, not told apart from 0"] == [-2]
    with pytest.raises(UserError, match="nothing to draw"):
        rival_figures.differences_of_pairs(rows.iloc[:0])


def test_stability_is_the_mean_over_layers_and_then_over_pairs() -> None:
    own = ["digits", "10", "relu", "norm", "taylor"]
    rows = [
        [*own, BETWEEN_ORDERS, layer, correlation, top]
        for layer, pairs in ((1, (0.2, 0.4, 0.6)), (2, (0.4, 0.6, 0.8)))
        for correlation, top in zip(pairs, (0.1, 0.2, 0.3), strict=True)
    ]
    rows += [[*own, WITH_INITIAL, 1, np.nan, np.nan], [*own, WITH_INITIAL, 2, np.nan, np.nan]]
    found = ranking.stability(pd.DataFrame(rows, columns=list(STABILITY_COLUMNS)))
    row = found.loc[("norm", "relu", "taylor")]
    assert row.tolist() == [3, "0.50 ± 0.20", "20 %", ""]
