"""Sanity checks on trained networks: each curve is what its check says, on the same networks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from eigenprune import importance, saliency, sanity
from eigenprune.lab import datasets, protocols, rivals
from eigenprune.lab.checks import CHECK_COLUMNS, CHECKS, SHUFFLES, check_curves, method_checks
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution.sweep import run_study
from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.runs import Training
from eigenprune.lab.scores import score_curves
from eigenprune.lab.studies import Params, Study, change_study


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
    assert set(of(found, "corrupted data")["method"]) == {"taylor"}  # the others see no data
    assert len(found) == 2 * (5 * (len(CHECKS) - 1) + 1) * 2
    as_is = found[found["check"] == "as is"]
    for score in ("eigenvalue", "taylor", "random"):
        own = as_is.loc[as_is["method"] == score, list(COLUMNS)].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, score_curves(study, [score]))


def test_all_checks_keep_as_many_nodes(found: pd.DataFrame) -> None:
    assert found.groupby("pruning_ratio")["nodes_kept"].nunique().eq(1).all()
    for score, own in found.groupby("method"):
        sizes = [of(own, check)["parameters_kept"].tolist() for check in CHECKS[:3]]
        # Each layer keeps as many nodes if only the mask or the weights are changed.
        assert sizes[0] == sizes[1] == sizes[2], score


def test_redrawn_and_inverted_networks_are_worse(found: pd.DataFrame) -> None:
    as_is = of(found, "as is", "weight_norm")["accuracy"].mean()
    assert of(found, "inverted", "weight_norm")["accuracy"].mean() < as_is
    assert of(found, "redrawn weights", "weight_norm")["accuracy"].mean() < as_is


def test_a_score_that_looks_follows_the_data(found: pd.DataFrame) -> None:
    assert of(found, "corrupted data")["rank_correlation"].max() < 0.999


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


def flat(model: nn.Sequential) -> list[Tensor]:
    return [torch.ones(12), torch.ones(10)]


def test_dense_networks_have_no_gauge_and_equal_scores_no_ranking(study: Study) -> None:
    found = check_curves(study, [flat], method="direct")
    assert set(found["check"]) == set(CHECKS) - {"corrupted data", "other gauge"}
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
    with pytest.raises(UserError, match="method: 'pre' is not allowed"):
        check_curves(study, ["eigenvalue"], method="pre")


RIVALS = {
    "chance": {"score": "random"},
    "norm": {"score": "weight_norm"},
    "norm-by-layer": {"score": "weight_norm", "scope": "layer"},
    "taylor": {"score": "taylor"},
    "gain": {"score": "eigenvalue", "layer": "spectral"},
    "decayed": {"score": "weight_norm", "regulariser": "l2", "strengths": [0.001, 1]},
    "shrunk": {"score": "weight_norm", "regulariser": "norm_pruning", "strengths": "ratio"},
    "averaged": {"score": "weight_norm", "regulariser": "averaging", "strengths": [0.9]},
    "snip": {"score": "snip", "before": True},
    "flow": {"score": "iterative_synflow", "before": True},
}


SMALL = {"epochs": 3, "hidden": [12, 10], "seeds": [1], "batch_size": 200}


@pytest.fixture
def arena(arena_project: Callable[..., Params]) -> Study:
    return arena_project(studies={"s": SMALL}, rivals=RIVALS).study("s")


def checked(study: Study, *methods: str, checks: Sequence[str] = CHECKS) -> pd.DataFrame:
    found = method_checks(change_study(study, {"methods": list(methods)}), checks)
    assert tuple(found.columns) == CHECK_COLUMNS
    return found


def test_every_method_as_it_is_is_its_own_run(arena: Study) -> None:
    """Its own networks, score, scope and training give the rows of the arena, number for number."""
    names = [n for name in RIVALS for n in (name, f"{name}-retrained") if n in arena.methods]
    found = checked(arena, *names, checks=["as is"])
    assert set(found["method"]) == set(names) and set(found["check"]) == {"as is"}
    rows = run_study(change_study(arena, {"methods": names}))
    rows = rows[rows["pruning_ratio"] > 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[list(COLUMNS)], rows)
    assert found.groupby("method")["score"].first()["gain-retrained"] == "eigenvalue"
    assert set(found.loc[found["before"], "method"]) == {"snip", "flow"}


def test_with_nothing_taken_away_every_check_comes_to_the_same(
    arena: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check otherwise computes what the run does: its loss is due to what it takes away."""
    monkeypatch.setattr(sanity, "shuffled", lambda masks, seed: masks)
    monkeypatch.setattr(sanity, "redrawn", lambda model, seed, **how: model)
    retrained = "gain-retrained", "shrunk-retrained"
    found = checked(arena, "norm", "norm-by-layer", "decayed", "shrunk", *retrained, "snip")
    shuffled, redrawn, as_is = (
        found[found["check"] == name].set_index(["method", "seed"])["accuracy"]
        for name in ("shuffled mask", "redrawn weights", "as is")
    )
    assert len(shuffled) and (shuffled == as_is[shuffled.index]).all()
    # A network that is pruned before training is not trained longer when its weights are redrawn.
    assert redrawn["snip", 1] == as_is["snip", 1]


