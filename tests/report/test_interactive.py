"""The interactive figures: what Plotly takes, the table's numbers, the same bytes every time."""

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from plotly.graph_objects import Figure

from eigenprune.lab import project
from eigenprune.lab.errors import UserError
from eigenprune.lab.methods import METHODS
from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.studies import load_params
from eigenprune.report import figures
from eigenprune.report.comparison.published import published_curves
from eigenprune.report.interactive import DASHES, SYMBOLS, spectra_by_epoch, tradeoff
from eigenprune.report.panels import INK, copy_plotly
from eigenprune.report.statistics import over_seeds

STUDY = "mnist-1x500"
Interactive = dict[str, Any]


@pytest.fixture(scope="module")
def means() -> pd.DataFrame:
    """Means of a study of that form: three seeds, but only one for one of the methods."""
    study = load_params(project.root() / "params.yaml").study(STUDY)
    generator = np.random.default_rng(3)
    rows = []
    for activation, method, seed, ratio in itertools.product(
        study.activations, study.methods, (1, 2, 3), (0.0, *study.pruning_ratios)
    ):
        if method == "random" and seed > 1:
            continue
        nodes = 500 - round(500 * ratio)
        key = [study.name, study.dataset, study.widths, activation, method, seed, ratio]
        rows.append([*key, nodes, 794 * nodes, generator.uniform(0.98 - ratio**4, 0.98), 0.1])
    return over_seeds(pd.DataFrame(rows, columns=list(COLUMNS)))


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return published_curves(load_params(project.root() / "params.yaml").study(STUDY))


@pytest.fixture(scope="module")
def spectra() -> pd.DataFrame:
    """Eigenvalues by epoch of two activations; one of them has one more network."""
    generator, tables = np.random.default_rng(5), []
    for activation, seed, epoch in itertools.product(("tanh", "relu"), (1, 2), (0, 2, 4)):
        if (activation, seed) != ("relu", 2):
            key = {"activation": activation, "method": "post", "seed": seed, "layer": 1}
            values = generator.uniform(-0.5, 0.5, 40) * (1 + epoch)
            rows = {**key, "node": range(40), "epoch": epoch, "eigenvalue": values}
            tables.append(pd.DataFrame(rows))
    return pd.concat(tables, ignore_index=True)


def encoded(figure: Interactive) -> str:
    return json.dumps(figure, allow_nan=False, separators=(",", ":"))


def check_schema(figure: Interactive) -> None:
    """Plotly raises ValueError for a name or a value that its figures do not have."""
    again = Figure(copy.deepcopy({key: figure[key] for key in ("data", "layout")}))
    again.frames = copy.deepcopy(figure.get("frames", []))


def curves(figure: Interactive, method: str) -> list[Interactive]:
    """The curves of a method, one for each panel."""
    return [t for t in figure["data"] if t.get("name") == METHODS[method].label]


@pytest.mark.parametrize("against", ["pruning_ratio", "parameters_kept"])
def test_plotly_takes_it_and_it_is_small(
    means: pd.DataFrame, published: pd.DataFrame, spectra: pd.DataFrame, against: str
) -> None:
    for figure in (tradeoff(means, published, against), spectra_by_epoch(spectra)):
        check_schema(figure)
        assert len(encoded(figure)) < 60_000


@pytest.mark.parametrize(
    "change", [{"data": [{"type": "scatter", "colour": "red"}]}, {"layout": {"height": "high"}}]
)
def test_plotly_refuses_what_is_wrong(means: pd.DataFrame, change: Interactive) -> None:
    with pytest.raises(ValueError):
        check_schema(tradeoff(means) | change)


def test_the_same_table_is_the_same_bytes(
    means: pd.DataFrame, published: pd.DataFrame, spectra: pd.DataFrame
) -> None:
    for make, tables in ((tradeoff, (means, published)), (spectra_by_epoch, (spectra,))):
        first = encoded(make(*tables))
        assert encoded(make(*(table.copy() for table in tables))) == first


def test_narrow_panels_with_many_decades_are_labelled_at_powers_of_ten(
    means: pd.DataFrame,
) -> None:
    def dtick(smallest: float) -> object:
        wide = means.assign(parameters_kept=1e6).copy()
        wide.loc[wide.index[0], "parameters_kept"] = smallest
        return tradeoff(wide, against="parameters_kept")["layout"]["xaxis"]["dtick"]

    assert means["activation"].nunique() > 1
    assert dtick(1e3) == 1 and dtick(5e5) == "D2"


