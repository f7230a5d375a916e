"""Stability of rankings: one initial network, several orders of the data, nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from eigenprune import importance, regularisers
from eigenprune.lab import protocols
from eigenprune.lab.errors import UserError
from eigenprune.lab.scores import trained_networks
from eigenprune.lab.stability import (
    BETWEEN_ORDERS,
    STABILITY_COLUMNS,
    WITH_INITIAL,
    rank_stability,
)
from eigenprune.lab.studies import Params, Study, change_study

RIVALS = {
    "norm": {"score": "weight_norm"},
    "gain": {"score": "eigenvalue", "layer": "spectral"},
    "ones": {"score": "eigenvalue", "layer": "spectral", "initialisation": "ones"},
    "decayed": {"score": "weight_norm", "regulariser": "l2", "strengths": [0.001, 1]},
}

STANDING_STILL = {"learning_rate": 1e-15}


@pytest.fixture
def study(arena_project: Callable[..., Params]) -> Study:
    return arena_project(studies={"s": {"hidden": [30, 20]}}, rivals=RIVALS).study("s")


def means(found: pd.DataFrame, pair: str) -> pd.Series:
    return found[found["pair"] == pair].groupby(["method", "score"])["rank_correlation"].mean()


def test_every_pair_of_orders_is_compared_in_every_layer(study: Study) -> None:
    found = rank_stability(study, {"norm": ["weight_norm", "taylor"]}, orders=4)
    assert tuple(found.columns) == STABILITY_COLUMNS
    counts = found.groupby(["score", "pair", "layer"]).size().unstack("pair")
    assert (counts[BETWEEN_ORDERS] == 6).all() and (counts[WITH_INITIAL] == 4).all()
    assert set(found["layer"]) == {1, 2}
    assert found["top_overlap"].between(0, 1).all()


def test_untrained_networks_agree_entirely_and_training_parts_them(study: Study) -> None:
    score = {"norm": ["weight_norm"], "gain": ["eigenvalue"]}
    untrained = rank_stability(change_study(study, STANDING_STILL), score, orders=2)
    assert untrained["rank_correlation"].tolist() == pytest.approx([1.0] * len(untrained))
    assert (untrained["top_overlap"] == 1).all()
    trained = rank_stability(study, score, orders=2)
    assert (trained["rank_correlation"] < 1).all()
    # After two epochs, the initial draw still decides most of the ranking.
    assert (means(trained, BETWEEN_ORDERS) > 0.5).all()


def test_the_first_order_is_the_study_s_own_and_the_others_begin_with_the_same_network(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(_, network)] = trained_networks(change_study(study, {"seeds": [1]}), "norm")
    seen: list[Tensor] = []

    def look(model: nn.Sequential) -> list[Tensor]:
        seen.append(model[0].weight.detach().clone())
        return importance.weight_norm(model)

    monkeypatch.setitem(importance.SCORES, "weight_norm", look)
    rank_stability(study, {"norm": ["weight_norm"]}, orders=3)
    initial, own, *others = seen
    assert torch.equal(own, network[0].weight) and len(others) == 2
    assert not any(torch.equal(own, other) for other in [initial, *others])
    standing = change_study(study, STANDING_STILL)
    rank_stability(standing, {"norm": ["weight_norm"]}, orders=3)
    assert all(torch.allclose(initial, each, atol=1e-9) for each in seen[4:])


def test_nodes_of_two_seeds_have_nothing_in_common(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: if each order starts with a newly drawn network, no agreement is left."""
    draw, seeds = protocols.initial_network, iter(range(100, 200))
    scores = {"norm": ["weight_norm"], "gain": ["eigenvalue"]}
    same = means(rank_stability(study, scores, orders=4), BETWEEN_ORDERS)
    monkeypatch.setattr(
        protocols, "initial_network", lambda run: draw(replace(run, seed=next(seeds)))
    )
    other = means(rank_stability(study, scores, orders=4), BETWEEN_ORDERS)
    assert (other.abs() < 0.3).all() and (same > 0.5).all()


def test_a_strength_that_is_chosen_is_that_of_the_study(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[float] = []
    kind = regularisers.REGULARISERS["l2"]
    [(_, _)] = trained_networks(change_study(study, {"seeds": [1]}), "decayed")

    def noted(strength: float):  # type: ignore[no-untyped-def]
        made.append(strength)
        return kind(strength)

    monkeypatch.setitem(regularisers.REGULARISERS, "l2", noted)
    rank_stability(study, {"decayed": ["weight_norm"]}, orders=3)
    assert len(made) == 2 and len(set(made)) == 1 and made[0] in (0.001, 1)


def test_constant_scores_have_no_ranking(study: Study) -> None:
    found = rank_stability(study, {"ones": ["eigenvalue"]}, orders=2)
    assert found.loc[found["pair"] == WITH_INITIAL, "rank_correlation"].isna().all()
    assert found.loc[found["pair"] == BETWEEN_ORDERS, "rank_correlation"].notna().all()


def test_one_order_and_methods_without_trained_networks_are_refused(study: Study) -> None:
    with pytest.raises(ValueError, match="orders=1: 2 or more"):
        rank_stability(study, {"norm": ["weight_norm"]}, orders=1)
    with pytest.raises(UserError, match="method: 'norm-retrained' is not allowed"):
        rank_stability(study, {"norm-retrained": ["weight_norm"]})
