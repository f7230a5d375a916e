"""Tables to read: the same numbers as in the tables they are made of, rounded and written out."""

import pandas as pd

from eigenprune.report import leaderboard as boards
from eigenprune.report import rival_tables


def test_the_leaderboard_says_what_it_was_given(rivals: pd.DataFrame) -> None:
    board = boards.leaderboard(rivals, ratios=[0.9])
    board = board[(board["activation"] == "all") & (board["retraining"] == "none")]
    table = rival_tables.leaderboard(board)
    last, numbers = table.loc[("0.9", 6)], board.iloc[-1]
    assert (last["method"], last["family"], last["verdict"]) == ("random", "control", "worse")
    mean, std = 100 * numbers["accuracy_mean"], 100 * numbers["accuracy_std"]
    assert last["accuracy"] == f"{mean:.2f} ± {std:.2f}" and last["lost"].startswith("49.9")
    assert (last["nodes"], last["parameters"], last["MACs"]) == ("10", "740", "740")
    difference, low, high = (100 * numbers[name] for name in ("difference", "low", "high"))
    assert last["against it"] == f"{difference:+.2f} [{low:+.2f}, {high:+.2f}]"
    assert last["p"] == "< 0.001"
    assert table["p"].iloc[0] == f"{board['p'].iloc[0]:.3f}"


def test_what_is_not_known_is_left_empty(rivals: pd.DataFrame) -> None:
    alone = rivals[(rivals["method"] == "taylor") & (rivals["pruning_ratio"] > 0)]
    table = rival_tables.leaderboard(boards.leaderboard(alone[alone["seed"] == 1]))
    assert (table[["lost", "rival", "against it", "p"]] == "").all().all()
    assert not table["accuracy"].str.contains("±|nan").any()


def test_compute_is_in_minutes(rivals: pd.DataFrame) -> None:
    table = rival_tables.compute_spent(boards.compute_spent(rivals))
    row = table.loc[("digits", "100", "fine-tuned", "eigenvalue, lasso")]
    assert row.tolist() == [50, "20.8", "25.0"]


def test_checks_say_what_they_were_given() -> None:
    row = ["digits", "10", "taylor", "inverted", "hurt", 5, -0.25, -0.3, -0.2, 0.0123, -1.0, "yes"]
    names = ["dataset", "hidden", "score", "check", "must", "n", "difference", "low", "high", "p"]
    judged = pd.DataFrame([row], columns=[*names, "rank_correlation", "behaves"])
    table = rival_tables.behaviour(judged)
    found = table.loc[("taylor", "inverted")].tolist()
    assert found == ["hurt", "-25.00 [-30.00, -20.00]", "0.012", "-1.00", "yes"]
