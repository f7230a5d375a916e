"""What compressed networks cost: the operations of every point, and times measured once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from eigenprune import compression
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import sweep
from eigenprune.lab.records.recorded import folder_of
from eigenprune.lab.store import Store
from eigenprune.lab.trials import costs
from eigenprune.lab.trials.entries import Trials
from eigenprune.lab.trials.tables import record
from eigenprune.networks import mlp

Make = Callable[..., Trials]

WEIGHTS = 64 * 12 + 12 * 8 + 8 * 10
GRID: list[Mapping[str, Any]] = [
    {"method": ["none"]},
    {"method": ["magnitude", "gradual-magnitude"], "sparsity": [0.75]},
    {"method": ["low-rank"], "rank": [2]},
    {"method": ["sparse-dense"], "rank": [3], "sparsity": [0.5]},
    {"method": ["quantised"], "bits": [4]},
    {"method": ["clustered"], "clusters": [4]},
]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def trials(make: Make) -> Trials:
    return make("compression", GRID, activations=["relu", "tanh"])


def test_operations_are_those_of_the_weights_that_are_left(trials: Trials) -> None:
    """As many as parameters, except for scales and centroids, by which nothing is multiplied."""
    table = costs.with_costs(trials, sweep.run_study(trials, executor="inline"), recorded=False)
    free = ~table["method"].isin(["quantised", "clustered"])
    assert (table["macs"] == table["parameters"])[free].all()
    assert (table["macs"] == WEIGHTS)[~free].all()
    assert "latency" not in table


def test_time_is_measured_when_trials_are_recorded_and_then_stays(
    trials: Trials, store_folder: Path
) -> None:
    here = sweep.run_study(trials, executor="inline")
    path = record(trials, Store(store_folder)).folder / costs.FILE
    before = path.read_bytes()
    table = costs.with_costs(trials, here, recorded=True)
    assert (table["latency"] > 0).all() and set(table["kernel"]) <= {"dense", "sparse"}
    assert (table[~table["method"].str.contains("magnitude|sparse")]["kernel"] == "dense").all()
    # One network is timed for all seeds, with and without retraining.
    assert (
        table.groupby(["activation", *trials.options], dropna=False)["latency"].nunique() == 1
    ).all()
    # And methods whose networks cost the same have one time.
    relu = table[table["activation"] == "relu"].drop_duplicates("method").set_index("method")
    assert relu.loc["none", "latency"] == relu.loc["quantised", "latency"]
    assert relu.loc["magnitude", "latency"] == relu.loc["gradual-magnitude", "latency"]
    written = pd.read_csv(path)
    assert len(written) == 2 * len(trials.points) and written["processor"].notna().all()
    record(trials, Store(store_folder))
    assert path.read_bytes() == before


def test_what_was_measured_of_other_networks_does_not_count(
    trials: Trials, store_folder: Path
) -> None:
    here = sweep.run_study(trials, executor="inline")
    record(trials, Store(store_folder))
    assert costs.read(replace(trials, hidden=(12, 9))) == {}
    more = replace(trials, points=(*trials.points, (("method", "low-rank"), ("rank", 4))))
    assert len(costs.read(more)) == 2 * len(trials.points)
    (folder_of(trials) / costs.FILE).write_text("<<<<<<< HEAD\n")
    with pytest.raises(UserError, match=r"costs\.csv: no column 'dataset'.* restore it from Git"):
        costs.read(more)
    (folder_of(trials) / costs.FILE).unlink()
    assert "latency" not in costs.with_costs(trials, here, recorded=True)


def test_sparse_rows_compute_the_same_network() -> None:
    inputs = torch.rand(5, 64)
    for bias in (False, True):
        model = mlp([64, 20, 10], layer="dense", bias=bias, seed=1)
        sparse, _ = compression.prune_connections(model, 0.8)
        compute = costs.in_sparse_rows(sparse)
        assert compute is not None
        torch.testing.assert_close(compute(inputs), sparse(inputs))
    assert costs.in_sparse_rows(model) is None


def test_the_faster_kernel_counts() -> None:
    """An almost empty network of this size takes the sparse kernel; a full one has no choice."""
    full = mlp([784, 500, 500, 10], layer="dense")
    empty, _ = compression.prune_connections(full, 0.999)
    thin = mlp([784, 10, 500, 10, 500, 10], layer="dense")
    timed = costs.fastest_latencies([full, empty, thin])
    (whole, dense), (little, sparse), (two, also_dense) = timed
    assert (dense, sparse, also_dense) == ("dense", "sparse", "dense")
    assert max(little, two) < whole
