"""Trials of growing: the controls have what the grown network has."""

from collections.abc import Callable
from typing import Any

import pytest

from eigenprune.lab.execution.work import epochs
from eigenprune.lab.runs import Trial
from eigenprune.lab.trials.entries import Trials, plan
from eigenprune.lab.trials.retraining import retrain

Make = Callable[..., Trials]
RowsOf = Callable[[Trial], list[dict[str, Any]]]


def one(make: Make, algorithm: str, connectivity: float, wanted_loss: float = 0.01) -> Trial:
    grid: dict[str, Any] = {
        "algorithm": [algorithm],
        "choice": ["largest"],
        "wanted_loss": [wanted_loss],
        "connectivity": [connectivity],
        "new_connections": [0.1],
        "tolerance": [0.5],
        "patience": [1],
    }
    nodes = {"first_nodes": [4], "new_nodes": [3]} if algorithm == "nodes" else {}
    (run,) = plan(make("growing", {**grid, **nodes}, hidden=[12], epochs=4, retraining_epochs=3))
    return run


@pytest.mark.parametrize("algorithm", ["connections", "nodes"])
def test_the_controls_have_as_many_connections(make: Make, rows_of: RowsOf, algorithm: str) -> None:
    run = one(make, algorithm, connectivity=0.2)
    rows = {row["network"]: row for row in rows_of(run)}
    grown = rows["grown"]
    assert list(rows) == ["grown", "static-sparse", "small-dense", "pruned"]
    for name in ("static-sparse", "pruned"):
        assert rows[name]["connections"] == grown["connections"]
    dense = rows["small-dense"]
    assert dense["connections"] == dense["nodes"] * (64 + 10)
    assert 0 <= grown["connections"] - dense["connections"] < 64 + 10
    assert rows["static-sparse"]["nodes"] == grown["nodes"] <= 12
    assert (grown["nodes"] == 12) or algorithm == "nodes"
    assert rows["pruned"]["nodes"] == 12
    # All stop at the budget, which here is not enough for so small a loss.
    assert {row["epochs"] for row in rows.values()} == {7}
    assert {row["ended"] for row in rows.values()} == {"spent"}
    assert sum(row["epochs"] for row in rows.values()) - run.training.epochs == epochs(run)
    assert len({row["loss"] for row in rows.values()}) == 4


def test_the_controls_are_trained_in_stretches_as_what_grew(
    make: Make, rows_of: RowsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = one(make, "connections", connectivity=0.2)
    stretches = []

    def noted(*args: Any, **how: Any) -> Any:
        stretches.append((how["stream"], how["epochs"]))
        return retrain(*args, **how)

    monkeypatch.setattr("eigenprune.lab.trials.growing.retrain", noted)
    rows_of(run)
    # Seven epochs for each of two controls; each epoch has a fresh Adam and another order.
    assert stretches == 2 * [(f"order after {begun} epochs", 1) for begun in range(7)]


def test_growing_starts_with_the_nodes_that_it_is_told(make: Make, rows_of: RowsOf) -> None:
    run = one(make, "nodes", connectivity=0.2, wanted_loss=5)
    grown, static, *_ = rows_of(run)
    assert grown["nodes"] == 4 and grown["ended"] == "reached"
    # The control, which never grows, is not trained for longer than the growing network.
    assert grown["epochs"] == static["epochs"] == 1


def test_too_few_connections_have_no_dense_control(make: Make, rows_of: RowsOf) -> None:
    run = one(make, "connections", connectivity=0.02, wanted_loss=5)
    rows = rows_of(run)
    assert [row["network"] for row in rows] == ["grown", "static-sparse", "pruned"]
    assert len({row["connections"] for row in rows}) == 1
    assert rows[0]["connections"] < 64 + 10
