"""The real pipeline in a fresh clone: `dvc repro` of the quick studies, once, from scratch."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from eigenprune.lab.machine import made_with
from eigenprune.report.book.start_page import LEADING, OF_RIVALS
from eigenprune.report.shown import described


def kind(made: Mapping[str, Any]) -> str:
    """What determines rounding: machines of one kind compute the same bits."""
    torch, python = made["torch"].partition("+")[0], made["python"].rpartition(".")[0]
    return f"{made['processor']}, torch {torch}, Python {python}"


def reference(root: Path) -> str:
    """The kind of machine that dvc.lock was made on; `results/reference` was recorded with it."""
    manifests = root.glob("results/reference/*/manifest.json")
    kinds = {kind(each) for path in manifests for each in json.loads(path.read_text())["made_with"]}
    assert len(kinds) == 1, kinds
    return kinds.pop()


def run(folder: Path, *command: str, code: int = 0) -> str:
    """What a command prints, run in `folder` with this environment's programs first on PATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("EIGENPRUNE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env={**kept, "PATH": path},
        capture_output=True,
        text=True,
    )
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    return told


@pytest.fixture(scope="module", name="reproduced")
def own(reproduced: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, since these tests change it."""
    return shutil.copytree(reproduced, tmp_path_factory.mktemp("own") / "eigenprune", symlinks=True)


def test_results_are_those_recorded_bit_for_bit(reproduced: Path) -> None:
    if (here := kind(made_with())) != (there := reference(reproduced)):
        pytest.skip(f"dvc.lock was made on {there}; this is {here}")
    assert run(reproduced, "git", "status", "--porcelain") == ""


def test_a_second_repro_does_nothing(reproduced: Path) -> None:
    before = (reproduced / "dvc.lock").read_bytes()
    told = run(reproduced, "dvc", "repro")
    assert "Running stage" not in told
    assert (reproduced / "dvc.lock").read_bytes() == before


def test_every_figure_and_table_has_its_card(reproduced: Path) -> None:
    executed = [*reproduced.glob("results/quick/*/*.ipynb")]
    executed += reproduced.glob("results/chapters/*.ipynb")
    shown = []
    for path in executed:
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                if {"image/svg+xml", "image/png", "text/html"} & set(output.get("data", {})):
                    told = described(output)
                    assert told is not None, f"{path}: {cell.source}"
                    # What is shown of params.yaml comes from no run.
                    if told["name"].partition("-")[0] not in ("settings", "methods"):
                        assert told["origins"] or told["files"], f"{path}: {told['name']}"
                    shown.append(told["name"])
    assert len(shown) > 50
    page = (reproduced / "build/book/html/where-from.html").read_text()
    assert page.count("outdated</td>") == 0


def test_the_start_page_shows_what_was_recorded(reproduced: Path) -> None:
    page = (reproduced / "build/book/html/index.html").read_text()
    for _, label in (LEADING, OF_RIVALS):
        assert f"_images/{label.removeprefix('fig-')}.svg" in page
        assert (reproduced / f"build/book/html/_images/{label.removeprefix('fig-')}.svg").is_file()


def test_the_verdict_on_this_run_is_told(reproduced: Path) -> None:
    told = run(reproduced, "eigenprune", "verify", "--quick")
    page = (reproduced / "build/book/html/quick/your-run.html").read_text()
    verdict = (
        "bitwise equal" if kind(made_with()) == reference(reproduced) else "equal within tolerance"
    )
    for name in yaml.safe_load((reproduced / "params.yaml").read_text())["quick"]:
        assert f"{name}: {verdict}." in told or f"{name}: bitwise equal." in told
    assert f"<strong>{verdict}</strong>" in page or "<strong>bitwise equal</strong>" in page


def test_at_most_twelve_stages(reproduced: Path) -> None:
    stages = run(reproduced, "dvc", "stage", "list", "--name-only").split()
    assert 0 < len(stages) <= 12


def test_every_study_has_its_whole_curve_and_control(reproduced: Path) -> None:
    import pandas as pd

    from eigenprune.lab.plans import plan
    from eigenprune.lab.rows import COLUMNS
    from eigenprune.lab.studies import load_params

    params = load_params(reproduced / "params.yaml")
    for name in params.quick:
        curves = pd.read_csv(reproduced / "results" / "quick" / name / "curves.csv")
        assert tuple(curves.columns) == COLUMNS
        assert len(curves) == len(plan(params.study(name)))
        assert curves.groupby(["activation", "method", "seed"])["pruning_ratio"].min().eq(0).all()
        assert curves["accuracy"].between(0, 1).all()
        # The task is easy, so every unpruned network learns; a broken trainer would not pass.
        assert curves.loc[curves["pruning_ratio"] == 0, "accuracy"].min() > 0.9


def test_metrics_and_plots_show(reproduced: Path) -> None:
    shown = json.loads(run(reproduced, "dvc", "metrics", "show", "--json"))
    [revision] = shown.values()
    assert len(revision["data"]) == 2
    run(reproduced, "dvc", "plots", "show", "--out", "build/plots")
    page = (reproduced / "build" / "plots" / "index.html").read_text()
    assert "pruning_ratio" in page
    assert "DVC_METRIC" not in page
    assert "tradeoff.svg" in page


def test_fetched_data_are_those_that_are_pinned(reproduced: Path, real_data: Path) -> None:
    run(reproduced, "eigenprune", "data", "fetch", "--from", str(real_data))
    assert "up to date" in run(reproduced, "dvc", "status", "data.dvc")
    label = reproduced / "data" / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    label.write_bytes(label.read_bytes()[:-1] + b"x")
    assert "modified" in run(reproduced, "dvc", "status", "data.dvc")
    # `--anew`, since the study is recorded and recorded results need no data.
    command = ["eigenprune", "run", "mnist-1x500", "--methods", "direct", "--anew"]
    told = run(reproduced, *command, code=2)
    assert f"{label}: the bytes are not the canonical ones" in told
    shutil.rmtree(reproduced / "data")


def test_a_change_touches_its_own_study_only(reproduced: Path) -> None:
    params = reproduced / "params.yaml"
    before = params.read_text()
    document = yaml.safe_load(before)
    changed, other = document["quick"]
    document["studies"][changed]["epochs"] += 1
    try:
        params.write_text(yaml.safe_dump(document))
        status = json.loads(run(reproduced, "dvc", "status", "--json"))
    finally:
        params.write_text(before)
    assert f"train@{changed}" in status
    assert not any(stage.endswith(other) for stage in status)


def test_a_bad_value_stops_the_pipeline_in_one_sentence(reproduced: Path) -> None:
    params = reproduced / "params.yaml"
    before = params.read_text()
    [name, *_] = yaml.safe_load(before)["quick"]
    document = yaml.safe_load(before)
    document["studies"][name]["pruning_ratios"] = [1.5]
    try:
        params.write_text(yaml.safe_dump(document))
        told = run(reproduced, "dvc", "repro", f"train@{name}", code=255)
    finally:
        params.write_text(before)
        run(reproduced, "git", "checkout", "--quiet", "dvc.lock")
        run(reproduced, "dvc", "repro", "--quiet", f"train@{name}")
    assert f"studies.{name}.pruning_ratios: [1.5] is not allowed" in told
    assert "Traceback" not in told


def test_an_experiment_changes_one_number(reproduced: Path) -> None:
    [name, *_] = yaml.safe_load((reproduced / "params.yaml").read_text())["quick"]
    run(
        reproduced, "dvc", "exp", "run", f"train@{name}", "--name", "short",
        "-S", f"studies.{name}.epochs=2", "-S", f"studies.{name}.seeds=[7]",
    )  # fmt: skip
    told = json.loads(run(reproduced, "dvc", "params", "diff", "HEAD", "short", "--json"))
    assert told["params.yaml"][f"studies.{name}.epochs"]["new"] == 2
    rows = (reproduced / "results" / "quick" / name / "training.csv").read_text().splitlines()
    assert all(row.split(",")[2] == "7" for row in rows[1:])
