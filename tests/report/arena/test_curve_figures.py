"""Curves of many methods: few lines per panel, nothing left out, the same bytes every time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from eigenprune.lab.errors import UserError
from eigenprune.report import figures
from eigenprune.report.arena import curve_figures
from eigenprune.report.arena.averages import over_activations, points

pytestmark = pytest.mark.usefixtures("styled")


@pytest.fixture
def means(rivals: pd.DataFrame) -> pd.DataFrame:
    """Means of the six methods and of seven more that use data."""
    one = rivals[(rivals["method"] == "taylor") & (rivals["retraining"] == "none")]
    more = [
        one.assign(method=f"data {i}", score=f"data {i}", accuracy=one["accuracy"] - 0.01 * i)
        for i in range(1, 8)
    ]
    found = points(over_activations(pd.concat([rivals, *more])))
    return found[(found["activation"] == "all") & (found["retraining"] == "none")]


def lines(figure: Figure) -> dict[str, list[str]]:
    """The labels of each panel's curves, by the panel's title."""
    return {
        panel.get_title(): [str(line.get_label()) for line in panel.get_lines()]
        for panel in figure.axes
    }


def test_every_method_is_drawn_and_no_panel_has_more_than_seven(means: pd.DataFrame) -> None:
    panels = lines(curve_figures.curves_by_family(means))
    assert list(panels) == ["spectral", "weights", "data (1 of 2)", "data (2 of 2)"]
    everywhere = ["eigenvalue, lasso (best spectral)", "random"]
    assert all(labels[:2] == everywhere and len(labels) <= 7 for labels in panels.values())
    own = [label for labels in panels.values() for label in labels[2:]]
    assert sorted([*own, "eigenvalue, lasso", "random"]) == sorted(means["method"].unique())
    # The best methods of a family are in its first panel.
    assert panels["data (1 of 2)"][2:] == ["taylor", "data 1", "data 2", "data 3"]


def test_in_one_panel_no_two_curves_look_alike(means: pd.DataFrame) -> None:
    for panel in curve_figures.curves_by_family(means).axes:
        drawn = panel.get_lines()
        assert len({line.get_color() for line in drawn}) == len(drawn)
        assert len({str(line.get_marker()) for line in drawn}) == len(drawn)


@pytest.mark.parametrize("against", ["pruning_ratio", "parameters_kept"])
def test_curves_are_the_means(means: pd.DataFrame, against: str) -> None:
    panel = curve_figures.curves_by_family(means, against).axes[1]
    [line] = [line for line in panel.get_lines() if line.get_label() == "weight norm"]
    curve = means[means["method"] == "weight norm"]
    assert line.get_xdata().tolist() == curve[against].tolist()
    assert line.get_ydata().tolist() == pytest.approx((100 * curve["accuracy_mean"]).tolist())


def test_all_panels_have_the_same_axes_and_every_point_is_inside(means: pd.DataFrame) -> None:
    means.loc[means["method"] == "random", "parameters_kept"] /= 7
    for against in ("pruning_ratio", "parameters_kept"):
        panels = curve_figures.curves_by_family(means, against).axes
        [(left, right)] = {panel.get_xlim() for panel in panels}
        assert means[against].between(min(left, right), max(left, right)).all()
        # The unpruned network is at the left.
        unpruned = means.loc[means["pruning_ratio"] == 0, against].max()
        assert abs(unpruned - left) < abs(unpruned - right)


def test_panels_come_without_what_the_table_lacks(means: pd.DataFrame) -> None:
    some = means[means["method"].isin(["weight norm", "connectivity"])]
    panels = lines(curve_figures.curves_by_family(some))
    assert panels == {"weights": ["weight norm", "connectivity"]}


def test_the_same_table_is_the_same_file(means: pd.DataFrame, tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        figures.save(curve_figures.curves_by_family(means), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_what_is_not_one_setting_is_refused(rivals: pd.DataFrame, means: pd.DataFrame) -> None:
    everything = points(over_activations(rivals))
    for table, sentence in (
        (everything, "several values of activation"),
        (everything[everything["activation"] == "all"], "in the table twice; choose"),
        (everything.iloc[:0], "nothing to draw"),
    ):
        with pytest.raises(UserError, match=sentence):
            curve_figures.curves_by_family(table)
    with pytest.raises(UserError, match="against: 'nodes_kept'"):
        curve_figures.curves_by_family(means, "nodes_kept")


def test_the_axis_of_accuracies_is_stretched_at_its_upper_end(means: pd.DataFrame) -> None:
    panel = curve_figures.curves_by_family(means).axes[0]

    def height(accuracy: float) -> float:
        return float(panel.transData.transform((0, accuracy))[1])

    # Halving the error moves a point about as far everywhere; zero error lies a little higher.
    halves = [height(100 - error / 2) - height(100 - error) for error in (80, 20, 8, 4)]
    assert max(halves) < 1.1 * min(halves)
    assert height(99.9) < height(100) and np.isfinite(height(100))
    assert height(100) < height(101) == height(110), "a band may reach beyond"


def test_the_curves_fill_the_height_whatever_their_bands(means: pd.DataFrame) -> None:
    wide = means.assign(accuracy_std=0.5)
    for table in (means, wide, means.assign(accuracy_mean=0.3), means.assign(accuracy_mean=1.0)):
        panel = curve_figures.curves_by_family(table).axes[0]
        lowest, highest = (100 * end for end in (table["accuracy_mean"].agg(["min", "max"])))
        (_, below), (_, above) = panel.transAxes.inverted().transform(
            panel.transData.transform([(0, lowest), (0, highest)])
        )
        assert 0 < below < 0.6 and 0.4 < above <= 1
        assert lowest == highest or (below < 0.06 and above > 0.94)


@pytest.mark.parametrize("low, high", [(0.1, 0.99), (0.96, 0.975), (0.7, 0.75), (0.9985, 0.9995)])
def test_there_are_always_numbers_on_the_axis(means: pd.DataFrame, low: float, high: float) -> None:
    spread = np.linspace(low, high, len(means))
    figure = curve_figures.curves_by_family(means.assign(accuracy_mean=spread))
    figure.canvas.draw()
    panel = figure.axes[0]
    bottom, top = panel.get_ylim()
    ticks = [tick for tick in panel.get_yticks() if bottom <= tick <= top]
    assert len(ticks) > 1


def test_a_single_seed_has_no_band(means: pd.DataFrame) -> None:
    def bands(table: pd.DataFrame) -> int:
        return sum(len(panel.collections) for panel in curve_figures.curves_by_family(table).axes)

    assert bands(means) == sum(map(len, lines(curve_figures.curves_by_family(means)).values()))
    assert bands(means.assign(accuracy_std=float("nan"))) == 0


HEADINGS = {"none": "as they are", "fine-tuned": "retrained"}


@pytest.fixture
def both(rivals: pd.DataFrame) -> pd.DataFrame:
    """Means of all methods, retrained and not."""
    found = points(over_activations(rivals))
    return found[found["activation"] == "all"]


def of_five(labels: set[str]) -> set[str]:
    """The labels as in the legend, which adds the number of seeds."""
    return {f"{label} (n=5)" for label in labels}


def test_each_panel_has_the_best_of_each_family(both: pd.DataFrame) -> None:
    figure = curve_figures.best_of_families(both, HEADINGS, {"random": "random"})
    panels = lines(figure)
    assert list(panels) == ["as they are", "retrained"]
    for kind, labels in zip(HEADINGS, panels.values(), strict=True):
        rows = both[(both["retraining"] == kind) & (both["pruning_ratio"] > 0)]
        chosen = rows[rows["family"] != "control"]
        means = chosen.groupby(["family", "method"])["accuracy_mean"].mean().reset_index()
        best = means.sort_values("accuracy_mean").drop_duplicates("family", keep="last")
        wanted = {f"{row.family}: {row.method}" for row in best.itertuples()}
        assert set(labels) == of_five(wanted | {"random"})
        assert labels[0].startswith("spectral: ")


def test_the_best_of_a_family_is_another_where_another_is_better(both: pd.DataFrame) -> None:
    """Control: the choice follows the numbers of its own panel."""
    [first] = {n for n in lines(curve_figures.best_of_families(both, HEADINGS, {}))["retrained"]
               if n.startswith("weights: ")}  # fmt: skip
    chosen = (both["method"] == first.removeprefix("weights: ").removesuffix(" (n=5)")) & (
        both["retraining"] == "fine-tuned"
    )
    worse = both.assign(accuracy_mean=both["accuracy_mean"].where(~chosen, 0.01))
    panels = lines(curve_figures.best_of_families(worse, HEADINGS, {}))
    assert first not in panels["retrained"]
    assert (
        panels["as they are"]
        == lines(curve_figures.best_of_families(both, HEADINGS, {}))["as they are"]
    )


def test_who_lacks_the_highest_ratio_is_not_the_best_for_that(both: pd.DataFrame) -> None:
    alone = both[(both["retraining"] == "none") & (both["pruning_ratio"] > 0)]
    best = alone[alone["method"] == "weight norm"]
    # A little worse everywhere, and missing at the ratios where all methods lose most.
    other = best.assign(method="short", accuracy_mean=best["accuracy_mean"] - 0.001)
    other = other[other["pruning_ratio"] <= 0.5]
    assert other["accuracy_mean"].mean() > best["accuracy_mean"].mean(), "the control"
    [labels] = lines(
        curve_figures.best_of_families(pd.concat([alone, other]), HEADINGS, {})
    ).values()
    assert of_five({"weights: weight norm"}) <= set(labels)


def test_a_landmark_stands_there_once_and_what_is_missing_not_at_all(both: pd.DataFrame) -> None:
    alone = both[both["retraining"] == "none"]
    [[best, *_]] = lines(curve_figures.best_of_families(alone, HEADINGS, {})).values()
    marks = {
        best.removeprefix("spectral: ").removesuffix(" (n=5)"): "the best itself",
        "nobody": "missing",
    }
    [labels] = lines(curve_figures.best_of_families(alone, HEADINGS, marks)).values()
    assert best in labels and not of_five({"the best itself", "missing"}) & set(labels)
    assert not any("control" in label for label in labels)


def test_best_curves_of_what_cannot_be_drawn_are_refused(both: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="nothing to draw"):
        curve_figures.best_of_families(both[both["pruning_ratio"] == 0], HEADINGS, {})
    with pytest.raises(ValueError, match="7 landmarks: 6 at most"):
        curve_figures.best_of_families(both, HEADINGS, dict.fromkeys("abcdefg", ""))
