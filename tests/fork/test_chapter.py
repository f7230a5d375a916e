"""The chapter "Your own experiment", followed to the letter, with its own commands and cells."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from PIL import Image

from eigenprune.lab.checks import CHECKS

HEADINGS = ["Begin", "Other values", "Another score", "Your own data", "Take it back"]

Run = Callable[..., str]
Copy = Callable[[Path], Path]


def sections(page: Path) -> dict[str, list[tuple[str, str]]]:
    """The fenced blocks of a page, each as language and text, by the heading above them."""
    found: dict[str, list[tuple[str, str]]] = {}
    for part in re.split(r"^## ", page.read_text(), flags=re.MULTILINE)[1:]:
        heading = part.partition("\n")[0]
        found[heading] = re.findall(
            r"^```(bash|python|yaml)\n(.*?)^```", part, re.DOTALL | re.MULTILINE
        )
    return found


@pytest.fixture(scope="module")
def chapter(root: Path) -> dict[str, list[tuple[str, str]]]:
    found = sections(root / "book" / "your-own-experiment.md")
    assert list(found) == HEADINGS
    return found


def shell(run: Run, folder: Path, blocks: list[tuple[str, str]]) -> dict[str, str]:
    """What each line of the shell blocks printed, with the line as key."""
    lines = [line for language, text in blocks if language == "bash" for line in text.splitlines()]
    assert lines
    return {line: run(folder, line) for line in lines}


def curves(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "results" / "experiments" / name / "curves.csv")


def put_in_notebook(notebook: Path, instead_of: str, source: str) -> None:
    content = json.loads(notebook.read_text())
    (cell,) = [c for c in content["cells"] if f"def {instead_of}(" in "".join(c["source"])]
    cell["source"] = source.splitlines(keepends=True)
    notebook.write_text(json.dumps(content, indent=1))


def add_to_notebook(notebook: Path, source: str) -> None:
    content = nbformat.read(notebook, as_version=4)
    content.cells.append(nbformat.v4.new_code_cell(source))
    nbformat.write(content, notebook)


@pytest.fixture(scope="module")
def begun(run: Run, fresh: Path, chapter: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = shutil.copytree(fresh, tmp_path_factory.mktemp("begun") / "eigenprune", symlinks=True)
    shell(run, project, chapter["Begin"])
    return project


def test_begin(run: Run, begun: Path) -> None:
    assert run(begun, "git status --porcelain") == ""
    table = curves(begun, "my-idea")
    assert set(table["method"]) == {"largest_weight", "eigenvalue", "connectivity", "random"}
    # One unpruned control for all scores: they rank the same networks.
    control = table[table["pruning_ratio"] == 0]
    assert (control.groupby("seed")["accuracy"].nunique() == 1).all()
    assert control["accuracy"].min() > 0.9
    assert "up to date" in run(begun, "dvc status my-idea")


def test_other_values(run: Run, begun: Path, chapter: dict, copy: Copy) -> None:
    project = copy(begun)
    told = shell(run, project, chapter["Other values"])
    shown = next(text for line, text in told.items() if line.startswith("dvc exp show"))
    assert "longer" in shown and "wider" in shown
    differing = next(text for line, text in told.items() if line.startswith("dvc exp diff"))
    assert "studies.my-idea.epochs" in differing and "eigenvalue.unpruned" in differing
    page = (project / "build" / "side-by-side" / "my-idea.html").read_text()
    assert "<th>longer</th>" in page and "<td>[80]</td>" in page
    assert page.count("<svg") == 1
    fetched = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)', page)
    assert fetched and all("".join(place).startswith("#") for place in fetched)
    # Everything is back at the commit, results included.
    assert run(project, "git status --porcelain") == ""
    assert curves(project, "my-idea").equals(curves(begun, "my-idea"))


def test_another_score(run: Run, begun: Path, chapter: dict, copy: Copy) -> None:
    project = copy(begun)
    source, checks = [text for language, text in chapter["Another score"] if language == "python"]
    body = source[source.index("def ") : source.index("\n\n\nscores")].splitlines()[2:]
    assert len(body) <= 10  # the score itself, without its name and its sentence
    notebook = project / "notebooks" / "my-idea.ipynb"
    put_in_notebook(notebook, "largest_weight", source)
    add_to_notebook(notebook, checks)
    before = sorted((project / ".eigenprune" / "runs").rglob("*.json"))
    told = shell(run, project, chapter["Another score"])
    assert "spread_sent_on" in told["dvc metrics diff HEAD"]
    executed = project / "results" / "experiments" / "my-idea" / "my-idea.ipynb"
    (checked,) = json.loads(executed.read_text())["cells"][-1]["outputs"]
    told_of = "".join(checked["data"]["text/html"])
    # The function is given no data that could be corrupted.
    shown = [check for check in CHECKS if f"<th>{check}</th>" in told_of]
    assert shown == [check for check in CHECKS if check != "corrupted data"]
    table = curves(project, "my-idea")
    assert set(table["method"]) == {"spread_sent_on", "eigenvalue", "weight_norm_in_out", "random"}
    old = curves(begun, "my-idea")
    for name in ("eigenvalue", "random"):  # unaffected by the other scores
        pd.testing.assert_frame_equal(
            table[table["method"] == name].reset_index(drop=True),
            old[old["method"] == name].reset_index(drop=True),
        )
    assert sorted((project / ".eigenprune" / "runs").rglob("*.json")) == before


def test_your_own_data(run: Run, begun: Path, chapter: dict, copy: Copy) -> None:
    project = copy(begun)
    blocks = chapter["Your own data"]
    params = project / "params.yaml"
    wine, shapes = [text for language, text in blocks if language == "yaml"]
    shell(run, project, blocks[:1])
    params.write_text(params.read_text().replace("datasets: {}\n", wine))
    shell(run, project, blocks[2:])
    table = curves(project, "my-wine")
    assert set(table["dataset"]) == {"wine"} and len(table) == 3 * 4 * 6
    stage = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]["my-wine"]
    assert "my/wine.csv" in stage["deps"] and "datasets.wine" in stage["params"]
    # DVC notices a changed file, and its runs are new ones.
    runs = len(list((project / ".eigenprune" / "runs").rglob("*.json")))
    csv = project / "my" / "wine.csv"
    csv.write_text(csv.read_text().replace("14.23", "14.24", 1))
    assert "modified" in run(project, "dvc status my-wine")
    run(project, "dvc repro my-wine")
    assert len(list((project / ".eigenprune" / "runs").rglob("*.json"))) > runs
    # A stage that does not watch the file does not run.
    (project / "dvc.yaml").write_text(
        (project / "dvc.yaml").read_text().replace('      - "my/wine.csv"\n', "")
    )
    told = run(project, "eigenprune notebook my-wine --study my-wine", code=2)
    assert "stages.my-wine.deps lacks my/wine.csv" in told and len(told.splitlines()) == 1
    # Now the images.
    for number, name in enumerate(("round", "square")):
        for each in range(5):
            image = project / "my" / "shapes" / name / f"{each}.png"
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (3, 3), color=100 * number + each).save(image)
    params.write_text(params.read_text().replace(wine, wine + shapes.replace("datasets:\n", "")))
    told = run(
        project,
        'python -c "from pathlib import Path; from eigenprune.lab.datasets import load; '
        "d = load('shapes', Path('data')); print(d.features, d.classes)\"",
    )
    assert told.split() == ["9", "2"]


def test_take_it_back(run: Run, begun: Path, fresh: Path, chapter: dict, copy: Copy) -> None:
    project = copy(begun)
    run(project, "eigenprune new-experiment my-wine")
    put_in_notebook(project / "notebooks" / "my-idea.ipynb", "largest_weight", "scores = []")
    told = run(project, "eigenprune new-experiment my-idea --remove", code=2)
    assert "notebooks/my-idea.ipynb changed since it was made, so nothing was removed" in told
    shell(run, project, chapter["Take it back"])
    commit = run(fresh, "git rev-parse HEAD").strip()
    assert run(project, f"git diff {commit}") == ""
    assert not (project / "results" / "experiments").exists()
