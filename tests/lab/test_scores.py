"""Scores side by side: the same networks, and what a score must be."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from eigenprune import importance
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution.sweep import run_study
from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.scores import score_curves
from eigenprune.lab.studies import Study


@pytest.fixture
def study(tiny: Study) -> Study:
    return replace(tiny, hidden=(6, 5), seeds=(1, 2), activations=("relu", "tanh"))


def mine(model: nn.Sequential) -> list[Tensor]:
    return importance.eigenvalue(model)


def test_a_score_gives_the_curve_of_the_protocol_that_uses_it(study: Study) -> None:
    found = score_curves(study, [mine, "eigenvalue"])
    assert tuple(found.columns) == COLUMNS
    assert found.groupby(["activation", "method", "seed"]).size().eq(2).all() and len(found) == 16
    protocol = run_study(replace(study, methods=("post",)))
    for name in ("mine", "eigenvalue"):
        own = found[found["method"] == name].assign(method="post").reset_index(drop=True)
        pd.testing.assert_frame_equal(own, protocol)


def test_random_draws_as_the_protocol_does(study: Study) -> None:
    found = score_curves(study, ["random"], method="direct")
    pd.testing.assert_frame_equal(found, run_study(replace(study, methods=("random",))))


def test_nothing_is_trained_twice_or_kept(study: Study, store_folder: Path) -> None:
    score_curves(study, ["eigenvalue"])
    before = {path: path.stat().st_mtime_ns for path in store_folder.rglob("*.json")}
    score_curves(study, [mine, "weight_norm", "random"])
    assert {path: path.stat().st_mtime_ns for path in store_folder.rglob("*.json")} == before


def flat(model: nn.Sequential) -> list[Tensor]:
    return [torch.zeros(11)]


def none(model: nn.Sequential) -> list[Tensor]:
    return None  # type: ignore[return-value]


def greedy(model: nn.Sequential) -> list[Tensor]:
    """Silences a layer, as an ablation does, and does not restore it."""
    with torch.no_grad():
        importance.hidden_layers(model)[0].eigenvectors.zero_()
    return importance.eigenvalue(model)


def test_a_score_that_changes_the_network_changes_no_other(study: Study) -> None:
    alone = score_curves(study, ["eigenvalue"])
    after = score_curves(study, [greedy, "eigenvalue"])
    after = after[after["method"] == "eigenvalue"].reset_index(drop=True)
    pd.testing.assert_frame_equal(after, alone)


def as_arrays(model: nn.Sequential) -> list[Tensor]:
    return [value.detach().numpy() for value in importance.eigenvalue(model)]  # type: ignore[misc]


def not_a_number(model: nn.Sequential) -> list[Tensor]:
    return [value / 0 * 0 for value in importance.eigenvalue(model)]


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ("eigenvalue", "scores: 'eigenvalue': wanted is a list of names or functions, not empty"),
        ([], "scores: []: wanted is a list of names or functions, not empty"),
        ([as_arrays], "score 'as_arrays' returned a list; wanted: a list with one tensor for"),
        ([not_a_number], "score 'not_a_number' returned NaN or complex values"),
        (["eigenvalues"], "score 'eigenvalues' is not known (did you mean 'eigenvalue'?)"),
        ([mine, mine], "score 'mine' is there twice"),
        ([flat], "returned tensors of the shapes [(11,)]; wanted: a list with one tensor for each "
                 "hidden layer, of 6, 5 nodes"),
        ([none], "returned a NoneType"),
        ([partial(mine)], "give it a name with `def`"),
    ],
)  # fmt: skip
def test_what_is_no_score(study: Study, scores: list, sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        score_curves(study, scores)
    assert sentence in str(refusal.value)


def test_methods_that_train_on_have_no_networks_to_rank(study: Study) -> None:
    for method in ("pre", "small", "psot"):
        with pytest.raises(UserError, match=f"method: '{method}' is not allowed; allowed: direct"):
            score_curves(study, [mine], method=method)
