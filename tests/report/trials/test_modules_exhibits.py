"""The picture of modules, for networks computed here and for recorded ones."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params
from eigenprune.lab.trials.tables import record
from eigenprune.report.shown import METADATA
from eigenprune.report.trials.modules_exhibits import pixels, show_pixels, verdicts
from eigenprune.report.trials.trial_exhibits import ShownTrials, there

GRID = {"clustering": ["spectral"], "modules": [3], "gamma": [0], "sparsity": [0.5]}
TRIALS: dict[str, Any] = {"tiny": {"kind": "modules", "grid": GRID, "seeds": [2, 1]}}


def test_the_recorded_picture_is_the_one_that_was_made_here(
    arena_project: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def display(bundle, *, raw, metadata):  # type: ignore[no-untyped-def]
        if "name" in (said := metadata[METADATA]):
            told.append((bundle["image/svg+xml"], said["caption"], said["recorded"]))

    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.setitem(plt.rcParams, "svg.hashsalt", "the same")
    params = arena_project(trials=TRIALS, quick_trials=["tiny"])
    (shown,) = there(["tiny"])
    show_pixels([shown])
    record(params.trials["tiny"], Store(Path("runs")))
    monkeypatch.setenv("EIGENPRUNE_STORE", "elsewhere")
    show_pixels([replace(shown, recorded=True)])
    (here, caption, _), recorded = told
    assert recorded == (here, caption, True) and "digits, relu, seed 2:" in caption


def test_nothing_is_shown_of_what_was_not_kept(
    arena_project: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    arena_project(trials=TRIALS, quick_trials=["tiny"])
    (shown,) = there(["tiny"])
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: pytest.fail("shown"))
    show_pixels([replace(shown, recorded=True)])


def test_each_pixel_has_the_place_of_its_input() -> None:
    inputs = np.array([0, 1, 1, 1])
    image, bars = pixels([inputs, np.array([0, 1])], modules=2).axes
    mesh = image.collections[0].get_array()
    assert mesh is not None and mesh.tolist() == [[0, 1], [1, 1]]
    assert [patch.get_width() for patch in bars.patches] == [0.25, 0.5, 0.75, 0.5]  # type: ignore[attr-defined]


def test_modules_can_help_or_not(arena_project: Callable[..., Params]) -> None:
    params = arena_project(trials=TRIALS, quick_trials=["tiny"])
    rows = [
        {"activation": "relu", "seed": seed, "sparsity": sparsity, "gamma": gamma,
         "clustering": kind,
         "accuracy": 0.5 + (gamma == 0) * (0.1 + seed / 1e4) * (kind == "spectral"),
         "effective_sparsity": 1.0 if kind == "random" or seed == sparsity * 2 == 1 else 0.9}
        for seed in (1, 2) for sparsity in (0.5, 0.9) for gamma in (0.0, 1.0)
        for kind in ("spectral", "random")
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    [row] = verdicts([ShownTrials(params.trials["tiny"], table, True)]).to_dict("records")
    better = "better 2, worse 0, open 0"
    assert list(row.values()) == [better, better, "1 of 4 networks"]
    worse = table.assign(accuracy=1 - table["accuracy"])
    [row] = verdicts([ShownTrials(params.trials["tiny"], worse, True)]).to_dict("records")
    assert list(row.values())[:2] == ["better 0, worse 2, open 0"] * 2
