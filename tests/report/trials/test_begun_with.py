"""Trials begin with the plainly trained network, computed here or recorded in the arena."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from eigenprune.lab import project
from eigenprune.lab.execution import sweep
from eigenprune.lab.records.recorded import record
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params
from eigenprune.report.trials.begun_with import begun_with
from eigenprune.report.trials.trial_exhibits import there

GRID = {"clustering": ["spectral"], "modules": [3], "gamma": [0], "sparsity": [0.5]}
TRIALS: dict[str, Any] = {"tiny": {"kind": "modules", "grid": GRID, "seeds": [1, 2]}}


def test_recorded_and_computed_they_are_the_same(
    arena_project: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = ["norm", "norm-reconstructed", "norm-retrained", "small"]
    params = arena_project(
        trials=TRIALS,
        quick_trials=["tiny"],
        studies={"arena": {"methods": methods, "seeds": [1, 2]}},
        rivals={"norm": {"score": "weight_norm"}},
    )
    (shown,) = there(["tiny"])
    here = begun_with(shown, "relu")
    assert here.endswith(" (2 seeds)") and begun_with(shown, "tanh") == ""
    recorded = replace(shown, recorded=True)
    assert begun_with(recorded, "relu") == "", "nothing is recorded yet"
    curves = sweep.run_study(params.study("arena"), executor="inline")
    record(params.study("arena"), Store(project.store_dir()))
    monkeypatch.setenv("EIGENPRUNE_STORE", "elsewhere")
    assert begun_with(recorded, "relu") == here
    plain = curves[curves["method"].eq("norm") & curves["pruning_ratio"].eq(0)]["accuracy"]
    assert here.startswith(f"{100 * plain.mean():.2f} ± {100 * plain.std():.2f}")
