"""Whether scores behave: every verdict can be yes, no and open."""

import itertools

import numpy as np
import pandas as pd
import pytest

from eigenprune import importance
from eigenprune.lab.checks import CHECK_COLUMNS, CHECKS
from eigenprune.lab.errors import UserError
from eigenprune.report.arena.behaviour import OF_THE_GAUGE, SAME_ACCURACY, behaviour

# For each check: the accuracy that a score that behaves loses, and the rank correlation.
HONEST = {
    "as is": (0.0, 1.0),
    "shuffled mask": (0.1, 1.0),
    "redrawn weights": (0.5, 1.0),
    "inverted": (0.3, -1.0),
    "corrupted data": (0.02, 0.6),
    "other gauge": (0.0, 1.0),
}

ALL_ALIKE = {"shuffled_mask": (0.001, 1.0), "inverted": (0.001, -1.0)}


def curves(score: str, **changes: tuple[float, float]) -> pd.DataFrame:
    """Curves of a score that behaves, except for `changes` (`_` is a space in a check's name)."""
    costs = HONEST | {name.replace("_", " "): value for name, value in changes.items()}
    luck = np.random.default_rng(1)
    rows = []
    for activation, seed, ratio, check in itertools.product(
        ("relu", "tanh"), range(1, 6), (0.0, 0.5, 0.9), CHECKS
    ):
        cost, correlation = costs[check]
        lost = 0.0 if ratio == 0 else cost
        accuracy = 0.9 + 0.01 * seed - lost + luck.uniform(-0.005, 0.005) * (lost != 0)
        network = ["s", "digits", "10", activation, score, seed, ratio, 5, 100]
        rows.append([*network, accuracy, 0.1, score, False, check, correlation])
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def judged(table: pd.DataFrame) -> dict[str, str]:
    found = behaviour(table)
    assert found["check"].tolist() == [
        check for check in CHECKS[1:] if check in set(found["check"])
    ]
    return dict(zip(found["check"], found["behaves"], strict=True))


def test_scores_of_the_gauge_are_scores_of_weights() -> None:
    assert set(OF_THE_GAUGE) < set(importance.SCORES)


def test_a_score_that_behaves() -> None:
    assert set(judged(curves("weight_norm")).values()) == {"yes"}
    assert set(judged(curves("eigenvalue", other_gauge=(0.1, 0.5))).values()) == {"yes"}


def test_differences_are_those_over_the_seeds() -> None:
    table = curves("weight_norm")
    row = behaviour(table).set_index("check").loc["shuffled mask"]
    pruned = table[table["pruning_ratio"] > 0]
    means = pruned.groupby(["check", "seed"])["accuracy"].mean()
    assert row["difference"] == pytest.approx((means["shuffled mask"] - means["as is"]).mean())
    assert row["n"] == 5 and row["low"] < row["difference"] < row["high"] < 0
    assert (row["method"], row["must"], row["rank_correlation"]) == ("weight_norm", "hurt", 1.0)


def test_a_score_whose_choice_of_nodes_does_not_matter_is_not_let_through() -> None:
    luck = np.random.default_rng(2)
    table = curves("weight_norm", inverted=(-0.1, -1.0))
    shuffled = (table["check"] == "shuffled mask") & (table["pruning_ratio"] > 0)
    table.loc[shuffled, "accuracy"] += 0.1 + luck.normal(0, 0.02, int(shuffled.sum()))
    found = judged(table)
    assert (found["inverted"], found["shuffled mask"]) == ("no", "open")


def test_for_random_nodes_only_the_weights_matter() -> None:
    table = curves("random", shuffled_mask=(0.001, 1.0), inverted=(0.001, -1.0))
    assert set(judged(table).values()) == {"yes"}
    found = judged(curves("random", shuffled_mask=(0.001, 1.0)))
    assert (found["inverted"], found["shuffled mask"]) == ("no", "yes")


def test_of_random_nodes_that_nothing_has_trained_the_weights_are_drawn_at_random_too() -> None:
    luck = curves("random", redrawn_weights=(0.001, 1.0), **ALL_ALIKE)
    assert judged(luck)["redrawn weights"] == "open"
    assert judged(luck.assign(before=True))["redrawn weights"] == "yes"
    learned = curves("random", redrawn_weights=(0.3, 1.0), **ALL_ALIKE).assign(before=True)
    assert judged(learned)["redrawn weights"] == "no"


def test_a_ranking_is_judged_without_accuracies() -> None:
    table = curves("taylor", corrupted_data=(0.0, 0.6))
    table.loc[table["check"] == "corrupted data", "accuracy"] = float("nan")
    row = behaviour(table).set_index("check").loc["corrupted data"]
    assert row["behaves"] == "yes" and row["n"] == 0 and np.isnan(row["difference"])


