"""Tables and figures: laws of the numbers, and a clear message if there is nothing to show."""

import io
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from eigenprune.lab.errors import UserError
from eigenprune.lab.methods import METHODS
from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.studies import load_params
from eigenprune.report import figures, readable
from eigenprune.report.comparison.agreement import compare
from eigenprune.report.comparison.published import published_curves
from eigenprune.report.curves import read_curves, write_curves
from eigenprune.report.statistics import headline, over_seeds
from eigenprune.report.terminal import agreement_table, tables


@pytest.fixture
def curves() -> pd.DataFrame:
    """Two methods, two seeds; `b` starts lower than `a` and loses nothing."""
    rows = []
    for method, accuracies in {"direct": (0.9, 0.5), "post": (0.8, 0.8)}.items():
        for seed in (1, 2):
            for ratio, accuracy in zip((0.0, 0.9), accuracies, strict=True):
                found = accuracy + 0.02 * seed
                network = ["s", "digits", "10", "relu", method, seed, ratio]
                rows.append([*network, 10 - int(9 * ratio), 100, found, 0.1])
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_means_deviations_and_numbers(curves: pd.DataFrame) -> None:
    point = over_seeds(curves).set_index(["method", "pruning_ratio"]).loc[("direct", 0.9)]
    assert point["accuracy_mean"] == pytest.approx(0.53)
    assert point["accuracy_std"] == pytest.approx(curves["accuracy"].iloc[[1, 3]].std())
    assert point["n"] == 2


def test_every_method_has_its_own_control(curves: pd.DataFrame) -> None:
    numbers = headline(over_seeds(curves))["relu"]
    assert numbers["direct"]["unpruned"] == pytest.approx(0.93)
    assert numbers["post"]["unpruned"] == numbers["post"]["pruned"] == pytest.approx(0.83)
    without = over_seeds(curves[(curves["method"] == "post") | (curves["pruning_ratio"] > 0)])
    assert "unpruned" not in headline(without)["relu"]["direct"]


def test_table_to_read(curves: pd.DataFrame) -> None:
    table = readable.accuracies(over_seeds(curves))
    assert list(table.columns) == ["direct", "post"]
    assert table.loc[("relu", 0.9), "direct"] == "53.00 ± 1.41"


def test_curves_come_back_as_they_were(curves: pd.DataFrame, tmp_path: Path) -> None:
    curves["loss"] = 1 / 3 + curves["accuracy"]
    write_curves(curves, tmp_path / "curves.csv")
    pd.testing.assert_frame_equal(read_curves(tmp_path / "curves.csv"), curves)
    (tmp_path / "curves.csv").write_text("study,dataset\n")
    with pytest.raises(UserError, match="no column 'hidden'"):
        read_curves(tmp_path / "curves.csv")


def test_published_points_of_the_same_depth(root: Path) -> None:
    params = load_params(root / "params.yaml")
    points = published_curves(params.study("mnist-3x500"))
    assert set(points["hidden"]) == {"3 layers"}
    assert points["pruning_ratio"].max() < 1
    assert set(published_curves(params.study("mnist-1x500"))["hidden"]) == {"2000"}
    assert published_curves(params.study("digits-1x100")).empty


