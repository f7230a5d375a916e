"""How much of the published curves is compared and agrees: what is missing cannot hide."""

from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.studies import Study, change_study, load_params
from eigenprune.report.comparison import coverage, tables
from eigenprune.report.comparison.agreement import compare_study
from eigenprune.report.comparison.published import (
    SETTINGS,
    UNCERTAIN,
    all_settings,
    other_settings,
    points_at,
)

ONE = [("mnist", "2000")]


@pytest.fixture
def study(root: Path) -> Study:
    return load_params(root / "params.yaml").study("mnist-1x2000")


def published_again(
    study: Study, method: str, ratios: int = 19, shift: float = 0.0
) -> pd.DataFrame:
    """A tidy table with the published means of a relu curve, all moved by `shift`."""
    there = points_at(study.dataset, study.widths)
    there = there[(there["activation"] == "relu") & (there["method"] == method)].head(ratios)
    network = [study.name, study.dataset, study.widths, "relu", method, 1]
    rows = [
        [*network, ratio, 100, 1000, mean + shift, 0.1]
        for ratio, mean in zip(there["pruning_ratio"], there["accuracy_mean"], strict=True)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def counts(covered: pd.DataFrame) -> dict[str, list[int]]:
    relu = covered[covered["activation"] == "relu"]
    return {
        row["method"]: [row[name] for name in coverage.COUNTS] for row in relu.to_dict("records")
    }


def test_published_points_without_ours_are_counted_and_named(study: Study) -> None:
    curves = pd.concat([published_again(study, "direct"), published_again(study, "post", ratios=5)])
    covered = coverage.coverage(compare_study(study, curves), ONE)
    assert counts(covered) == {"direct": [19, 19, 19], "post": [19, 5, 5], "pre": [19, 0, 0]}
    [row] = coverage.shares(covered).to_dict("records")
    assert (row["published"], row["compared"], row["share"]) == (6 * 19, 24, 1)
    [told] = coverage.gaps(covered)
    assert "nothing of ours yet for mnist relu pre, mnist tanh direct" in told
    assert "a part for mnist relu post (5 of 19 points)" in told and "relu direct" not in told
    assert coverage.aim_sentence(covered).endswith("reached so far")


def test_published_points_at_ratio_one_are_counted_and_not_compared(study: Study) -> None:
    covered = coverage.coverage(compare_study(study, published_again(study, "direct")), ONE)
    [told] = coverage.not_compared(covered)  # three methods with relu and tanh, on one dataset
    assert told.startswith("one hidden layer, 2000: 6 published points at ratio 1 are not compared")
    assert coverage.not_compared(covered.assign(hidden="300")) == []


def test_points_that_disagree_lower_the_share(study: Study) -> None:
    curves = pd.concat([published_again(study, "direct"), published_again(study, "pre", shift=0.2)])
    covered = coverage.coverage(compare_study(study, curves), ONE)
    assert counts(covered)["pre"] == [19, 19, 0]
    assert coverage.shares(covered)["share"].tolist() == [0.5]
    assert "not reached" in coverage.aim_sentence(covered)
    assert tables.shares(covered, covered)["share"].tolist() == ["50.0 %"]


def test_the_aim_is_not_reached_by_rounding(study: Study) -> None:
    rows = [["2000", "mnist", "relu", "direct", 1000, 1000, agree] for agree in (949, 950)]
    told = [
        coverage.aim_sentence(pd.DataFrame([row], columns=[*coverage.CURVE, *coverage.COUNTS]))
        for row in rows
    ]
    assert "94.9 %" in told[0] and told[0].endswith(", not reached")
    assert "95.0 %" in told[1] and told[1].endswith("%, reached")


OTHERS = {
    "epochs": 50,
    "retraining_epochs": 10,
    "batch_size": 100,
    "learning_rate": 0.01,
    "initialisation": "ones",
    "held_out": 0.1,
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_study_with_another_setting_counts_in_no_share(study: Study, setting: str) -> None:
    other = change_study(study, {setting: OTHERS[setting]})
    points = compare_study(other, published_again(other, "direct"))
    assert len(points) == 19 and setting.replace("_", " ") in points["other_settings"].iloc[0]
    assert coverage.coverage(points, ONE)["compared"].sum() == 0


def test_the_studies_of_the_paper_have_the_published_settings(root: Path, study: Study) -> None:
    assert other_settings(study) == ""
    shorter = load_params(root / "params.yaml").study("fashion-mnist-1x2000-75-epochs")
    assert other_settings(shorter) == "epochs 75 (published: 100)"


def test_a_point_of_two_studies_counts_once_and_agrees_in_both(study: Study) -> None:
    points = [
        compare_study(study, published_again(study, "direct", shift=shift)) for shift in (0, 0.2)
    ]
    covered = coverage.coverage(pd.concat(points), ONE)
    assert counts(covered)["direct"] == [19, 19, 0]


def test_each_width_of_three_layers_has_a_share_of_its_own(study: Study) -> None:
    wide = change_study(study, {"hidden": [800] * 3})
    points = compare_study(wide, published_again(wide, "direct"))
    covered = coverage.coverage(points, all_settings(["500-500-500", wide.widths, "300"]))
    table = coverage.shares(covered).set_index("hidden")
    assert table["compared"].to_dict() == {"2000": 0, "500-500-500": 0, "800-800-800": 19}
    assert table.loc["500-500-500", "published"] == table.loc["800-800-800", "published"] == 171
    assert UNCERTAIN in {widths for _, widths in all_settings(["300"])}
    assert coverage.coverage(points, [("digits", "8")]).empty


def test_nothing_compared_is_said(study: Study) -> None:
    none = coverage.coverage(compare_study(study, published_again(study, "direct", ratios=0)), ONE)
    assert coverage.aim_sentence(none) == "one hidden layer: no published point is compared yet"
    assert tables.shares(none, none)["share"].tolist() == [""]


@pytest.mark.parametrize(("shift", "told"), [(0.0, "19 of 19"), (0.4, "0 of 19")])
def test_by_the_spreads_a_point_of_two_studies_counts_once_too(
    study: Study, shift: float, told: str
) -> None:
    other = change_study(study, {"seeds": [2]})
    points = [
        compare_study(study, published_again(study, "post")),
        compare_study(other, published_again(other, "post", shift=shift)),
    ]
    assert tables.by_spread(pd.concat(points))["post"].tolist() == [told]
