"""A stage of the pipeline watches what its chapters show, and declares what they write."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from papermill import inspect_notebook

from eigenprune.lab.errors import UserError
from eigenprune.report.notebooks.experiment_parts import stage
from eigenprune.report.notebooks.stages import written_by


def chapters(command: str) -> list[str]:
    """The notebooks that a stage runs, whatever else it does."""
    _, begun, names = command.partition("eigenprune notebook ")
    assert begun, f"{command!r} runs no notebook"
    return names.partition("&&")[0].split()


def unwatched(stage: Mapping[str, Any], notebooks: Path) -> set[str]:
    """The keys of `params.yaml` that a stage's chapters show but the stage does not watch."""
    shown = set()
    for name in chapters(stage["cmd"]):
        parameters = inspect_notebook(notebooks / f"{name}.ipynb")
        for section in {"studies", "trials"} & set(parameters):
            names = yaml.safe_load(parameters[section]["default"])
            shown |= {f"{section}.{name}" for name in names}
    watched = set(stage["params"])
    return {key for key in shown if not {key, key.partition(".")[0]} & watched}


@pytest.fixture
def arena(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "dvc.yaml").read_text())["stages"]["arena"]


def test_every_study_and_trial_is_watched(root: Path, arena: dict[str, Any]) -> None:
    assert unwatched(arena, root / "notebooks") == set()


def test_a_study_or_trial_that_is_not_is_seen(root: Path, arena: dict[str, Any]) -> None:
    less = [key for key in arena["params"] if key not in ("studies.rivals-mnist", "trials")]
    missed = unwatched({**arena, "params": less}, root / "notebooks")
    assert {"studies.rivals-mnist", "trials.flow-mnist", "trials.modules-digits"} <= missed
    assert "studies.rivals-digits" not in missed


@pytest.mark.parametrize("folder", ["results/quick/digits-1x100", "results/own/another"])
def test_what_a_notebook_about_a_study_writes_is_what_its_stage_declares(
    root: Path, folder: str
) -> None:
    written = {
        name: {str(path) for path in written_by(root, name, Path(folder))}
        for name in ("train", "compare", "template", "arena")
    }
    assert written["train"] == {f"{folder}/train.ipynb", f"{folder}/training.csv"}
    names = ("compare.ipynb", "metrics.json", "tradeoff.svg", "curves.csv")
    assert written["compare"] == {f"{folder}/{name}" for name in names}
    assert not written["template"] and not written["arena"]  # of no stage; about no study


def test_what_an_experiment_writes(tmp_path: Path) -> None:
    assert written_by(tmp_path, "mine", tmp_path) == ()
    more = "outs:\n      - elsewhere.csv\n      - results/experiments/mine/folder: {cache: false}\n"
    own = stage("mine", "digits", None).replace("outs:\n", more)
    (tmp_path / "dvc.yaml").write_text(f"stages:\n{own}")
    names = {path.name for path in written_by(tmp_path, "mine", tmp_path)}
    assert names == {"folder", "mine.ipynb", "metrics.json", "tradeoff.svg", "curves.csv"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stages: {", "dvc.yaml: not valid YAML"),
        ("vars: []", "dvc.yaml: has no stages"),
        ("stages: {mine: broken}", "dvc.yaml: stages.mine: 'broken' must map keys to values"),
        ("stages: {mine: }", "dvc.yaml: stages.mine: None must map keys to values"),
    ],
)
def test_a_mistake_among_the_stages_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "dvc.yaml").write_text(text)
    with pytest.raises(UserError, match=sentence):
        written_by(tmp_path, "mine", tmp_path)