def test_the_same_figure_is_the_same_file(curves: pd.DataFrame, tmp_path: Path) -> None:
    figures.use_style()
    means = over_seeds(curves)
    for name in ("one.svg", "two.svg"):
        figures.save(figures.tradeoff(means), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    figures.tradeoff(means[means["pruning_ratio"] > 0], against="parameters_kept")
    with pytest.raises(UserError, match="nothing to draw"):
        figures.tradeoff(means.iloc[:0])


def test_the_legend_names_what_the_first_panel_lacks(curves: pd.DataFrame) -> None:
    figures.use_style()
    means = over_seeds(curves)
    other = means.assign(activation="other", method="pre")
    panels = figures.tradeoff(pd.concat([means, other]))
    labels = [text.get_text() for text in panels.legends[0].get_texts()]
    assert any("before training" in label for label in labels)
    assert len(labels) == len(set(labels))


def test_figures_of_networks_take_methods_of_the_arena_too() -> None:
    """A quick study may list them; they have no look of their own."""
    figures.use_style()
    rows = pd.DataFrame({"activation": "relu", "method": ["pre", "l1", "l1"], "seed": [1, 1, 2]})
    drawn = [
        figures.losses(rows.assign(epoch=1, loss=0.5)),
        figures.nodes_by_layer(rows.assign(layer=1, pruning_ratio=0.5, share=0.5)),
        figures.spectra_over_epochs(rows.assign(epoch=1, eigenvalue=0.5)),
    ]
    labels = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert labels == [METHODS["pre"].label, "l1"]
    assert len(drawn[2].axes) == 2


def test_the_unpruned_control_is_in_no_verdict() -> None:
    rows = pd.DataFrame(
        {
            "dataset": "digits",
            "hidden": "8",
            "activation": "relu",
            "pruning_ratio": [0.0, 0.5, 0.9],
            "verdict": ["worse", "open", "not tested"],
        }
    )
    assert readable.verdicts(rows).iloc[0].to_dict() == {
        "better": 0,
        "worse": 0,
        "open": 1,
        "not tested": 1,
    }
    said = "better in 0 of 2 settings, worse in 0, open in 1, not tested in 1"
    assert readable.verdict_summary(rows) == said


def test_a_narrow_terminal_shows_every_number() -> None:
    name = "fashion-mnist-1x2000-75-epochs"
    rows = [[name, "mnist", "2000", "relu", "direct", 1, 0.5, 1000, 10, 0.5, 0.1]]
    points = [["mnist", "2000", "relu", "direct", 0.5, 0.98, 0.01, 5]]
    columns = ["dataset", "hidden", "activation", "method", "pruning_ratio"]
    published = pd.DataFrame(points, columns=[*columns, "accuracy_mean", "accuracy_std", "n"])
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(agreement_table(compare(pd.DataFrame(rows, columns=list(COLUMNS)), published)))
    told = console.export_text()
    assert "0/1" in told and "-48.00 at 0.5" in told and "direct" in told


def test_eighty_columns_show_every_number_and_name_of_many_methods() -> None:
    names = [f"spectral-averaged-taylor-pruning-{n}-retrained" for n in range(9)]
    ratios = [0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98]
    rows = [
        ("mnist", "500-500-500", "relu", name, 5, ratio, 0.5 + 0.001 * (10 * i + j), 0.01)
        for i, name in enumerate(names)
        for j, ratio in enumerate(ratios)
    ]
    columns = ["dataset", "hidden", "activation", "method", "n", "pruning_ratio"]
    means = pd.DataFrame(rows, columns=[*columns, "accuracy_mean", "accuracy_std"])
    told = io.StringIO()
    [table] = tables(means, pd.DataFrame())
    Console(file=told, width=80).print(table)
    words = told.getvalue().split()
    assert "…" not in told.getvalue()
    assert {f"{100 * row[-2]:.1f}" for row in rows} <= set(words)
    assert all(name in "".join(w for w in words if not w[0].isdigit()) for name in names[:1])


def test_how_often_a_method_is_below_chance() -> None:
    ratios, seeds = (0.0, 0.5, 0.9), (1, 2)
    rows = [
        {"dataset": "digits", "hidden": "9", "activation": "relu", "method": method,
         "pruning_ratio": ratio, "seed": seed, "accuracy": accuracy if ratio < 0.9 else 0.5}
        for method, accuracy in (("post", 0.4), ("direct", 0.9), ("random", 0.6))
        for ratio in ratios for seed in seeds
    ]  # fmt: skip
    table = readable.below(pd.DataFrame(rows), "random")
    counts = {"seeds": 2, "post": "1 of 2", "direct": "0 of 2"}
    assert table.to_dict("index") == {("digits", "9", "relu"): counts}
    # Another width is another setting, so no mean is taken over the two.
    wider = pd.DataFrame(rows).assign(hidden="99", accuracy=0.5)
    both = readable.below(pd.concat([pd.DataFrame(rows), wider]), "random")
    assert both.to_dict("index") == {
        ("digits", "9", "relu"): counts,
        ("digits", "99", "relu"): {"seeds": 2, "post": "0 of 2", "direct": "0 of 2"},
    }
    assert readable.below(pd.DataFrame(rows), "nobody").empty
