"""Whether the goal is reached: the accuracies can decide either way, or leave it unknown."""

from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab.studies import Study, load_params
from eigenprune.report.arena import averages
from eigenprune.report.arena.goal import verdicts
from eigenprune.report.arena.scope import Shown


@pytest.fixture
def study(root: Path) -> Study:
    return load_params(root / "params.yaml").study("rivals-digits")


def judged(study: Study, rivals: pd.DataFrame) -> dict[str, object]:
    shown = Shown(study, rivals, recorded=True, controls=averages.controls_of(rivals))
    [row] = verdicts([shown], "eigenvalue, lasso").to_dict("records")
    return row


def better(rivals: pd.DataFrame, by: float) -> pd.DataFrame:
    ours = rivals["method"].eq("eigenvalue, lasso") & rivals["pruning_ratio"].gt(0)
    return rivals.assign(accuracy=rivals["accuracy"] + by * ours)


def test_either_verdict_can_be_found(study: Study, rivals: pd.DataFrame) -> None:
    row = judged(study, rivals)  # loses 0.02 at a ratio of 0.9
    assert float(str(row["lost"])) == pytest.approx(2, abs=0.03) and row["goal"] == "not reached"
    assert row["seeds"] == 5
    row = judged(study, better(rivals, 0.016))
    assert float(str(row["lost"])) < 0.5 and row["goal"] == "reached"
    assert row["behind"] == "0 of 4 ratios" and row["told apart"] == "0"
    row = judged(study, better(rivals, -0.1))
    assert row["behind"] == "4 of 4 ratios" and row["told apart"] == "4"
    assert row["goal"] == "not reached"


def test_losing_little_is_not_enough(study: Study, rivals: pd.DataFrame) -> None:
    best = rivals["method"].eq("taylor") & rivals["pruning_ratio"].gt(0)
    raised = rivals.assign(accuracy=rivals["accuracy"] + 0.2 * best)
    row = judged(study, better(raised, 0.016))
    assert float(str(row["lost"])) < 0.5 and row["goal"] == "not reached"


def test_the_loss_against_its_own_network_is_another(study: Study, rivals: pd.DataFrame) -> None:
    lifted = rivals["method"].eq("eigenvalue, lasso") & rivals["pruning_ratio"].eq(0)
    one, other = (
        judged(study, rivals.assign(accuracy=rivals["accuracy"] + lift * lifted))
        for lift in (0, 0.01)
    )
    assert one["lost"] == other["lost"]
    # Lifted with all its nodes, it loses too much of its own, however good it is.
    good = judged(study, better(rivals, 0.016))
    lost = judged(study, better(rivals.assign(accuracy=rivals["accuracy"] + 0.01 * lifted), 0.016))
    assert (good["goal"], lost["goal"]) == ("reached", "not reached")
    assert float(str(other["of its own"])) == pytest.approx(float(str(one["of its own"])) + 1)


def test_without_a_control_nothing_is_said_to_be_lost(study: Study, rivals: pd.DataFrame) -> None:
    plain = rivals["family"].eq("weights") & rivals["pruning_ratio"].eq(0)
    assert judged(study, rivals[~plain | rivals["seed"].ne(2)])["lost"] == ""


def test_a_study_without_the_method_is_left_out(study: Study, rivals: pd.DataFrame) -> None:
    others = rivals[rivals["method"] != "eigenvalue, lasso"]
    shown = Shown(study, others, recorded=True, controls=averages.controls_of(others))
    assert verdicts([shown], "eigenvalue, lasso").empty


def test_where_no_seed_has_all_activations_nothing_is_told(
    study: Study, rivals: pd.DataFrame
) -> None:
    """One seed with relu and another with tanh: there is no mean over the activations."""
    ours = rivals["method"].eq("eigenvalue, lasso")
    apart = rivals["activation"].eq("tanh") == rivals["seed"].eq(1)
    part = rivals[~ours | apart]
    shown = Shown(study, part, recorded=True, controls=averages.controls_of(part))
    assert verdicts([shown], "eigenvalue, lasso").empty
