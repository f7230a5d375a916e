"""What methods cost against what they lose."""

import pandas as pd
import pytest

from eigenprune.lab.errors import UserError
from eigenprune.report.arena import rival_figures
from eigenprune.report.arena.leaderboard import leaderboard

pytestmark = pytest.mark.usefixtures("styled")


def test_unbeaten_methods_are_the_pareto_front() -> None:
    rows = [("a", 1, 0.5), ("b", 2, 0.3), ("c", 2, 0.4), ("d", 3, 0.3), ("e", 9, 0.1)]
    board = pd.DataFrame(rows, columns=["method", "seconds", "lost"])
    found = rival_figures.unbeaten(board.sample(frac=1, random_state=1))
    unbeaten = [
        name
        for name, seconds, lost in rows
        if not any(a <= seconds and b <= lost and (a, b) != (seconds, lost) for _, a, b in rows)
    ]
    assert found["method"].tolist() == unbeaten == ["a", "b", "e"]


def test_compute_is_drawn_against_loss_for_every_ratio(rivals: pd.DataFrame) -> None:
    board = leaderboard(rivals)
    board = board[board["activation"] == "all"]
    figure = rival_figures.compute_against_loss(board[board["retraining"] == "none"])
    titles = [panel.get_title() for panel in figure.axes]
    assert titles == [f"pruning ratio {ratio}" for ratio in (0.5, 0.8, 0.9, 0.95)]
    drawn = [line for line in figure.axes[2].get_lines() if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in drawn) == 6
    assert [text.get_text() for text in figure.axes[2].texts] == ["1"]
    legend = figure.legends[0]
    first = [text.get_text() for text in legend.texts].index("weight norm")
    assert legend.legend_handles[first].get_marker() == "$1$"


def test_without_an_unpruned_network_nothing_can_be_drawn(rivals: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="nothing to draw"):
        rival_figures.compute_against_loss(leaderboard(rivals).assign(lost=float("nan")))


def test_every_activation_of_a_pair_is_drawn() -> None:
    names = ["tanh", "elu", "relu", "gelu", "selu", "silu", "sigmoid", "mish"]
    rows = [
        {"pair": "a − b", "activation": name, "pruning_ratio": 0.5, "difference": 0.1,
         "low": 0.0, "high": 0.2, "verdict": "open"}
        for name in names
    ]  # fmt: skip
    figure = rival_figures.differences_of_pairs(pd.DataFrame(rows))
    told = " ".join(text.get_text() for text in figure.legends[0].texts)
    assert [name for name in names if f"{name}, not told" not in told] == []
