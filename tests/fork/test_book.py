"""An experiment all the way: `dvc repro` runs it and the book shows it, and takes it off again."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

PAGE = "build/book/html/experiments/my-idea.html"


@pytest.fixture(scope="module")
def built(run: Callable[..., str], fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with one small study alone, in which an experiment began and all was built."""
    project = shutil.copytree(fresh, tmp_path_factory.mktemp("book") / "eigenprune", symlinks=True)
    params = project / "params.yaml"
    text = params.read_text()
    quick = yaml.safe_load(text)["quick"]
    text = text.replace(f"quick: [{', '.join(quick)}]", f"quick: [{quick[0]}]")
    # The chapters on the arena and on trials show what is recorded alone.
    text = re.sub(r"(?m)^(quick_arena|quick_trials): \[.*\]$", r"\1: []", text)
    start = text.index(f"  {quick[0]}:\n")
    small = text[start:].replace("seeds: [1, 2, 3]", "seeds: [1]\n    activations: [relu]", 1)
    params.write_text(text[:start] + small.replace("epochs: 30", "epochs: 2", 1))
    run(project, "git commit --quiet --all -m small")
    run(project, "eigenprune new-experiment my-idea")
    run(project, "dvc repro")
    return project


def test_the_book_has_a_part_with_its_page(built: Path) -> None:
    start = (built / "build/book/html/index.html").read_text()
    assert "Your experiments" in start and 'href="experiments/my-idea.html"' in start
    page = (built / PAGE).read_text()
    assert "Your experiment <code" in page and "largest_weight" in page
    executed = built / "results/experiments/my-idea/my-idea.ipynb"
    (download,) = (built / "build/book/html/_downloads").rglob("experiment-my-idea.ipynb")
    assert download.read_bytes() == executed.read_bytes()


def test_a_second_repro_does_nothing(run: Callable[..., str], built: Path) -> None:
    assert "Running stage" not in run(built, "dvc repro")


def test_taken_back_it_is_gone_from_the_book(run: Callable[..., str], built: Path) -> None:
    run(built, "eigenprune new-experiment my-idea --remove")
    assert run(built, "git status --porcelain -- params.yaml dvc.yaml notebooks") == ""
    told = run(built, "dvc repro")
    # No study is computed again; what names all studies is made anew.
    assert set(re.findall(r"Running stage '(.*)'", told)) == {"arena", "your-run", "book"}
    assert not (built / PAGE).exists()
    assert "Your experiments" not in (built / "build/book/html/index.html").read_text()
