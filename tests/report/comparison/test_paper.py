"""The recorded results as the chapters read them, and how their tables read."""

import json
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.rows import COLUMNS
from eigenprune.report import figures, readable, speed, speed_figures
from eigenprune.report.comparison import paper, tables
from eigenprune.report.comparison.agreement import OF_STUDY
from eigenprune.report.curves import write_curves
from eigenprune.report.ranking import kept_by_training

STUDY = {
    "name": "mine",
    "dataset": "mnist",
    "hidden": [2000],
    "activations": ["relu"],
    "methods": ["direct"],
    "seeds": [1, 2],
    "pruning_ratios": [0.5],
    "epochs": 1,
    "retraining_epochs": 1,
    "batch_size": 200,
    "learning_rate": 0.001,
    "initialisation": "2022",
}


@pytest.fixture
def project(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One study is recorded, with accuracies far from the published ones at ratio 0.5."""
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/published").symlink_to(root / "results/published")
    folder = tmp_path / "results/paper/mine"
    rows = [
        ["mine", "mnist", "2000", "relu", "direct", seed, ratio, 1000, 10, accuracy, 0.1]
        for seed in (1, 2)
        for ratio, accuracy in ((0.0, 0.98), (0.5, 0.5 + seed / 100))
    ]
    write_curves(pd.DataFrame(rows, columns=list(COLUMNS)), folder / "curves.csv")
    manifest = {
        "study": STUDY,
        "rows": 4,
        "rows_planned": 4,
        "training_seconds": 3600.0,
        "made_with": [{"seconds": 1800.0}, {"seconds": 1800.0}],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.usefixtures("project")
def test_what_is_recorded_is_found_and_the_rest_left_out() -> None:
    [study] = paper.recorded_studies(["mine", "other"])
    assert (study.name, study.hidden) == ("mine", (2000,))
    assert len(paper.curves_of([study])) == 4
    [row] = paper.recorded_table([study]).to_dict("records")
    assert (row["seeds"], row["rows"], row["hours"]) == ("2", 4, 2.0)
    with pytest.raises(UserError, match="`eigenprune record` writes them"):
        paper.curves_of([])
    with pytest.raises(UserError, match="none of the studies"):
        paper.recorded_table([])


@pytest.mark.usefixtures("project")
def test_a_study_is_narrowed_to_what_is_shown() -> None:
    [study] = paper.recorded_studies(["mine"])
    assert paper.narrowed([study], "mnist", ["direct", "post"], "2000") == [study]
    for other in (("digits", ["direct"]), ("mnist", ["post"]), ("mnist", ["direct"], "500")):
        assert paper.narrowed([study], *other) == []


def test_a_damaged_manifest_is_named(project: Path) -> None:
    (project / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match=r"manifest\.json: no manifest"):
        paper.recorded_studies(["mine"])


@pytest.mark.usefixtures("project")
def test_points_that_disagree_are_shown() -> None:
    points = paper.agreement_of(paper.recorded_studies(["mine"]))
    assert points["agrees"].tolist() == [False]
    assert "epochs 1 (published: 100)" in points["other_settings"].item()
    table = tables.agreement(points).iloc[0]
    assert (table["seeds"], table["agree"], table["share"]) == (2, "0 of 1", "0%")
    [point] = tables.disagreements(points).to_dict("records")
    assert point["ours"] == "51.50 ± 0.71"
    assert tables.disagreements(points.assign(agrees=True)).empty


def test_nothing_published_is_an_empty_table_that_can_be_read() -> None:
    nothing = paper.agreement_of([])
    assert list(nothing.columns) == OF_STUDY
    assert tables.agreement(nothing).empty and tables.disagreements(nothing).empty


@pytest.mark.usefixtures("project")
def test_each_width_stands_beside_what_was_published() -> None:
    points = paper.agreement_of(paper.recorded_studies(["mine"]))
    both = pd.concat([points, points.assign(hidden="800", mean=points["published_mean"])])
    [row] = tables.beside_published(both.assign(agrees=[False, True])).to_dict("records")
    assert row["2000"] == "51.50 ± 0.71 *"
    assert row["800"].split()[0] == row["published"].split()[0]


def test_nodes_that_stay_are_counted_by_layer() -> None:
    rows = [["relu", "post", layer, 0.5, share] for layer, share in ((1, 0.25), (2, 0.75))]
    columns = ["activation", "method", "layer", "pruning_ratio", "share"]
    table = readable.nodes_by_layer(pd.DataFrame(rows, columns=columns), [100, 40])
    assert table.loc[("relu", "post", "0.5")].to_dict() == {"layer 1": "25", "layer 2": "30"}


def spectra(seeds: dict[int, tuple[list[float], list[float]]]) -> pd.DataFrame:
    rows = [
        ["relu", "post", seed, 1, node, when, value]
        for seed, both in seeds.items()
        for when, values in zip(("before", "after"), both, strict=True)
        for node, value in enumerate(values)
    ]
    columns = ["activation", "method", "seed", "layer", "node", "when", "eigenvalue"]
    return pd.DataFrame(rows, columns=columns)


def test_rank_correlations_are_those_of_absolute_values() -> None:
    same, opposite = [0.1, -0.2, 0.3, -0.4], [0.4, 0.3, 0.2, 0.1]
    both, one = spectra({1: (same, same), 2: (opposite, same)}), spectra({1: (same, opposite)})
    table = kept_by_training({"two": both, "one": one})
    assert table.loc[("two", "relu")].to_dict() == {
        "networks": 2,
        "kept by training": "0.00 ± 1.41",
        "between seeds": "1.00",
    }
    assert table.loc[("one", "relu")].to_dict() == {
        "networks": 1,
        "kept by training": "-1.00",
        "between seeds": "",
    }


def test_verdicts_are_counted_by_setting() -> None:
    table = pd.DataFrame(
        {
            "dataset": "mnist",
            "hidden": "500",
            "activation": ["relu", "relu", "tanh"],
            "pruning_ratio": [0.5, 0.9, 0.5],
            "difference": [0.1, -0.1, 0.1],
            "low": [0.0, -0.2, 0.0],
            "high": [0.2, 0.0, 0.2],
            "verdict": ["better", "open", "better"],
        }
    )
    counts = readable.verdicts(table)
    assert counts.loc[("mnist", "500", "relu")].tolist() == [1, 0, 1]
    assert counts.loc[("mnist", "500", "tanh")].tolist() == [1, 0, 0]
    figure = figures.differences(table)
    assert [panel.get_title() for panel in figure.axes] == ["relu", "tanh"]


def test_aims_are_reached_or_missed(root: Path) -> None:
    measured = speed.read_measured(root / "results" / "bench" / "cpu-2-threads-amd.json")
    before = speed.aims(measured)
    assert len(before) == 4 and before.index.is_unique
    for row in measured["training"]:
        if row["network"] == "spectral, lambda_out":
            row |= {"alone_times_plain": 1.05, "side_by_side_times_plain": 1.06}
            row |= {"alone_range": [1.01, 1.1], "side_by_side_range": [1.06, 1.06]}
    for row in measured["inference"]:
        if (row["network"], row["pruning_ratio"], row["batch_size"]) == ("compacted", 0.9, 1024):
            row["speed_up"] = 6.99
    aims = speed.aims(measured)
    assert aims.iloc[0].tolist() == [
        "1.050 x, 1.01 to 1.10: reached, not resolved",
        "1.060 x: missed",
    ]
    assert aims.iloc[3].tolist() == ["6.990 x: missed", ""]
    networks = {row["network"]: row for row in measured["training"]}
    every, alone = networks["spectral, lambda_out"], networks["eigenvalues only"]
    alone |= {"alone": every["alone"] / 5.1, "side_by_side": every["side_by_side"] / 4.9}
    assert speed.aims(measured).iloc[2].tolist() == ["5.100 x: reached", "4.900 x: missed"]


def test_a_sweep_says_how_long_it_took(tmp_path: Path) -> None:
    path = tmp_path / "gpu.csv"
    path.write_text(
        "device,torch,commit,studies,runs,seconds\nG,2,123456789012,a,3,4\nG,2,123456789012,b,5,6\n"
    )
    table, told = speed.sweep(path)
    assert list(table.index) == ["a", "b"] and list(table["seconds"]) == [4, 6]
    assert told == "G, torch 2, commit 123456789012: 8 runs in 10 seconds."
    path.write_text("device,seconds\nG,4\n")
    with pytest.raises(UserError, match=r"gpu\.csv: no column 'torch'; needed: "):
        speed.sweep(path)


def test_a_bench_can_be_shown(tmp_path: Path) -> None:
    machine = {"device": "cpu", "processor": "p", "threads": 2, "torch": "2", "commit": "c"}
    row = {"network": "masked", "pruning_ratio": 0.5, "batch_size": 1}
    measured = {
        "machine": machine,
        "dataset": "mnist",
        "hidden": [500],
        "rounds": 3,
        "training": [
            {"network": "plain", "alone": 2.0, "alone_times_plain": 1.0}
            | {"side_by_side": 3.0, "side_by_side_times_plain": 1.0}
        ],
        "inference": [{**row, "seconds": 0.001, "speed_up": 0.9}],
    }
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(measured))
    assert speed.read_measured(path) == measured
    assert "784-500-10" in speed.where(measured) and "3 processes" in speed.where(measured)
    cells = speed.training_table(measured).loc["plain"]
    assert cells["a network on each core"] == "3.000 (1.00 x)"
    measured["training"][0]["side_by_side_range"] = [0.951, 1.2]
    cells = speed.training_table(measured).loc["plain"]
    assert cells["a network on each core"] == "3.000 (1.00 x, 0.95 to 1.20)"
    assert speed.inference_table(measured).loc[("masked", 0.5), "batch 1"] == "1.000 (0.9 x)"
    speed_figures.training_figure(measured)
    speed_figures.inference_figure(measured)
    for text in ("{}", "[]", "no json"):
        path.write_text(text)
        with pytest.raises(UserError, match="eigenprune bench --json"):
            speed.read_measured(path)
    with pytest.raises(UserError, match="eigenprune bench --json"):
        speed.read_all(tmp_path, "nothing*")