def test_a_method_is_judged_by_what_its_score_must_do_whatever_its_name() -> None:
    table = curves("taylor", corrupted_data=(0.0, 1.0)).assign(method="mine")
    row = behaviour(table).set_index("check").loc["corrupted data"]
    assert (row["method"], row["score"], row["must"]) == ("mine", "taylor", "change the ranking")
    assert row["behaves"] == "no"


@pytest.mark.parametrize("check", ["shuffled_mask", "redrawn_weights", "inverted"])
def test_what_must_hurt_and_helps_is_found(check: str) -> None:
    found = judged(curves("weight_norm", **{check: (-0.1, 1.0)}))
    assert found.pop(check.replace("_", " ")) == "no"
    assert set(found.values()) == {"yes"}


@pytest.mark.parametrize("sign", [1, -1])
def test_no_difference_is_an_interval_within_the_margin(sign: int) -> None:
    """As the cost grows: yes while the interval is inside, then open, and no once it is outside."""
    found = []
    for cost in sign * np.arange(0.001, 0.02, 0.001):
        row = behaviour(curves("random", inverted=(cost, -1.0))).set_index("check").loc["inverted"]
        inside = max(-row["low"], row["high"]) <= SAME_ACCURACY
        outside = max(row["low"], -row["high"]) > SAME_ACCURACY
        assert row["behaves"] == ("yes" if inside else "no" if outside else "open")
        found.append((row["behaves"], bool(row["p"] < 0.05)))
    order = [behaves for behaves, _ in found]
    assert order == sorted(order, key=["yes", "open", "no"].index)
    # A difference that is told apart may be too small to matter (yes), or perhaps so (open).
    assert ("yes", True) in found and ("open", True) in found and ("no", True) in found


def test_that_no_difference_is_found_does_not_say_that_there_is_none() -> None:
    luck = np.random.default_rng(3)
    table = curves("random", shuffled_mask=(0.001, 1.0))
    shuffled = (table["check"] == "shuffled mask") & (table["pruning_ratio"] > 0)
    table.loc[shuffled, "accuracy"] += luck.normal(0, 0.1, int(shuffled.sum()))
    row = behaviour(table).set_index("check").loc["shuffled mask"]
    assert row["p"] > 0.05 and row["behaves"] == "open"


def test_far_off_but_not_told_apart_is_open() -> None:
    """With several tests, an interval can lie outside the margin though its corrected p is high."""
    tables = []
    for width, cost in enumerate([0.05, 0, 0, 0, 0]):
        table = curves("random", shuffled_mask=(0.001, 1.0)).assign(hidden=str(width))
        table = table[table["check"].isin(["as is", "shuffled mask"])]
        shuffled = (table["check"] == "shuffled mask") & (table["pruning_ratio"] > 0)
        table.loc[shuffled, "accuracy"] += 0.019 * (table["seed"] - 3) - cost
        tables.append(table)
    alone, among = behaviour(tables[0]).iloc[0], behaviour(pd.concat(tables)).iloc[0]
    assert alone["high"] == among["high"] < -SAME_ACCURACY
    assert alone["p"] < 0.05 < among["p"]
    assert (alone["behaves"], among["behaves"]) == ("no", "open")


def test_equal_differences_have_no_interval_and_are_open() -> None:
    found = judged(curves("random", shuffled_mask=(0.0, 1.0)))
    assert found["shuffled mask"] == "open"


def test_a_score_that_ignores_the_data_or_follows_what_it_should_not_is_found() -> None:
    assert judged(curves("taylor", corrupted_data=(0.0, 1.0)))["corrupted data"] == "no"
    assert judged(curves("weight_norm", other_gauge=(0.0, 0.6)))["other gauge"] == "no"
    assert judged(curves("eigenvalue"))["other gauge"] == "no"


def test_what_cannot_be_told_is_open() -> None:
    table = curves("weight_norm", other_gauge=(0.0, float("nan")))
    assert judged(table)["other gauge"] == "open"
    found = judged(table[table["seed"] == 1])
    assert (found["inverted"], found["shuffled mask"]) == ("open", "open")


def test_scores_are_judged_each_by_itself_and_what_is_missing_stays_away() -> None:
    dense = curves("connectivity")
    dense = dense[dense["check"] != "other gauge"]
    found = behaviour(pd.concat([curves("weight_norm"), dense]))
    assert found.groupby("method").size().to_dict() == {"weight_norm": 5, "connectivity": 4}


def test_nothing_and_a_network_twice_are_refused() -> None:
    table = curves("weight_norm")
    with pytest.raises(UserError, match="nothing to judge"):
        behaviour(table[table["pruning_ratio"] == 0])
    with pytest.raises(UserError, match=r"digits, 10, weight_norm, relu, 0\.5, 1, as is: .* twice"):
        behaviour(pd.concat([table, table]))
