"""A score of your own takes one function in the package and one line in params.yaml."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

FUNCTIONS = {
    "importance": """
@score
def last_first(model: nn.Sequential) -> list[Tensor]:
    return [torch.arange(float(layer.out_features)) for layer in hidden_layers(model)]
""",
    "saliency": """
@score
def last_first(model: nn.Sequential, inputs: Tensor) -> list[Tensor]:
    return [torch.arange(float(nodes)) + 0 * inputs.sum() for nodes in _nodes(model)]
""",
}


def make_project(project: Path, root: Path, module: str, function: str, name: str) -> None:
    """Make a copy of the package with one more function, and one rival that ranks by it."""
    package = project / "src" / "eigenprune"
    shutil.copytree(root / "src" / "eigenprune", package)
    with (package / f"{module}.py").open("a") as file:
        file.write(function)
    shutil.copytree(root / "results" / "published", project / "results" / "published")
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["rivals"] = {"mine": {"score": name}}
    params |= {"studies": {"quick": params["studies"]["rivals-digits"]}, "trials": {}}
    params |= {"quick": [], "quick_arena": ["quick"], "quick_trials": [], "experiments": []}
    params["studies"]["quick"] |= {"methods": ["mine"], "seeds": [1], "epochs": 1}
    (project / "params.yaml").write_text(yaml.safe_dump(params))


def eigenprune(project: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = ["run", "quick", "--ratios", "0.5", "--output", "x.csv", *more]
    return subprocess.run(
        [sys.executable, "-m", "eigenprune", *words],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def run(project: Path, done: str = "") -> pd.DataFrame:
    """Return the table that `eigenprune run` makes; check how many runs it found done."""
    told = eigenprune(project)
    assert told.returncode == 0, told.stderr
    assert f"{done} runs are done" in told.stdout + told.stderr if done else True
    return pd.read_csv(project / "x.csv")


@pytest.mark.parametrize("module", FUNCTIONS)
def test_one_function_and_one_line_make_a_method(tmp_path: Path, root: Path, module: str) -> None:
    make_project(tmp_path, root, module, FUNCTIONS[module], "last_first")
    table = run(tmp_path)
    assert set(table["method"]) == {"mine"} and set(table["pruning_ratio"]) == {0, 0.5}

    # Its code is part of the run ids: other code gives other results, a comment changes nothing.
    file = tmp_path / "src" / "eigenprune" / f"{module}.py"
    file.write_text(file.read_text() + "# A comment.\n")
    pd.testing.assert_frame_equal(run(tmp_path, done="3 of 3"), table)
    file.write_text(file.read_text().replace("torch.arange(", "-torch.arange("))
    changed = run(tmp_path, done="1 of 3")  # the network was there already
    assert not changed["accuracy"].equals(table["accuracy"])


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ("[torch.full((layer.out_features,), torch.nan) for layer in hidden_layers(model)]", "NaN"),
        ("[torch.zeros(3)]", "tensors of the shapes [(3,)]; wanted: a list with one tensor for"),
        ("torch.zeros(())", "a Tensor; wanted: a list with one tensor for each hidden layer"),
    ],
)
def test_what_returns_no_scores_is_named(
    tmp_path: Path, root: Path, returned: str, sentence: str
) -> None:
    """The networks are sound, so no run may be kept as diverged."""
    score = f"""
@score
def mine(model: nn.Sequential) -> list[Tensor]:
    return {returned}
"""
    make_project(tmp_path, root, "importance", score, "mine")
    told = eigenprune(tmp_path)
    assert told.returncode == 2 and "Traceback" not in told.stderr
    assert f"score 'mine' returned {sentence}" in " ".join(told.stderr.split())
    kept = [json.loads(path.read_text()) for path in (tmp_path / ".eigenprune").rglob("*.json")]
    results = [entry["record"]["result"]["status"] for entry in kept if "record" in entry]
    assert set(results) == {"done"}


WRONG = {
    "importance": """
def _outgoing(model: nn.Sequential) -> list[Tensor]:
    return model[99]

@score
def mine(model: nn.Sequential) -> list[Tensor]:
    return _outgoing(model)
""",
    "saliency": """
@score
def mine(model: nn.Sequential, wrong: Tensor, inputs: Tensor, targets: Tensor, no: int) -> None:
    return None
""",
}


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_what_a_score_of_ones_own_raises_is_told_with_its_line(
    tmp_path: Path, root: Path, executor: str
) -> None:
    make_project(tmp_path, root, "importance", WRONG["importance"], "mine")
    told = eigenprune(tmp_path, "--executor", executor)
    assert told.returncode == 2 and "Traceback" not in told.stderr
    file = Path("src/eigenprune/importance.py")
    lines = (tmp_path / file).read_text().splitlines()
    number = lines.index("    return model[99]") + 1
    first, *calls = told.stderr[told.stderr.index("eigenprune: ") :].splitlines()
    assert first.startswith(f"eigenprune: score 'mine': {file}, line {number}: IndexError: ")
    assert [call.split(", in ")[1] for call in calls if "File" in call] == ["mine", "_outgoing"]


def test_a_package_that_only_your_own_code_needs_is_told(tmp_path: Path, root: Path) -> None:
    make_project(tmp_path, root, "importance", "import not_there\n", "weight_norm")
    told = eigenprune(tmp_path)
    assert told.returncode == 2 and "Traceback" not in told.stderr
    file = tmp_path / "src/eigenprune/importance.py"
    line = file.read_text().count("\n")
    assert f"not_there is not installed; {file}, line {line}, imports it" in told.stderr


def test_a_score_that_cannot_be_called_as_scores_are_is_told(tmp_path: Path, root: Path) -> None:
    make_project(tmp_path, root, "saliency", WRONG["saliency"], "mine")
    told = eigenprune(tmp_path)
    assert told.returncode == 2 and "Traceback" not in told.stderr
    assert "eigenprune: score 'mine': TypeError: mine() missing 2 required" in told.stderr


def test_a_regulariser_that_cannot_be_called_as_they_are_is_told(
    tmp_path: Path, root: Path
) -> None:
    make_project(tmp_path, root, "importance", "", "weight_norm")
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    params["rivals"]["mine"] |= {"regulariser": "mine", "strengths": [0.1]}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    file = tmp_path / "src" / "eigenprune" / "regularisers" / "__init__.py"
    entry = "REGULARISERS: dict[str, type[Regulariser]] = {\n"
    own = "class Mine(Regulariser):\n    def loss(self, model, inputs):\n        return None\n\n\n"
    text = file.read_text()
    assert text.count(entry) == 1
    file.write_text(text.replace(entry, f'{own}{entry}    "mine": Mine,\n'))
    told = eigenprune(tmp_path)
    assert told.returncode == 2 and "Traceback" not in told.stderr
    assert "regulariser 'mine': TypeError: Mine.loss() takes 3 positional" in told.stderr
