"""Sanity checks on trained networks: each curve is what its check says, on the same networks."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from eigenprune import saliency
from eigenprune.lab import datasets, protocols
from eigenprune.lab.checks import CHECK_COLUMNS, CHECKS, check_curves
from eigenprune.lab.errors import UserError
from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.scores import score_curves
from eigenprune.lab.studies import Study
from eigenprune.lab.sweep import run_study


@pytest.fixture(scope="module")
def study(tiny: Study) -> Study:
    return replace(tiny, hidden=(12, 10), seeds=(1, 2), epochs=10, pruning_ratios=(0.5,))


@pytest.fixture
def found(study: Study) -> pd.DataFrame:
    return check_curves(
        study, ["eigenvalue", "weight_norm", "taylor", "iterative_synflow", "random"]
    )


def of(table: pd.DataFrame, check: str, score: str | None = None) -> pd.DataFrame:
    chosen = table[(table["check"] == check) & (table["pruning_ratio"] > 0)]
    return chosen if score is None else chosen[chosen["method"] == score]


def test_every_check_is_there_and_as_is_is_the_curve_of_the_score(
    study: Study, found: pd.DataFrame
) -> None:
    assert tuple(found.columns) == CHECK_COLUMNS and not found.duplicated().any()
    assert set(found["check"]) == set(CHECKS)
    assert len(found) == 2 * 5 * len(CHECKS) * 2
    as_is = found[found["check"] == "as is"]
    for score in ("eigenvalue", "taylor", "random"):
        own = as_is.loc[as_is["method"] == score, list(COLUMNS)].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, score_curves(study, [score]))


def test_all_checks_keep_as_many_nodes(found: pd.DataFrame) -> None:
    assert found.groupby("pruning_ratio")["nodes_kept"].nunique().eq(1).all()
    for score, own in found.groupby("method"):
        sizes = [of(own, check)["parameters_kept"].tolist() for check in CHECKS[:3]]
        # The same number in each layer, where only the mask or the weights are changed.
        assert sizes[0] == sizes[1] == sizes[2], score


def test_redrawn_and_inverted_networks_are_worse(found: pd.DataFrame) -> None:
    as_is = of(found, "as is", "weight_norm")["accuracy"].mean()
    assert of(found, "inverted", "weight_norm")["accuracy"].mean() < as_is
    assert of(found, "redrawn weights", "weight_norm")["accuracy"].mean() < as_is


def test_only_the_scores_that_look_follow_the_data(found: pd.DataFrame) -> None:
    correlations = of(found, "corrupted data").groupby("method")["rank_correlation"].max()
    assert correlations["taylor"] < 0.999
    assert (correlations.drop("taylor") > 0.999999).all()


def test_only_the_eigenvalues_follow_the_gauge(found: pd.DataFrame) -> None:
    correlations = of(found, "other gauge").groupby("method")["rank_correlation"].max()
    assert correlations["eigenvalue"] < 0.999
    assert (correlations.drop("eigenvalue") > 0.999999).all()
    for score in ("weight_norm", "taylor"):
        one, other = of(found, "as is", score), of(found, "other gauge", score)
        assert one["accuracy"].tolist() == other["accuracy"].tolist()
    unpruned = found[found["pruning_ratio"] == 0].groupby(["seed", "check"])["accuracy"].first()
    assert unpruned[1, "other gauge"] == unpruned[1, "as is"]


def test_what_is_not_scored_anew_keeps_its_ranking(found: pd.DataFrame) -> None:
    for check, wanted in (("as is", 1), ("shuffled mask", 1), ("redrawn weights", 1),
                          ("inverted", -1)):  # fmt: skip
        assert of(found, check)["rank_correlation"].tolist() == pytest.approx([wanted] * 10)


def test_retraining_is_that_of_the_protocol(study: Study) -> None:
    found = check_curves(study, ["eigenvalue"], retrained=True)
    own = found.loc[found["check"] == "as is", list(COLUMNS)].assign(method="post-retrained")
    protocol = run_study(replace(study, methods=("post-retrained",)))
    pd.testing.assert_frame_equal(own.reset_index(drop=True), protocol)
    plain = check_curves(study, ["eigenvalue"])
    redrawn = [of(table, "redrawn weights")["accuracy"].mean() for table in (plain, found)]
    assert redrawn[0] < redrawn[1]


def test_a_ranking_in_each_layer_keeps_the_same_share_of_each(study: Study) -> None:
    found = check_curves(study, ["eigenvalue"], scope="layer")
    assert found.groupby("pruning_ratio")["parameters_kept"].nunique().eq(1).all()


def flat(model: nn.Sequential) -> list[Tensor]:
    return [torch.ones(12), torch.ones(10)]


def test_dense_networks_have_no_gauge_and_equal_scores_no_ranking(study: Study) -> None:
    found = check_curves(study, [flat], method="direct")
    assert set(found["check"]) == set(CHECKS) - {"other gauge"}
    assert set(found["method"]) == {"flat"} and found["rank_correlation"].isna().all()


def test_a_score_sees_the_same_examples_corrupted_and_not(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(model: nn.Sequential, inputs: Tensor, targets: Tensor) -> list[Tensor]:
        seen.append((inputs, targets))
        return saliency.taylor(model, inputs, targets)

    monkeypatch.setattr(protocols, "SCORING_ROWS", 7)
    monkeypatch.setitem(saliency.SCORES, "taylor", look)
    check_curves(replace(study, seeds=(1,), held_out=0.5), ["taylor"])
    (as_is, targets), (corrupted, same), (gauge, _) = seen
    trained_with = datasets.held_out("digits", Path(), 0.5).train_inputs
    assert torch.equal(as_is, trained_with[:7]) and torch.equal(as_is, gauge)
    assert torch.equal(targets, same) and not torch.equal(as_is, corrupted)
    assert torch.equal(as_is.sort(dim=0).values, corrupted.sort(dim=0).values)


def test_what_cannot_be_checked_is_refused(study: Study) -> None:
    with pytest.raises(UserError, match="did you mean 'eigenvalue'"):
        check_curves(study, ["eigenvalu"])
    with pytest.raises(UserError, match="scope: 'layers' is not allowed; allowed: global, layer"):
        check_curves(study, ["eigenvalue"], scope="layers")
    with pytest.raises(UserError, match="method: 'pre' is not allowed"):
        check_curves(study, ["eigenvalue"], method="pre")