def test_what_is_drawn_anew_is_trained_as_long_as_the_kept_weights_in_all(
    arena: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def watched(network: Any, run: Training, epochs: int, *more: Any) -> Any:
        asked.append(epochs)
        return network

    monkeypatch.setattr(protocols, "retrained", watched)
    method_checks(change_study(arena, {"methods": ["norm-retrained"]}), ["redrawn weights"])
    as_is = arena.retraining_epochs
    assert set(asked) == {as_is, arena.epochs + as_is}


@pytest.mark.parametrize("name", ["norm", "averaged"])
def test_what_is_drawn_anew_is_trained_as_the_redrawn_method_is(
    arena_project: Callable[..., Params], name: str
) -> None:
    """So it is averaged if the method's own networks were, and otherwise not."""
    entries = {name: RIVALS[name], "anew": {**RIVALS[name], "redrawn": True}}
    study = arena_project(studies={"s": SMALL}, rivals=entries).study("s")
    found = checked(study, f"{name}-retrained", checks=["redrawn weights"])
    redrawn = found[found["check"] == "redrawn weights"]
    rows = run_study(change_study(study, {"methods": ["anew"]}))
    told = ["seed", "pruning_ratio", "accuracy", "loss", "parameters_kept"]
    one, other = (
        t.loc[t["pruning_ratio"] > 0, told].reset_index(drop=True) for t in (redrawn, rows)
    )
    assert len(one)
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize("name", ["norm", "averaged"])
def test_a_score_is_checked_as_the_method_that_has_it(arena: Study, name: str) -> None:
    """Both tables describe the same networks."""
    of_method = checked(arena, name)
    of_score = check_curves(arena, ["weight_norm"], method=name)
    of_score = of_score[of_score["pruning_ratio"] > 0]
    key, told = ["check", "seed", "pruning_ratio"], ["accuracy", "loss", "parameters_kept"]
    for check in ("as is", "shuffled mask", "inverted"):
        one, other = (
            table[table["check"] == check].set_index(key)[told] for table in (of_method, of_score)
        )
        assert len(one)
        pd.testing.assert_frame_equal(one, other)


def test_a_shuffled_mask_keeps_the_shares_of_the_layers_that_the_method_has(arena: Study) -> None:
    found = checked(arena, "norm", "norm-by-layer", "snip", checks=["shuffled mask"])
    sizes = found.pivot(index=["method", "seed"], columns="check", values="parameters_kept")
    assert (sizes["as is"] == sizes["shuffled mask"]).all()
    assert sizes.loc[("norm", 1), "as is"] != sizes.loc[("norm-by-layer", 1), "as is"]
    accuracy = found.pivot(index=["method", "seed"], columns="check", values="accuracy")
    assert (accuracy["as is"] != accuracy["shuffled mask"]).any()


def test_what_is_fitted_anew_is_not_checked(arena: Study) -> None:
    with pytest.raises(UserError, match="'norm-reconstructed' is fitted anew: check 'norm'"):
        method_checks(change_study(arena, {"methods": ["norm-reconstructed"]}))


def test_what_is_redrawn_already_is_not_checked(arena_project: Callable[..., Params]) -> None:
    entries = {"anew": {"score": "weight_norm", "redrawn": True}}
    study = arena_project(studies={"all": {"methods": ["anew"]}}, rivals=entries).study("all")
    with pytest.raises(UserError, match="'anew' has its weights redrawn"):
        method_checks(study)


def test_weights_are_drawn_anew_where_training_follows_alone(arena: Study) -> None:
    found = checked(arena, "norm", "norm-retrained", "snip")
    redrawn = set(found.loc[found["check"] == "redrawn weights", "method"])
    assert redrawn == {"norm-retrained", "snip"}


def test_methods_that_look_follow_the_data_trained_or_not(arena: Study) -> None:
    found = checked(arena, "norm", "taylor", "snip", "flow", checks=["corrupted data"])
    corrupted = found[found["check"] == "corrupted data"]
    assert set(corrupted["method"]) == {"taylor", "snip"}  # the others see no data
    assert corrupted["rank_correlation"].max() < 0.999
    # A network with another mask would have to be trained, but the ranking already tells enough.
    trained = corrupted.set_index("method")["accuracy"]
    assert trained.isna().to_dict() == {"taylor": False, "snip": True}


def test_the_mean_of_several_shuffles_where_nothing_is_trained(
    arena: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def shuffled(masks: list[Tensor], seed: int) -> list[Tensor]:
        drawn.append(seed)
        return as_drawn(masks, seed)

    as_drawn = sanity.shuffled
    monkeypatch.setattr(sanity, "shuffled", shuffled)
    [row] = of(checked(arena, "norm", checks=["shuffled mask"]), "shuffled mask").to_dict("records")
    assert len(set(drawn)) == SHUFFLES == len(drawn)
    alone = []
    monkeypatch.setattr("eigenprune.lab.checks.SHUFFLES", 1)
    for seed in drawn:
        monkeypatch.setattr(sanity, "shuffled", lambda masks, _, seed=seed: as_drawn(masks, seed))
        own = of(checked(arena, "norm", checks=["shuffled mask"]), "shuffled mask")
        alone += own["accuracy"].tolist()
    assert len(set(alone)) > 1 and row["accuracy"] == pytest.approx(sum(alone) / SHUFFLES)


def test_a_method_that_ranks_the_wrong_way_round_is_better_inverted(
    arena: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inverting a ranking does not hurt every method, so the check can fail."""
    study = change_study(arena, {"epochs": 30, "hidden": [40, 40], "batch_size": 100})
    honest = checked(study, "norm-by-layer", checks=["inverted"])
    norm = importance.weight_norm
    backwards = {"connectivity": lambda model: [-score for score in norm(model)]}
    monkeypatch.setattr(importance, "SCORES", importance.SCORES | backwards)
    wrong = {"wrong": {"score": "connectivity", "scope": "layer"}}
    monkeypatch.setattr(rivals, "of_project", lambda: rivals.named(wrong, "params.yaml"))
    reversed_ = checked(study, "wrong", checks=["inverted"])
    means = [t.groupby("check")["accuracy"].mean() for t in (honest, reversed_)]
    assert means[0]["inverted"] < means[0]["as is"]
    assert means[1]["inverted"] > means[1]["as is"]


def test_checks_and_methods_that_are_none_are_refused(arena: Study) -> None:
    with pytest.raises(UserError, match="checks: 'shuffle' is not allowed; allowed: as is"):
        checked(arena, "norm", checks=["shuffle"])
    with pytest.raises(UserError, match="'small' prunes nothing"):
        checked(arena, "norm", "small")
