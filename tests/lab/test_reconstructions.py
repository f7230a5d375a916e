"""Curves of pruned networks whose layers are fitted anew: their own runs, and better than these."""

from collections.abc import Callable

import pandas as pd
import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.execution.sweep import run_study
from eigenprune.lab.reconstructions import RECONSTRUCTION_COLUMNS, reconstructed_curves
from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.studies import Params, Study, change_study

RIVALS = {
    "norm": {"score": "weight_norm"},
    "value": {"layer": "spectral", "score": "eigenvalue"},
    "lot": {"score": "random"},
    "shrunk": {"score": "weight_norm", "regulariser": "norm_pruning", "strengths": "ratio"},
}


@pytest.fixture
def arena(arena_project: Callable[..., Params]) -> Study:
    study = {"epochs": 8, "hidden": [24, 20], "seeds": [1, 2], "batch_size": 50}
    return arena_project(studies={"s": study}, rivals=RIVALS).study("s")


def test_as_is_is_the_run_itself_and_fitted_anew_it_is_better(arena: Study) -> None:
    study = change_study(arena, {"methods": list(RIVALS)})
    found = reconstructed_curves(study)
    assert tuple(found.columns) == RECONSTRUCTION_COLUMNS
    one, other = (
        found[found["arm"] == arm].reset_index(drop=True) for arm in ("as is", "reconstructed")
    )
    rows = run_study(study)
    rows = rows[rows["pruning_ratio"] > 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(one[list(COLUMNS)], rows)
    same = ["method", "seed", "pruning_ratio", "nodes_kept", "parameters_kept"]
    pd.testing.assert_frame_equal(one[same], other[same])
    gain = (other["accuracy"] - one["accuracy"]).groupby(other["method"]).mean()
    assert (gain[["norm", "value", "lot"]] > 0.02).all()
    # What was pruned while it was trained has lost nothing since.
    assert abs(gain["shrunk"]) < 0.02


def test_what_is_trained_when_small_is_refused(arena: Study) -> None:
    with pytest.raises(UserError, match="'norm-retrained' is trained when small"):
        reconstructed_curves(change_study(arena, {"methods": ["norm", "norm-retrained"]}))