@pytest.mark.parametrize("against", ["pruning_ratio", "parameters_kept"])
def test_the_numbers_are_those_of_the_table(means: pd.DataFrame, against: str) -> None:
    figure = tradeoff(means, against=against)
    activations = list(means["activation"].unique())
    for method in means["method"].unique():
        for activation, trace in zip(activations, curves(figure, method), strict=True):
            rows = means[(means["activation"] == activation) & (means["method"] == method)]
            assert trace["x"] == pytest.approx(list(rows[against]), abs=0.5)
            assert trace["y"] == pytest.approx(list(100 * rows["accuracy_mean"]), abs=0.0051)
            for said, row in zip(trace["customdata"], rows.itertuples(), strict=True):
                ratio, nodes, parameters, accuracy = said
                assert ratio == pytest.approx(row.pruning_ratio)
                assert (nodes, parameters) == pytest.approx(
                    (row.nodes_kept, row.parameters_kept), abs=0.5
                )
                assert accuracy.startswith(f"{100 * row.accuracy_mean:.2f} ")
                assert f"n = {row.n})" in accuracy
                assert ("±" in accuracy) == (row.n > 1)


def test_bands_are_one_standard_deviation(means: pd.DataFrame) -> None:
    figure = tradeoff(means)
    bands = [trace for trace in figure["data"] if trace.get("fill") == "toself"]
    spread = means.groupby(["activation", "method"], sort=False)["accuracy_std"].max()
    assert len(bands) == (spread > 0).sum() > 0
    assert "random" not in {band["legendgroup"] for band in bands}, "one seed has no deviation"
    for band in bands:
        (curve,) = [
            trace
            for trace in curves(figure, band["legendgroup"])
            if trace["xaxis"] == band["xaxis"]
        ]
        count = len(curve["x"])
        upper, lower = band["y"][:count], band["y"][: count - 1 : -1]
        assert band["x"] == [*curve["x"], *curve["x"][::-1]]
        for high, low, y, said in zip(upper, lower, curve["y"], curve["customdata"], strict=True):
            mean, _, rest = said[3].partition(" ± ")
            assert y == pytest.approx(float(mean))
            std = float(rest.split()[0]) if rest else 0.0
            assert (high - y, y - low) == pytest.approx((std, std), abs=0.011)


def test_every_curve_looks_as_it_does_in_the_static_figure(means: pd.DataFrame) -> None:
    assert len({method.marker for method in METHODS.values()}) == len(METHODS)
    for name, method in METHODS.items():
        assert method.marker in SYMBOLS and method.dashes in DASHES
        for trace in curves(tradeoff(means), name):
            line = {"color": method.color, "dash": DASHES[method.dashes], "width": 2}
            assert trace["line"] == line
            assert trace["marker"]["symbol"] == SYMBOLS[method.marker]


def test_published_points_are_there_and_open(means: pd.DataFrame, published: pd.DataFrame) -> None:
    points = [t for t in tradeoff(means, published)["data"] if "published" in t.get("name", "")]
    groups = published.groupby(["activation", "method"], sort=False)
    assert len(points) == groups.ngroups > 0
    assert sum(len(trace["x"]) for trace in points) == len(published)
    for trace in points:
        assert trace["mode"] == "markers" and trace["marker"]["symbol"].endswith("-open")
        number = int(trace["xaxis"].removeprefix("x") or 1) - 1
        activation = list(means["activation"].unique())[number]
        rows = groups.get_group((activation, trace["legendgroup"].partition(",")[0]))
        assert trace["x"] == rows["pruning_ratio"].tolist()
        assert trace["y"] == pytest.approx(list(100 * rows["accuracy_mean"]), abs=0.0051)
    kept = tradeoff(means, published, "parameters_kept")["data"]
    assert not [trace for trace in kept if "published" in trace.get("name", "")]


def test_the_unpruned_control_is_that_of_the_first_method(means: pd.DataFrame) -> None:
    activations = list(means["activation"].unique())
    lines = [t for t in tradeoff(means)["data"] if t["legendgroup"] == "unpruned"]
    assert len(lines) == len(activations)
    for activation, line in zip(activations, lines, strict=True):
        rows = means[(means["activation"] == activation) & (means["pruning_ratio"] == 0)]
        assert line["name"] == f"{rows.iloc[0]['method']}, unpruned"
        assert line["y"] == [pytest.approx(100 * rows.iloc[0]["accuracy_mean"], abs=0.0051)] * 2
        assert line["line"]["color"] == INK


