"""What the chapters on the published study compare: every width, and `pre` with its controls.

`pre` may be recorded in two studies, computed on two machines.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from IPython.display import Markdown

from eigenprune.lab.errors import UserError
from eigenprune.report import shown
from eigenprune.report.comparison import coverage, paper
from eigenprune.report.comparison.same_network import same_network
from eigenprune.report.paired import paired_differences

MAIN, CONTROLS = "mnist-1x500", "mnist-1x500-controls"
METHODS = ["pre", "pre-random", "post-retrained", "small"]


@pytest.fixture
def project(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results of a main study and of its controls, without `pre` among the controls."""
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/paper").mkdir(parents=True)
    (tmp_path / "results/published").symlink_to(root / "results/published")
    for name in (MAIN, CONTROLS):
        shutil.copytree(root / "results/paper" / name, tmp_path / "results/paper" / name)
    folder = tmp_path / "results/paper" / CONTROLS
    curves, runs = tables(folder)
    kept = curves["method"].ne("pre")
    write(folder, curves[kept], runs[kept])
    return tmp_path


def tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    text = {"hidden": str, "nodes_by_layer": str, "commit": str}
    curves, runs = (pd.read_csv(folder / f"{name}.csv", dtype=text) for name in ("curves", "runs"))
    return curves, runs


def write(folder: Path, curves: pd.DataFrame, runs: pd.DataFrame) -> None:
    curves.to_csv(folder / "curves.csv", index=False)
    runs.to_csv(folder / "runs.csv", index=False)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["study"]["methods"] = list(curves["method"].unique())
    (folder / "manifest.json").write_text(json.dumps(manifest))


def add_pre(project: Path, loss: float = 0.0) -> None:
    """Record `pre` among the controls: the unpruned networks of `pre-random`, better if pruned."""
    folder = project / "results/paper" / CONTROLS
    curves, runs = tables(folder)
    same = curves["method"].eq("pre-random")
    pre = curves[same].assign(method="pre", loss=curves["loss"] + loss)
    pre["accuracy"] += (0.01 + 0.001 * pre["seed"]) * (pre["pruning_ratio"] > 0)
    made = runs[same].assign(run="g" + runs["run"].str[1:])
    write(folder, pd.concat([curves, pre]), pd.concat([runs, made]))


def both() -> pd.DataFrame:
    return paper.curves_of(paper.recorded_studies([MAIN, CONTROLS]))


@pytest.mark.usefixtures("project")
def test_networks_of_two_machines_are_told_apart() -> None:
    told = same_network(paper.within_one_study(both(), METHODS), "pre", "pre-random")
    assert "the same trained network in 0 of 15 cases" in told
    assert "`pre` was computed on NVIDIA H200, `pre-random` on cpu (" in told
    assert "differ by up to 0." in told and "by absolute eigenvalue is 0.99" in told


def test_pre_is_taken_from_the_study_of_its_controls(project: Path) -> None:
    add_pre(project)
    curves = both()
    with pytest.raises(UserError, match="twice"):
        paired_differences(curves, "pre", "pre-random")
    alike = paper.within_one_study(curves, METHODS)
    assert set(alike["study"]) == {CONTROLS} and set(alike["method"]) == set(METHODS)
    one_by_one = pd.concat([rows for _, rows in curves.groupby("study")]).assign(n=1).set_index("n")
    assert len(paper.within_one_study(one_by_one, METHODS)) == len(alike), "whatever the index"
    tests = paired_differences(alike, "pre", "pre-random")
    assert set(tests.loc[tests["pruning_ratio"] > 0, "verdict"]) == {"better"}
    assert same_network(alike, "pre", "pre-random").startswith(
        "`pre` and `pre-random` prune the same trained network in all 15 cases; both were computed "
        "on cpu ("
    )
    assert same_network(alike, "pre", "small") == "", "they have no training in common"
    studies = paper.recorded_studies([MAIN, CONTROLS])
    [controls] = paper.behind(alike, studies)
    assert (controls.name, set(controls.methods)) == (CONTROLS, set(METHODS))


def test_one_machine_in_name_is_not_enough(project: Path) -> None:
    """Networks whose unpruned losses differ are two, whatever the machines are called."""
    add_pre(project, loss=1e-3)
    told = same_network(paper.within_one_study(both(), METHODS), "pre", "pre-random")
    assert "in 0 of 15 cases" in told and "rank correlation" not in told


def test_a_curve_that_only_one_study_has_is_kept(project: Path) -> None:
    """`pre` may be recorded for some activations first."""
    add_pre(project)
    folder = project / "results/paper" / CONTROLS
    curves, runs = tables(folder)
    kept = curves["method"].ne("pre") | curves["activation"].eq("relu")
    write(folder, curves[kept], runs[kept])
    alike = paper.within_one_study(both(), METHODS)
    found = alike[alike["method"] == "pre"].groupby("activation")["study"].unique().map(list)
    assert found.to_dict() == {"relu": [CONTROLS], "elu": [MAIN], "tanh": [MAIN]}
    told = same_network(alike, "pre", "pre-random")
    assert "in 5 of 15 cases" in told and "`pre` was computed on NVIDIA H200 and cpu (" in told


def test_no_published_point_is_counted_for_both(project: Path) -> None:
    add_pre(project)
    points = paper.agreement_of(paper.recorded_studies([MAIN, CONTROLS]))
    assert points.empty and coverage.once(points, points["agrees"]).empty


@pytest.mark.parametrize("recorded", [False, True])
def test_the_chapter_says_which_it_is(
    root: Path, project: Path, monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    if recorded:
        add_pre(project)
    said = list[str]()
    monkeypatch.setattr(shown, "show", lambda *what, **more: None)
    run_cells(root / "notebooks" / "before-training.ipynb", until="cell-12", say=said.append)
    [told] = [each for each in said if "`pre` against `pre-random`" in each]
    assert ("in all 15 cases" in told) == recorded and ("NVIDIA H200" in told) != recorded


@pytest.mark.parametrize(
    ("chapter", "until", "table", "widths"),
    [
        ("one-hidden-layer", "cell-19", "post-direct-verdicts", ["500", "2000"]),
        ("before-training", "cell-7", "pre-post-verdicts", ["500", "2000"]),
        ("several-hidden-layers", "cell-18b", "pre-post-verdicts", ["500-500-500", "800-800-800"]),
    ],
)
def test_methods_are_compared_at_every_width(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    chapter: str,
    until: str,
    table: str,
    widths: list[str],
) -> None:
    monkeypatch.chdir(root)
    tables_shown = dict[str, pd.DataFrame]()

    def keep(what: object, *, name: str, **more: object) -> None:
        if isinstance(what, pd.DataFrame):
            tables_shown[name] = what

    monkeypatch.setattr(shown, "show", keep)
    run_cells(root / "notebooks" / f"{chapter}.ipynb", until=until, say=len)
    assert tables_shown[table].index.unique("hidden").tolist() == widths


def run_cells(notebook: Path, until: str, say: Callable[[str], object]) -> None:
    """Run the code of a notebook up to a cell; `say` is given each text that it displays."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    last = [cell["id"] for cell in cells].index(until)
    names: dict[str, object] = {}
    for cell in cells[: last + 1]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
            names["display"] = lambda what: say(what.data) if isinstance(what, Markdown) else None
            if "parameters" in cell["metadata"].get("tags", []):
                names["datasets"] = ["mnist"]
