"""Runs can be made with only the packages that the lab needs, as on many GPU machines."""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
import yaml

HIDDEN = (
    "dask", "distributed", "dvc", "IPython", "ipykernel", "jupyter_book", "matplotlib", "nbclient",
    "nbformat", "papermill", "plotly", "sklearn", "sphinx", "threadpoolctl", "torch_pruning",
    "torchao",
)  # fmt: skip
RUN = """
import runpy
sys.argv = ["eigenprune", *{words!r}]
runpy.run_module("eigenprune", run_name="__main__", alter_sys=True)
"""
STUDY = {
    "dataset": "toy",
    "hidden": [6],
    "activations": ["relu"],
    "methods": ["direct", "post", "pre", "random"],
    "seeds": [1, 2],
    "pruning_ratios": [0.5],
    "epochs": 2,
    "retraining_epochs": 1,
    "batch_size": 20,
    "learning_rate": 0.01,
    "initialisation": "2022",
    "held_out": 0,
}


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    draw = random.Random(1)
    rows = [[draw.random(), draw.random()] for _ in range(100)]
    lines = [f"{a},{b},{'high' if a > b else 'low'}" for a, b in rows]
    (tmp_path / "toy.csv").write_text("\n".join(["a,b,which", *lines]) + "\n")
    params = {
        "defaults": STUDY,
        "datasets": {"toy": {"csv": "toy.csv", "target": "which"}},
        "studies": {"one": {}, "other": {"seeds": [3]}},
    }
    shutil.copytree(root / "results" / "published", tmp_path / "results" / "published")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return tmp_path


Bare = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bare(project: Path, hide: Callable[[Collection[str]], str]) -> Bare:
    """A function that runs a command in the project, without the packages HIDDEN."""

    def bare(*words: str) -> subprocess.CompletedProcess[str]:
        code = hide(HIDDEN) + RUN.format(words=words)
        kept = {"PATH": "", "EIGENPRUNE_STORE": str(project / "runs")}
        return subprocess.run(
            [sys.executable, "-c", code], cwd=project, env=kept, capture_output=True, text=True
        )

    return bare


def test_runs_are_made_shown_and_recorded(project: Path, bare: Bare) -> None:
    done = bare("run", "one", "other", "--device", "cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("direct (n=") == 2 and "matplotlib" not in done.stderr
    for words in (("status",), ("record", "one"), ("run", "one", "--output", "one.csv")):
        done = bare(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "one.csv").read_text().count("\n") == 1 + 2 * 4 * 2
    assert (project / "results" / "paper" / "one" / "curves.csv").is_file()


def test_a_picture_needs_more_and_says_so(project: Path, bare: Bare) -> None:
    done = bare("run", "one", "--plot", "one.svg")
    assert done.returncode == 2
    assert "matplotlib" in done.stderr and "Traceback" not in done.stderr
    assert not (project / "runs").exists()