def test_each_legend_entry_stands_once_and_switches_all_panels(
    means: pd.DataFrame, published: pd.DataFrame
) -> None:
    data = tradeoff(means, published)["data"]
    shown = [trace["name"] for trace in data if trace.get("showlegend", True)]
    assert len(shown) == len(set(shown))
    assert set(shown) == {trace["name"] for trace in data if "name" in trace}
    for name in shown:
        assert len({trace["legendgroup"] for trace in data if trace.get("name") == name}) == 1


def test_panels_stand_side_by_side_or_one_below_the_other(means: pd.DataFrame) -> None:
    layout = tradeoff(means)["layout"]
    names = ["", "2", "3"]
    for arrangement, apart, alike in (("wide", "x", "y"), ("narrow", "y", "x")):
        update = layout["meta"][arrangement]
        domains = sorted(update[f"{apart}axis{name}.domain"] for name in names)
        assert domains[0][0] == 0 and domains[-1][1] == 1
        assert all(one[1] < other[0] for one, other in itertools.pairwise(domains))
        assert all(update[f"{alike}axis{name}.domain"] == [0, 1] for name in names)
    for name in names:  # the layout without the page's script
        assert layout[f"xaxis{name}"]["domain"] == layout["meta"]["wide"][f"xaxis{name}.domain"]


def test_every_frame_counts_every_node(spectra: pd.DataFrame) -> None:
    figure = spectra_by_epoch(spectra)
    assert [frame["name"] for frame in figure["frames"]] == ["0", "2", "4"]
    titles = [note["text"] for note in figure["layout"]["annotations"]]
    assert titles == ["tanh (2 networks)", "relu (1 network)"]
    widest = spectra["eigenvalue"].abs().max()
    for frame in figure["frames"]:
        chosen = spectra[spectra["epoch"] == int(frame["name"])]
        for activation, number, moved in zip(
            ("tanh", "relu"), frame["traces"], frame["data"], strict=True
        ):
            values = chosen.loc[chosen["activation"] == activation, "eigenvalue"]
            counted, _ = np.histogram(values, bins=60, range=(-widest, widest))
            assert moved["y"] == counted.tolist() and sum(moved["y"]) == len(values)
            assert "shown" in figure["data"][number]["name"]
    for trace in figure["data"]:
        first, last = figure["frames"][0]["data"], figure["frames"][-1]["data"]
        frame = first if trace["name"] == "before training" else last
        assert trace["y"] == frame[int(trace["xaxis"].removeprefix("x") or 1) - 1]["y"]


def test_several_methods_have_a_panel_each(spectra: pd.DataFrame) -> None:
    figure = spectra_by_epoch(pd.concat([spectra, spectra.assign(method="pre")]))
    titles = [note["text"] for note in figure["layout"]["annotations"]]
    assert titles[0] == "tanh, post (2 networks)" and len(set(titles)) == 4
    assert METHODS["pre"].color in {trace["line"]["color"] for trace in figure["data"]}


def test_the_static_figure_of_the_spectra(spectra: pd.DataFrame) -> None:
    panels = figures.spectra_over_epochs(spectra).axes
    assert [panel.get_title() for panel in panels] == ["tanh (2 networks)", "relu (1 network)"]
    (median,) = panels[0].get_lines()
    tanh = spectra[spectra["activation"] == "tanh"]
    for epoch, value in zip(*median.get_data(), strict=True):
        of_epoch = tanh.loc[tanh["epoch"] == epoch, "eigenvalue"].abs()
        assert value == pytest.approx(of_epoch.median())


def test_nothing_to_draw_is_said(means: pd.DataFrame, spectra: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="no network of this study is finished"):
        tradeoff(means.head(0))
    for draw in (spectra_by_epoch, figures.spectra_over_epochs):
        with pytest.raises(UserError, match="kept by epoch"):
            draw(spectra.head(0))


def test_plotly_is_copied(tmp_path: Path) -> None:
    copy_plotly(tmp_path)
    (script,) = tmp_path.iterdir()
    assert script.name == "plotly.min.js" and "window.Plotly" in script.read_text()


def test_scores_of_ones_own_have_looks_that_plotly_knows(means: pd.DataFrame) -> None:
    first = means[means["method"] == "direct"]
    names = ["random", *"abcdefg"]
    scored = pd.concat([first.assign(method=name) for name in names], ignore_index=True)
    drawn = tradeoff(scored)
    Figure(drawn)  # refuses an unknown symbol
    lines = {t["name"]: t for t in drawn["data"] if t.get("mode") == "lines+markers"}
    assert set(lines) == {METHODS["random"].label, *"abcdefg"}
    looks = {(t["line"]["color"], t["marker"]["symbol"]) for t in lines.values()}
    assert len(looks) == len(names)
    figures.tradeoff(scored)  # nor does matplotlib
