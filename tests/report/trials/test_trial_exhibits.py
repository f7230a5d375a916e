"""What the chapters on trials show: points averaged over the seeds, and nothing left out."""

import re
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from eigenprune.lab.studies import Params
from eigenprune.lab.trials.entries import plan
from eigenprune.report.arena.scope import Arena
from eigenprune.report.shown import METADATA
from eigenprune.report.trials import compression_exhibits, modules_exhibits, trial_exhibits


def table(**columns: list[object]) -> pd.DataFrame:
    rows = len(next(iter(columns.values())))
    return pd.DataFrame({"activation": ["relu"] * rows, "loss": [0.1] * rows, **columns})


def test_points_that_lack_an_option_are_points_too() -> None:
    rows = table(
        seed=[1, 2, 1, 2],
        method=["none", "none", "quantised", "quantised"],
        bits=pd.array([None, None, 8, 8], dtype="Int64"),
        accuracy=[0.8, 0.9, 0.7, 0.7],
    )
    means = trial_exhibits.over_seeds(rows, ["activation", "method", "bits"])
    assert means["accuracy"].tolist() == pytest.approx([0.85, 0.7])
    assert means["n"].tolist() == [2, 2]
    assert means["accuracy_std"].tolist() == pytest.approx([0.0707, 0.0], abs=1e-4)


def test_what_is_recorded_in_part_is_said(arena_project: Callable[..., Params]) -> None:
    trials = arena_project(trials=TRIALS).trials["small-modules"]
    runs = pd.DataFrame({"run": list("aabbccdd")})  # a run may have several rows
    whole = trial_exhibits.ShownTrials(trials, runs, True)
    part = pd.DataFrame({"activation": "relu", "seed": 1, "run": list("aa")})
    shown = [replace(whole, table=part), replace(whole, table=part, recorded=False)]
    assert len(plan(trials)) == 4
    assert trial_exhibits.gaps([*shown, whole]) == [
        "`small-modules` is not finished: 1 of 4 runs are recorded, with relu (planned: relu) and "
        "1 seed (planned: 2)"
    ]


TRIALS = {
    "small-compression": {"kind": "compression", "grid": {"method": ["low-rank"], "rank": [2]}},
    "small-modules": {
        "kind": "modules",
        "grid": {"clustering": ["random"], "modules": [2], "gamma": [0, 1], "sparsity": [0.5]},
    },
}


# By trials: what is shown for each activation, and how its caption ends.
EXHIBITS = {
    "small-compression": {
        "sizes": "accuracy, on an axis stretched at its upper end, against parameters, bytes and "
        "MACs. Filled markers: trained at the final size, after compression or from the start; the "
        "filled `none` is the whole network, trained for as many additional epochs.",
        "points": "test accuracy in per cent.",
    },
    "small-modules": {
        "modules": "accuracy over the share of connections removed; 2 modules.",
        "numbers": modules_exhibits.NUMBERS,
    },
}
FIGURES = ("sizes", "modules")


def test_each_activation_has_a_figure_and_a_table_under_names_of_their_own(
    arena_project: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def display(bundle, *, raw, metadata):  # type: ignore[no-untyped-def]
        if "name" in (said := metadata[METADATA]):
            begun = re.compile(r"; accuracy of the unpruned networks: .* \(2 seeds\)")
            caption, count = begun.subn("", said["caption"])
            assert count == said["name"].startswith("modules-")
            told.append((said["name"], caption, "image/svg+xml" in bundle))
            assert said["origins"] and not said["recorded"]

    monkeypatch.setattr("IPython.display.display", display)
    two = {name: {**its, "activations": ["relu", "tanh"]} for name, its in TRIALS.items()}
    arena_project(trials=two, quick_trials=list(two))
    nothing = Arena.of([])
    compression_exhibits.show_compression(trial_exhibits.there(["small-compression"]), nothing)
    modules_exhibits.show_modules(trial_exhibits.there(["small-modules"]))
    assert told == [
        (
            f"{what}-{trials}-{activation}",
            f"digits, {activation}, 2 seeds: {caption}",
            what in FIGURES,
        )
        for trials, shown in EXHIBITS.items()
        for activation in ("relu", "tanh")
        for what, caption in shown.items()
    ]


def test_a_caption_says_over_how_many_seeds_points_are_means(
    arena_project: Callable[..., Params],
) -> None:
    arena_project(trials=TRIALS, quick_trials=list(TRIALS))
    [its] = trial_exhibits.there(["small-modules"])
    assert its.scope("relu") == "digits, relu, 2 seeds"
    second = its.table["seed"] == its.table["seed"].max()
    fewer = replace(its, table=its.table[~second | (its.table["gamma"] == 0)])
    assert fewer.scope("relu") == "digits, relu, 1–2 seeds"
    assert replace(its, table=its.table[~second]).scope("relu") == "digits, relu, 1 seed"


def test_deviations_are_of_what_varies_over_seeds() -> None:
    rows = table(seed=[1, 2], network=["grown"] * 2, accuracy=[0.8, 0.9], connections=[100, 120])
    (mean,) = trial_exhibits.over_seeds(rows, ["network"]).to_dict("records")
    assert mean["connections"] == 110 and mean["connections_std"] == pytest.approx(14.142, abs=1e-3)
