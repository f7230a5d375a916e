"""Agreement with the published numbers, and paired differences: each check can fail."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from eigenprune.lab.errors import UserError
from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.studies import change_study, load_params
from eigenprune.report.comparison.agreement import (
    agrees_by_spread,
    by_curve,
    compare,
    exchanged_methods,
)
from eigenprune.report.comparison.disagreement import conclusions
from eigenprune.report.comparison.published import published_curves
from eigenprune.report.comparison.tables import by_spread
from eigenprune.report.curves import read_curves
from eigenprune.report.paired import paired_differences

SETTING = ("s", "mnist", "2000", "relu")


def tidy(accuracies: dict[str, dict[float, list[float]]]) -> pd.DataFrame:
    """Accuracies by method and ratio, one for each seed."""
    rows = [
        [*SETTING, method, seed, ratio, 100, 1000, accuracy, 0.1]
        for method, curve in accuracies.items()
        for ratio, found in curve.items()
        for seed, accuracy in enumerate(found, start=1)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def published(method: str, points: dict[float, tuple[float, float]]) -> pd.DataFrame:
    rows = [["mnist", "2000", "relu", method, r, m, s, 5] for r, (m, s) in points.items()]
    names = ["dataset", "hidden", "activation", "method", "pruning_ratio"]
    return pd.DataFrame(rows, columns=[*names, "accuracy_mean", "accuracy_std", "n"])


def test_a_point_agrees_within_three_standard_errors_and_half_a_point() -> None:
    ours, theirs = [0.90, 0.92], (0.94, 0.02)
    points = compare(tidy({"post": {0.1 + 0.2: ours}}), published("post", {0.3: theirs}))
    [point] = points.to_dict("records")
    tolerance = 3 * np.sqrt(np.var(ours, ddof=1) / 2 + 0.02**2 / 5 + 0.005**2)
    assert point["difference"] == pytest.approx(-0.03)
    assert point["tolerance"] == pytest.approx(tolerance)
    assert (point["n"], point["published_n"]) == (2, 5)


@pytest.mark.parametrize(("difference", "agrees"), [(0.0149, True), (-0.0149, True), (0.02, False)])
def test_without_any_spread_one_and_a_half_points_are_the_limit(
    difference: float, agrees: bool
) -> None:
    ours = tidy({"post": {0.5: [0.8 + difference]}})
    points = compare(ours, published("post", {0.5: (0.8, 0.0)}))
    assert points["agrees"].tolist() == [agrees]


def test_by_the_spreads_alone_nothing_is_granted() -> None:
    spread = [0.80, 0.82]  # standard error 0.01: three of them reach 0.81 - 0.03
    ours = tidy({"post": {0.5: spread, 0.6: spread, 0.7: [0.8]}, "pre": {0.5: [0.8]}})
    exact = {0.5: (0.781, 0.0), 0.6: (0.779, 0.0), 0.7: (0.801, 0.0)}
    both = pd.concat([published("post", exact), published("pre", {0.5: (0.8, 0.0)})])
    points = compare(ours, both)
    assert points["agrees"].all()
    assert agrees_by_spread(points).tolist() == [True, False, False, True]
    table = by_spread(points.assign(other_settings=""))
    assert table.loc["one hidden layer, 2000"].to_dict() == {"post": "1 of 3", "pre": "1 of 1"}
    assert by_spread(points.assign(other_settings="other epochs")).empty


def test_a_curve_is_summed_up_by_its_share_and_its_worst_point() -> None:
    ours = tidy({"post": {0.1: [0.9] * 2, 0.5: [0.8] * 2, 0.9: [0.5] * 2}, "pre": {0.5: [0.9]}})
    theirs = published("post", {0.1: (0.9, 0.0), 0.5: (0.81, 0.0), 0.9: (0.6, 0.0), 0.95: (0, 0)})
    [curve] = by_curve(compare(ours, theirs)).to_dict("records")
    assert (curve["points"], curve["agree"], curve["n"]) == (3, 2, 2)
    assert curve["share"] == pytest.approx(2 / 3)
    assert (curve["worst_ratio"], curve["worst"]) == (0.9, pytest.approx(-0.1))
    assert curve["median"] == pytest.approx(0.01)


def test_studies_that_share_all_but_a_hidden_setting_are_told_apart() -> None:
    ours, theirs = tidy({"post": {0.5: [0.9]}}), published("post", {0.5: (0.9, 0.0)})
    points = pd.concat([compare(ours, theirs), compare(ours.assign(study="shorter"), theirs)])
    assert by_curve(points)["study"].tolist() == ["s", "shorter"]


def test_nothing_in_common_is_no_points() -> None:
    none = compare(tidy({"post": {0.5: [0.8]}}), published("direct", {0.5: (0.8, 0.0)}))
    assert none.empty and by_curve(none).empty


def test_published_points_of_the_same_width(root: Path) -> None:
    params = load_params(root / "params.yaml")
    one = params.study("mnist-1x500")
    assert published_curves(one, same_width=True).empty
    assert len(published_curves(change_study(one, {"hidden": [2000]}), same_width=True)) > 100
    for widths, there in (([800, 800, 800], True), ([800, 400, 800], False)):
        points = published_curves(change_study(one, {"hidden": widths}), same_width=True)
        assert points.empty != there


def test_a_paired_difference_is_that_of_the_paired_t_test() -> None:
    post, direct = [0.90, 0.85, 0.95], [0.89, 0.82, 0.94]
    curves = tidy({"post": {0.5: post}, "direct": {0.5: direct}})
    [row] = paired_differences(curves, "post", "direct").to_dict("records")
    interval = stats.ttest_rel(post, direct).confidence_interval(0.95)
    assert (row["n"], row["difference"]) == (3, pytest.approx(5 / 300))
    assert (row["low"], row["high"]) == pytest.approx(tuple(interval))
    assert row["p"] == pytest.approx(stats.ttest_rel(post, direct).pvalue)


def test_only_shared_seeds_count_and_one_is_not_enough() -> None:
    curves = tidy({"post": {0.5: [0.9, 0.8, 0.7], 0.9: [0.5]}, "direct": {0.5: [0.8, 0.6]}})
    assert paired_differences(curves, "post", "direct")["n"].tolist() == [2]
    assert paired_differences(curves, "post", "small").empty


def test_verdicts_need_what_is_left_after_correction() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, (20, 5))
    direct = {round(0.01 * k, 2): list(0.8 + noise[k]) for k in range(20)}
    post = {ratio: list(np.array(a) + rng.normal(0, 0.01, 5)) for ratio, a in direct.items()}
    post[0.0] = list(np.array(direct[0.0]) + 0.1 + rng.normal(0, 0.001, 5))
    post[0.01] = list(np.array(direct[0.01]) - 0.1 + rng.normal(0, 0.001, 5))
    table = paired_differences(tidy({"post": post, "direct": direct}), "post", "direct")
    assert table["verdict"].tolist() == ["better", "worse"] + ["open"] * 18


def test_the_unpruned_networks_do_not_lower_the_bar_for_the_pruned() -> None:
    rng = np.random.default_rng(3)
    direct = {0.1 * k: list(0.8 + rng.normal(0, 0.01, 5)) for k in range(1, 6)}
    post = {ratio: list(np.array(a) + rng.normal(0, 0.01, 5)) for ratio, a in direct.items()}
    pruned = paired_differences(tidy({"post": post, "direct": direct}), "post", "direct")
    post[0.0] = list(np.array([0.81] * 5) + rng.normal(0, 1e-4, 5))
    with_control = {"post": post, "direct": {**direct, 0.0: [0.8] * 5}}
    table = paired_differences(tidy(with_control), "post", "direct")
    assert table["p"].iloc[-1] < 1e-4 and table["verdict"].iloc[-1] == "better"
    pd.testing.assert_frame_equal(table.iloc[:-1], pruned)


@pytest.mark.parametrize(("post", "direct"), [((0.9, 0.8), (0.8, 0.7)), ((0.9,) * 2, (0.9,) * 2)])
def test_without_a_spread_nothing_is_claimed(
    post: tuple[float, float], direct: tuple[float, float]
) -> None:
    """The first pair differs by 0.1 for both seeds, but not by the same float."""
    curves = tidy({"post": {0.5: list(post)}, "direct": {0.5: list(direct)}})
    [row] = paired_differences(curves, "post", "direct").to_dict("records")
    assert row["difference"] == pytest.approx(post[0] - direct[0])
    assert np.isnan(row["low"]) and np.isnan(row["high"])
    assert np.isnan(row["p"]) and row["verdict"] == "not tested"


def test_a_network_that_stands_twice_is_refused() -> None:
    curves = tidy({"post": {0.5: [0.9, 0.8]}, "direct": {0.5: [0.8, 0.7]}})
    with pytest.raises(UserError, match=r"mnist, 2000, relu, 0\.5, 1, post: .* twice"):
        paired_differences(pd.concat([curves, curves.assign(study="other")]), "post", "direct")


def test_the_right_method_agrees_better_than_the_wrong_one(root: Path) -> None:
    """On the recorded results: the check of agreement could have failed."""
    published = published_curves(
        load_params(root / "params.yaml").study("mnist-1x2000"), same_width=True
    )
    curves = read_curves(root / "results/paper/mnist-1x2000/curves.csv")
    curves = curves[curves["method"].isin(["direct", "post"])]  # `pre` is not exchanged
    right = compare(curves, published)
    exchanged = compare(curves, exchanged_methods(published))
    assert len(right) == len(exchanged) > 0
    assert right["agrees"].mean() > 0.9 > 0.8 > exchanged["agrees"].mean()


def test_what_does_not_agree_is_named_with_what_was_tried() -> None:
    names = ["dataset", "hidden", "activation", "method", "agrees"]
    found = {("mnist", "relu"): True, ("mnist", "tanh"): False, ("fashion-mnist", "tanh"): False}
    rows = [
        [dataset, "2000", activation, method, agrees or method == "post"]
        for (dataset, activation), agrees in found.items()
        for method in ("direct", "post")
    ]
    points = pd.DataFrame(rows, columns=names).assign(other_settings="")
    tried = points[points["dataset"].eq("mnist") & points["activation"].eq("tanh")]
    half, most = (tried.assign(other_settings=f"epochs {n}") for n in (50, 75))
    others = pd.concat([half.assign(agrees=True), most])
    assert conclusions(points, others) == [
        "2 of 6 points compared do not agree, in 2 settings: mnist, 2000, tanh (1); "
        "fashion-mnist, 2000, tanh (1)",
        "mnist, 2000, tanh, with epochs 50: 2 of 2 points compared (direct and post) agree",
        "mnist, 2000, tanh, with epochs 75: 1 of 2 points compared (direct and post) agree",
        "fashion-mnist, 2000, tanh: no other settings were tried",
        "settings other than the published ones were tried with mnist tanh alone",
        "what else may cause the disagreement is not known",
    ]
    assert "no settings" in conclusions(points, others[:0])[-2]
    # What agrees as published was tried with other settings too, and must not contradict them.
    relu = points.assign(activation="relu", agrees=True)
    tried = others.assign(activation="relu", agrees=False)
    said = conclusions(pd.concat([points, relu]), pd.concat([others, tried]))
    assert (
        "mnist, 2000, relu, with epochs 50: 0 of 2 points compared (direct and post) agree" in said
    )
    assert conclusions(points.assign(agrees=True), others) == [
        "every point that is compared agrees"
    ]
