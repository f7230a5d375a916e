"""The picture of all methods: every number in it, the best first, the same bytes every time."""

from pathlib import Path

import pandas as pd
import pypdf
import pytest
from matplotlib.axes import Axes

from eigenprune.lab.errors import UserError
from eigenprune.report import figures
from eigenprune.report.arena.averages import over_activations, points
from eigenprune.report.arena.heatmap import heatmap

WORDS = {"none": "as it is", "fine-tuned": "retrained"}


pytestmark = pytest.mark.usefixtures("styled")


@pytest.fixture
def means(rivals: pd.DataFrame) -> pd.DataFrame:
    found = points(over_activations(rivals))
    return found[found["activation"] == "all"]


def rows(panel: Axes) -> list[str]:
    return [label.get_text() for label in panel.get_yticklabels()]


def test_every_accuracy_stands_in_its_cell(means: pd.DataFrame) -> None:
    panels = heatmap(means, WORDS).axes[:2]
    assert [panel.get_title() for panel in panels] == list(WORDS.values())
    ratios = sorted(means["pruning_ratio"].unique())
    for panel, retraining in zip(panels, WORDS, strict=True):
        cells = {text.get_position(): text.get_text() for text in panel.texts}
        expected = {
            (ratios.index(row.pruning_ratio), rows(panel).index(row.method)):
            f"{100 * row.accuracy_mean:.2f}"
            for row in means[means["retraining"] == retraining].itertuples()
        }  # fmt: skip
        assert cells == expected


def test_the_best_stand_first_and_those_that_lack_a_ratio_last(means: pd.DataFrame) -> None:
    lacks = (means["method"] == "weight norm") & (means["pruning_ratio"] == 0.95)
    panel = heatmap(means[~lacks], {"none": "as it is"}).axes[0]
    assert rows(panel)[0] == "eigenvalue, lasso"
    assert rows(panel)[-2:] == ["random", "weight norm"]


def test_what_loses_more_is_darker_and_what_gains_is_as_light_as_what_loses_nothing() -> None:
    means = pd.DataFrame(
        {
            "method": ["gains", "even", "loses", "collapses"],
            "family": "data",
            "retraining": "none",
            "pruning_ratio": 0.5,
            "accuracy_mean": [0.99, 0.9, 0.8, 0.1],
            "lost": [-0.09, 0.0, 0.1, 0.8],
        }
    )
    [cells] = heatmap(means, {"none": "as it is"}).axes[0].collections
    gains, even, loses, collapses = cells.to_rgba(cells.get_array())[:, 0, :3].sum(axis=1)
    assert gains == even > loses > collapses


def test_the_colour_is_that_of_the_seeds_of_the_cell_and_none_where_nothing_is_known() -> None:
    """Two methods of equal accuracy, with seeds whose unpruned networks differ."""
    means = pd.DataFrame(
        {
            "method": ["lucky", "unlucky", "unknown"],
            "family": "data",
            "retraining": "none",
            "pruning_ratio": 0.5,
            "accuracy_mean": 0.9,
            "lost": [0.0, 0.02, float("nan")],
        }
    )
    panel = heatmap(means, {"none": "as it is"}).axes[0]
    [cells] = panel.collections
    colours = dict(zip(rows(panel), cells.to_rgba(cells.get_array())[:, 0], strict=True))
    assert colours["lucky"][:3].sum() > colours["unlucky"][:3].sum()
    assert colours["unknown"][3] == 0
    assert {text.get_text() for text in panel.texts} == {"90.00"}


def test_rows_are_equally_high_where_a_panel_has_fewer(means: pd.DataFrame) -> None:
    few = (means["retraining"] == "none") | (means["method"] == "taylor")
    one, other = heatmap(means[few], WORDS).axes[:2]
    assert len(rows(one)) > len(rows(other)) == 1
    assert one.get_ylim() == other.get_ylim()


def test_a_method_that_was_not_pruned_has_no_row(means: pd.DataFrame) -> None:
    unpruned = means["pruning_ratio"] == 0
    panel = heatmap(means[unpruned | (means["method"] != "taylor")], WORDS).axes[0]
    assert "taylor" not in rows(panel)
    with pytest.raises(UserError, match="the table has no pruned network"):
        heatmap(means[unpruned], WORDS)


def test_the_same_table_is_the_same_file(means: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        figures.save(heatmap(means, WORDS), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_it_is_made_of_lines_and_letters_not_of_dots(means: pd.DataFrame, tmp_path: Path) -> None:
    figure = heatmap(means, WORDS)
    figure.savefig(tmp_path / "cells.pdf")
    figure.axes[0].imshow([[0]])
    figure.savefig(tmp_path / "dots.pdf")
    [cells, dots] = [pypdf.PdfReader(tmp_path / f"{name}.pdf") for name in ("cells", "dots")]
    assert len(cells.pages[0].images) == 0
    assert len(dots.pages[0].images) == 1
