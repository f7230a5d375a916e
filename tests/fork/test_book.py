"""An experiment from start to end: `dvc repro` runs it, and the book shows it, then drops it."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

PAGE = "build/book/html/experiments/my-idea.html"


@pytest.fixture(scope="module")
def built(
    run: Callable[..., str], reproduced: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of the reproduced project, in which an experiment was started and built."""
    project = shutil.copytree(
        reproduced, tmp_path_factory.mktemp("book") / "eigenprune", symlinks=True
    )
    run(project, "eigenprune new-experiment my-idea")
    told = run(project, "dvc repro")
    assert stages_made(told) == {"my-idea", "your-run", "book"}
    return project


def stages_made(told: str) -> set[str]:
    """The stages that `dvc repro` ran, or took from its cache because it had run them like that."""
    return set(re.findall(r"(?:Running stage|^Stage) '(.*)'(?::| is cached)", told, re.MULTILINE))


def test_what_dvc_tells_is_read() -> None:
    told = "Running stage 'a':\n> make a\nStage 'b' is cached - skipping run\n"
    told += "Stage 'c' didn't change, skipping\n"
    assert stages_made(told) == {"a", "b"}


def test_the_book_has_a_part_with_its_page(built: Path) -> None:
    start = (built / "build/book/html/index.html").read_text()
    assert "Your experiments" in start and 'href="experiments/my-idea.html"' in start
    page = (built / PAGE).read_text()
    assert "Your experiment <code" in page and "largest_weight" in page
    executed = built / "results/experiments/my-idea/my-idea.ipynb"
    (download,) = (built / "build/book/html/_downloads").rglob("experiment-my-idea.ipynb")
    assert download.read_bytes() == executed.read_bytes()


def test_a_second_repro_does_nothing(run: Callable[..., str], built: Path) -> None:
    assert stages_made(run(built, "dvc repro")) == set()


def test_taken_back_it_is_gone_from_the_book(run: Callable[..., str], built: Path) -> None:
    run(built, "eigenprune new-experiment my-idea --remove")
    assert run(built, "git status --porcelain -- params.yaml dvc.yaml notebooks") == ""
    # No study is computed again; only the pages that list all studies are made again.
    assert stages_made(run(built, "dvc repro")) == {"your-run", "book"}
    assert not (built / PAGE).exists()
    assert "Your experiments" not in (built / "build/book/html/index.html").read_text()
