"""Accuracy against what compressed networks cost, beside networks with fewer hidden nodes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eigenprune.lab.machine import processor
from eigenprune.lab.records import latencies
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params
from eigenprune.lab.trials.tables import record
from eigenprune.report.arena.scope import Arena
from eigenprune.report.shown import METADATA
from eigenprune.report.trials.budgets import within_budgets
from eigenprune.report.trials.compression_exhibits import (
    points,
    show_compression,
    sizes,
    timed_alike,
    with_latency_share,
)
from eigenprune.report.trials.pruned_nodes import beside
from eigenprune.report.trials.trial_exhibits import ShownTrials, there

PARTS: dict[str, Any] = {
    "studies": {"quick": {"pruning_ratios": [0.5, 0.75]}},
    "quick_arena": ["quick"],
    "rivals": {
        "chance": {"score": "random"},
        "norm": {"score": "weight_norm"},
        "gain": {"score": "eigenvalue", "layer": "spectral"},
    },
    "trials": {
        "tiny": {"kind": "compression", "grid": [{"method": ["none"]}]},
        "wider": {"kind": "compression", "grid": {"method": ["none"]}, "hidden": [9, 6]},
    },
    "quick_trials": ["tiny", "wider"],
}


@pytest.fixture
def both(arena_project: Callable[..., Params]) -> tuple[list[ShownTrials], Arena]:
    arena_project(**PARTS)
    return there(["tiny", "wider"]), Arena.of(["quick"])


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": ["none", "low-rank", "low-rank", "magnitude"],
            "sparsity": [None, None, None, 0.9],
            "rank": pd.array([None, 5, 5, None], dtype="Int64"),
            "retraining_epochs": [0, 0, 3, 0],
            "accuracy": [0.9, 0.5, 0.8, 0.7],
            "accuracy_std": [0.01, None, None, None],
            "by_seed": [{1: 0.9}, {1: 0.5}, {1: 0.8}, {1: 0.7}],
            "parameters": [1000, 100, 100, 100],
            "bytes": [4000, 400, 400, 600],
            "macs": [1000, 100, 100, 100],
        }
    )


def test_it_is_told_with_what_it_costs(rows: pd.DataFrame) -> None:
    table = points(with_latency_share(rows))
    assert table.loc[("low-rank", "rank 5")].to_dict() == {
        "parameters": "100",
        "bytes": "400",
        "MACs": "100",
        "as it is": "50.00",
        "trained at the final size": "80.00",
    }
    assert table.loc[("none", "")].tolist()[-2:] == ["90.00 ± 1.00", ""]
    labels = [panel.get_xlabel() for panel in sizes(rows).axes]
    assert labels == ["parameters stored", "bytes stored", "multiply-accumulates (MACs)"]


def test_the_largest_that_fits_is_taken_and_not_the_best(rows: pd.DataFrame) -> None:
    better_and_smaller = rows.iloc[[1]].assign(bytes=100, accuracy=0.85, rank=1)
    too_large = rows.iloc[[3]].assign(method="quantised", bytes=2001)
    found = within_budgets(pd.concat([rows, better_and_smaller, too_large], ignore_index=True))
    assert list(found.columns) == ["≤ 50%", "≤ 20%", "≤ 10%", "≤ 5%", "≤ 2%"]
    assert set(found.index.get_level_values("method")) == {"low-rank", "magnitude"}
    low_rank = found.loc[("low-rank", "as it is")]
    assert list(low_rank) == [
        *["50.00 (10.0%)"] * 2,
        "50.00 (10.0%)○",
        "85.00 (2.5%)○",
        "",
    ]
    assert found.loc[("low-rank", "at the final size"), "≤ 10%"] == "80.00 (10.0%)○"
    assert found.loc[("magnitude", "as it is"), "≤ 10%"] == "", "it takes more than a tenth"
    assert within_budgets(rows.iloc[[0]]).empty
    assert within_budgets(rows.iloc[1:]).empty, "nothing to measure by"


def test_only_what_is_told_apart_from_the_best_of_its_budget_loses_the_mark(
    rows: pd.DataFrame,
) -> None:
    noise = {1: 0.001, 2: -0.001, 3: 0.002}

    def network(method: str, offset: float, sign: float, seeds: tuple[int, ...]) -> pd.DataFrame:
        by_seed = {seed: 0.7 + 0.01 * seed + offset + sign * noise[seed] for seed in seeds}
        mean = sum(by_seed.values()) / len(by_seed)
        return rows.iloc[[3]].assign(method=method, bytes=400, accuracy=mean, by_seed=[by_seed])

    networks = [
        network("best", 0.0007, 1, (1, 2, 3)),
        network("near", 0.0, -1, (1, 2, 3)),
        network("far", -0.1, -1, (1, 2, 3)),
        network("untested", -0.1, -1, (1,)),
    ]
    found = within_budgets(pd.concat([rows.iloc[[0]], *networks], ignore_index=True))
    marked = found["≤ 10%"].str.endswith("○").droplevel("trained")
    assert marked.to_dict() == {"best": True, "far": False, "near": True, "untested": False}


def test_time_is_shown_where_it_was_measured(rows: pd.DataFrame) -> None:
    timed = rows.assign(latency=[8.0, 2.0, 2.0, 1.0], kernel=[*["dense"] * 3, "sparse"])
    shares = with_latency_share(timed)
    assert shares["latency_share"].tolist() == [1, 0.25, 0.25, 0.125]
    table = points(shares)
    assert table["latency (ms)"].tolist() == ["8.00", "2.00", "1.00 sparse"]
    assert table["latency share"].tolist() == ["1.00", "0.25", "0.12"]
    assert sizes(shares).axes[2].get_xlabel() == "latency, share of the whole network's"
    # Without the whole network there is nothing to compare the times with.
    assert "latency_share" not in with_latency_share(timed[1:])


def test_the_best_pruned_networks_of_the_same_widths_stand_beside(
    both: tuple[list[ShownTrials], Arena],
) -> None:
    (tiny, wider), arena = both
    (shown,) = arena.shown
    table = shown.table
    # Some would win but do not compete: random nodes, a method that was pruned by one ratio only,
    # one that averages and, unless it is retrained, one that prunes during training.
    better = {"chance": 0.9, "norm": 0.6, "gain": 0.5}
    plain = table["retraining"] == "none"
    changed = table.assign(
        accuracy=table["accuracy"].where(~plain, table["method"].map(better)),
        latency=table["macs_kept"] / 100,
    )
    unfinished = changed[(changed["method"] == "norm") & (changed["pruning_ratio"] == 0.5) & plain]
    odd = unfinished.assign(method="gain-too", accuracy=1.0)
    averaged = changed[(changed["method"] == "norm") & plain].assign(
        method="averaged", regulariser="averaged_taylor_pruning", accuracy=0.95
    )
    aimed = changed[changed["method"] == "norm"].assign(
        method="aimed", regulariser="gradient_pruning", accuracy=0.97
    )
    parts = [changed, odd, averaged, aimed]
    made = replace(shown, table=pd.concat(parts, ignore_index=True))
    rows, (study,) = beside(tiny, "relu", replace(arena, shown=(made,)))
    pruned = rows[rows["retraining_epochs"] == 0]
    again = rows[(rows["retraining_epochs"] == 1) & rows["method"].ne("nodes: small")]
    assert again["method"].tolist() == ["nodes: aimed"] * 2, "retrained it does"
    assert pruned["method"].tolist() == ["nodes: norm"] * 2 and (pruned["accuracy"] == 0.6).all()
    assert pruned["pruning_ratio"].tolist() == [0.5, 0.75] and (rows["n"] == 2).all()
    assert rows["method"].iloc[-1] == "nodes: small" and rows["retraining_epochs"].iloc[-1] == 1
    assert (rows["bytes"] == 4 * rows["parameters"]).all()
    whole = 64 * 8 + 8 * 6 + 6 * 10
    assert (rows["latency_share"] - rows["macs"] / whole).abs().max() < 1e-12
    assert "chance" not in study.methods and "small" in study.methods
    # Other widths, another activation, or recorded trials with an unrecorded arena: nothing.
    assert beside(wider, "relu", arena)[0].empty and beside(tiny, "tanh", arena)[1] == []
    assert beside(replace(tiny, recorded=True), "relu", arena)[0].empty


def test_the_figure_says_whose_runs_stand_beside(
    both: tuple[list[ShownTrials], Arena], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def display(bundle, *, raw, metadata):  # type: ignore[no-untyped-def]
        if "name" in (said := metadata[METADATA]):
            told.append((said["name"], [origin["study"]["name"] for origin in said["origins"]]))

    monkeypatch.setattr("IPython.display.display", display)
    show_compression(*both)
    assert told == [
        ("budgets-tiny-relu", ["tiny", "quick"]),
        ("sizes-tiny-relu", ["tiny", "quick"]),
        ("points-tiny-relu", ["tiny", "quick"]),
        ("sizes-wider-relu", ["wider"]),
        ("points-wider-relu", ["wider"]),
    ]


def test_recorded_trials_are_shown_with_their_times(
    both: tuple[list[ShownTrials], Arena], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def display(bundle, *, raw, metadata):  # type: ignore[no-untyped-def]
        if "name" in (said := metadata[METADATA]):
            told.append((bundle.get("text/markdown", ""), said["caption"]))

    monkeypatch.setattr("IPython.display.display", display)
    (tiny, _), arena = both
    record(tiny.trials, Store(Path("runs")))
    show_compression([replace(tiny, recorded=True)], arena)
    (_, figure), (table, words) = told
    assert "bytes and latency" in figure and f"on one thread of {processor()}" in words
    assert "latency (ms)" in table


def test_times_of_another_kind_of_processor_are_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machines = {"digits": {"processor": "this"}}
    monkeypatch.setattr(latencies, "machines", lambda: machines)
    assert timed_alike("digits", pd.DataFrame({"processor": ["this", "this"]}))
    for dataset, processors in (("digits", ["this", "that"]), ("mnist", ["this"])):
        assert not timed_alike(dataset, pd.DataFrame({"processor": processors}))
