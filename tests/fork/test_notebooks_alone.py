"""Each notebook on its own, as in an editor: a fresh checkout, no DVC, no results, no run store."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
TINY = {
    "hidden": [6],
    "activations": ["relu"],
    "seeds": [1],
    "pruning_ratios": [0.5],
    "epochs": 1,
    "retraining_epochs": 1,
}


def first_cell_faults(notebook: nbformat.NotebookNode) -> list[str]:
    """What the first cell fails to say about the notebook."""
    text = " ".join(notebook.cells[0].source.split())
    wanted = {
        "what it reads": r"\bReads `",
        "what it writes": r"\b[Ww]rites (`|no files)",
        "how to change it": r"change (its name in )?the next cell",
    }
    return [what for what, pattern in wanted.items() if not re.search(pattern, text)]


@pytest.fixture(scope="module")
def tiny(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout with settings that take seconds, without the thousands of recorded rivals.

    The pipeline shows those with the same notebooks, which leave out what is not recorded.
    """
    project = shutil.copytree(fresh, tmp_path_factory.mktemp("tiny") / "eigenprune", symlinks=True)
    params = project / "params.yaml"
    document = yaml.safe_load(params.read_text())
    for recorded in (project / "results" / "paper").glob("rivals-*/"):
        shutil.rmtree(recorded)
    for name in document["quick"]:
        document["studies"][name].update(TINY)
    for name in document[
        "quick_arena"
    ]:  # some of its methods need three hidden layers of one width
        document["studies"][name].update(TINY, hidden=[6, 6, 6])
    for name in document["quick_trials"]:
        document["trials"][name].update(seeds=[1], epochs=1, retraining_epochs=1)
    params.write_text(yaml.safe_dump(document, sort_keys=False))
    return project


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_alone(
    path: Path, tiny: Path, copy: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy(tiny)
    for name in ("EIGENPRUNE_STORE", "EIGENPRUNE_DATA"):
        monkeypatch.delenv(name, raising=False)
    assert not (project / ".eigenprune").exists() and not (project / "results/quick").exists()
    notebook = nbformat.read(project / "notebooks" / path.name, as_version=4)
    folder = str(project / "notebooks")  # where an editor starts the kernel
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
    ).execute()
    # The files that it claims to write exist.
    text = " ".join(notebook.cells[0].source.split())
    written = re.findall(r"`([\w-]+\.\w+)`", text.partition("Writes")[2].partition("To look")[0])
    assert bool(written) == ("rites no files" not in text)
    # The template of an experiment leaves the results that the pipeline compares alone.
    own, watched = ("own", "quick") if path.stem == "template" else ("quick", "own")
    for name in written:
        assert (project / "results" / own / "digits-1x100" / name).is_file()
    assert not (project / "results" / watched).exists()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_cell_says_what_it_is_about(path: Path) -> None:
    assert first_cell_faults(nbformat.read(path, as_version=4)) == []


def test_a_first_cell_that_does_not_is_seen() -> None:
    silent = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A title")])
    assert first_cell_faults(silent) == ["what it reads", "what it writes", "how to change it"]
