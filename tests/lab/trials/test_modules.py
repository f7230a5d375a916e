"""Trials of modules: found modules and random ones, at every gamma."""

from collections.abc import Callable
from typing import Any

import pytest

from eigenprune.lab.runs import Trial
from eigenprune.lab.trials.entries import Trials, plan

Make = Callable[..., Trials]
RowsOf = Callable[[Trial], list[dict[str, Any]]]


GRID = {
    "clustering": ["spectral", "random"],
    "modules": [3],
    "gamma": [0.1, 1],
    "sparsity": [0.8],
}


def test_at_gamma_one_it_is_magnitude_pruning_whatever_the_clustering(
    make: Make, rows_of: RowsOf
) -> None:
    found = {
        (options["clustering"], options["gamma"]): rows_of(run)
        for run in plan(make("modules", GRID))
        for options in [dict(run.options)]
    }
    (gradual,) = plan(make("compression", {"method": ["gradual-magnitude"], "sparsity": [0.8]}))
    (plain,) = rows_of(gradual)
    weights = 64 * 12 + 12 * 8 + 8 * 10
    for (clustering, gamma), (row,) in found.items():
        assert row["achieved_sparsity"] == pytest.approx(1 - plain["parameters"] / weights)
        assert row["effective_sparsity"] >= row["achieved_sparsity"]
        same = (row["accuracy"], row["loss"]) == (plain["accuracy"], plain["loss"])
        assert same == (gamma == 1), clustering
    (modular,), (even,) = found["random", 0.1], found["random", 1.0]
    assert modular["share_inside"] > even["share_inside"]
    assert modular["normalised_cut"] < even["normalised_cut"]
    (spectral,) = found["spectral", 1.0]
    assert spectral["normalised_cut"] != even["normalised_cut"]


def test_a_share_of_nothing_is_blank(make: Make, rows_of: RowsOf) -> None:
    grid = {"clustering": ["random"], "modules": [2], "gamma": [1], "sparsity": [1]}
    (run,) = plan(make("modules", grid))
    (row,) = rows_of(run)
    assert row["share_inside"] is None and row["achieved_sparsity"] == 1
