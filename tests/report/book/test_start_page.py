"""The start page repeats figures of other chapters, with their cards, if they exist."""

import pytest

from eigenprune.lab.studies import make_study
from eigenprune.report.book.chapters import Exhibit
from eigenprune.report.book.start_page import LEADING, again, overview
from eigenprune.report.provenance.cards import Card
from eigenprune.report.provenance.staleness import Changes

QUICK = "quick/tiny/compare", "fig-tiny-compare-tradeoff"
SETTINGS = {
    "dataset": "digits", "hidden": [8], "activations": ["relu"], "methods": ["post"],
    "seeds": [1], "pruning_ratios": [0.5], "epochs": 1, "retraining_epochs": 1, "batch_size": 9,
    "learning_rate": 0.1, "initialisation": "2022", "held_out": 0,
}  # fmt: skip


def exhibit(label: str, scale: str) -> Exhibit:
    card = Card(scale, (("stage", f"the stage of {label}"),), Changes(), "1 run")
    return Exhibit("fig", label, f"Caption of {label}.", card, f"What {label} shows.")


@pytest.fixture
def exhibits() -> dict[str, list[Exhibit]]:
    return {
        LEADING[0]: [exhibit("fig-another", "paper"), exhibit(LEADING[1], "paper")],
        QUICK[0]: [exhibit(QUICK[1], "quick")],
    }


def test_a_figure_comes_again_with_its_card_and_its_scale(
    exhibits: dict[str, list[Exhibit]],
) -> None:
    text = again(exhibits, *LEADING)
    _, shown = exhibits[LEADING[0]]
    assert f"```{{figure}} paper/figures/{LEADING[1].removeprefix('fig-')}.svg\n" in text
    assert f":alt: {shown.alt}\n" in text and shown.card.text() in text
    assert f"Paper scale: {shown.caption} From the chapter []({LEADING[0]}.ipynb)." in text
    assert text.count("```{figure}") == 1


def test_what_is_not_there_leaves_no_trace(exhibits: dict[str, list[Exhibit]]) -> None:
    assert again(exhibits, LEADING[0], "fig-unknown") == ""


def test_where_the_paper_is_not_recorded_the_quick_curves_lead(
    exhibits: dict[str, list[Exhibit]],
) -> None:
    tiny = make_study("tiny", SETTINGS, "params.yaml")
    assert "Paper scale" in overview([tiny], exhibits)
    exhibits[LEADING[0]] = []
    text = overview([tiny], exhibits)
    assert "Quick scale: Caption of fig-tiny-compare-tradeoff." in text
    assert "[comparison](quick/tiny/compare.ipynb)" in text
