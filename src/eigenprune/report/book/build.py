"""Put the pages and the executed notebooks together and build the book from them.

The sources are assembled anew each time in `build/book/source`, so a page that was renamed or a
study that was dropped leaves nothing behind. Any warning of Sphinx fails the build: a broken
reference must not reach a reader.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from eigenprune.lab.arena import recorded
from eigenprune.lab.errors import Failure, UserError
from eigenprune.lab.studies import Params, Study
from eigenprune.report.book.chapters import Exhibit, write_chapter
from eigenprune.report.book.contents import (
    ARENA_CHAPTERS,
    CHAPTERS,
    PAPER_CHAPTERS,
    YOUR_RUN,
    caption,
)
from eigenprune.report.book.facts import facts
from eigenprune.report.book.findings import findings
from eigenprune.report.book.launch import Repository, configure
from eigenprune.report.book.start_page import OF_RIVALS, again, overview
from eigenprune.report.book.typed_numbers import refuse_typed_numbers
from eigenprune.report.book.where_from import recorded_changes, where_from
from eigenprune.report.notebooks.runner import ANSI
from eigenprune.report.panels import copy_plotly
from eigenprune.report.provenance.cards import Pipeline
from eigenprune.report.provenance.measured import measured_changes


class BookError(Failure):
    """Sphinx found something wrong. The text holds its messages."""


def build_book(
    root: Path, params: Params, *, folder: str = "html", repository: Repository | None = None
) -> Path:
    """Build the book of `root/book` with the chapters of the quick studies.

    The same sources give the same bytes in any folder; the pages need no network.

    Args:
        root: the repository; the executed notebooks and figures lie in `results/quick/STUDY` and
            `results/chapters`.
        params: names the quick studies, at least one, and the experiments; all must have executed
            notebooks, those of experiments in `results/experiments/NAME`.
        folder: the name of the folder with the pages.
        repository: the repository on GitHub; with it, each chapter has buttons that open its
            notebook.

    Returns:
        That folder, `root/build/book/FOLDER`; it is replaced only by a finished build.

    Raises:
        UserError: an executed notebook or a figure is missing, or a sentence contains a number that
            a result could give.
        BookError: Sphinx warned or failed.
    """
    source = assemble(root, params)
    if repository is not None:
        configure(source / "_config.yml", repository)
    return _build(source, folder)


def assemble(root: Path, params: Params) -> Path:
    """Write the Sphinx sources to `root/build/book/source` and return that folder."""
    refuse_typed_numbers(root)
    studies = [params.study(name) for name in params.quick]
    if not studies:
        raise UserError("quick: [] in params.yaml names no study: the book needs at least one")
    source = root / "build" / "book" / "source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(root / "book", source)
    pipeline = Pipeline.of(root, params)
    exhibits: dict[str, list[Exhibit]] = {}  # by page

    def add(notebook: Path, page: str, name: str, origin: str, command: str) -> None:
        _existing(notebook, f"eigenprune notebook {command}")
        exhibits[page] = write_chapter(notebook, source / f"{page}.ipynb", name, origin, pipeline)

    executed = root / "results"
    for name, origin in PAPER_CHAPTERS.items():
        add(executed / "chapters" / f"{name}.ipynb", f"paper/{name}", name, origin, name)
    for name, origin in ARENA_CHAPTERS.items():
        add(executed / "chapters" / f"{name}.ipynb", f"arena/{name}", name, origin, name)
    for study in params.quick:
        for name in CHAPTERS:
            add(
                executed / "quick" / study / f"{name}.ipynb",
                f"quick/{study}/{name}",
                f"{study}-{name}",
                f"Quick scale, study `{study}`.",
                f"{name} --study {study}",
            )
    add(
        executed / "chapters" / f"{YOUR_RUN}.ipynb",
        f"quick/{YOUR_RUN}",
        YOUR_RUN,
        "Quick scale, computed for this book and compared with `results/reference`.",
        YOUR_RUN,
    )
    for name in params.experiments:
        add(
            executed / "experiments" / name / f"{name}.ipynb",
            f"experiments/{name}",
            f"experiment-{name}",
            f"Your experiment `{name}`.",
            f"{name} --study {name}",
        )
    _add_facts(source / "_config.yml", facts(root))
    (source / "studies.md").write_text(overview(studies, exhibits), encoding="utf-8")
    found = f"{findings(root, recorded(params))}\n{again(exhibits, *OF_RIVALS)}"
    (source / "findings.md").write_text(found, encoding="utf-8")
    changes = recorded_changes(root, params) | measured_changes(root)
    (source / "where-from.md").write_text(where_from(exhibits, changes), encoding="utf-8")
    _insert_parts(source / "_toc.yml", studies, params.experiments)
    return source


def _existing(path: Path, command: str) -> None:
    if not path.is_file():
        raise UserError(f"{path} is missing: `dvc repro` makes it, or `{command}`")


def _add_facts(config: Path, substitutions: dict[str, str]) -> None:
    """Give the pages the numbers that they refer to as `{{ NAME }}`."""
    import yaml

    settings: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings.setdefault("parse", {})["myst_substitutions"] = substitutions
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


def _insert_parts(toc: Path, studies: Sequence[Study], experiments: Sequence[str]) -> None:
    """Insert the recorded results, each study and the experiments before the last part."""
    import yaml

    contents: dict[str, Any] = yaml.safe_load(toc.read_text(encoding="utf-8"))
    contents["parts"][-1:-1] = [
        _part("The published study", (f"paper/{name}" for name in PAPER_CHAPTERS)),
        _part("The rivals", (f"arena/{name}" for name in ARENA_CHAPTERS)),
        *(
            _part(f"Quick: {caption(study)}", (f"quick/{study.name}/{name}" for name in CHAPTERS))
            for study in studies
        ),
    ]
    if experiments:
        part = _part("Your experiments", (f"experiments/{name}" for name in experiments))
        contents["parts"].insert(-1, part)
    contents["parts"][-1]["chapters"].insert(-1, {"file": "where-from"})
    toc.write_text(yaml.safe_dump(contents, sort_keys=False), encoding="utf-8")


def _part(title: str, files: Iterable[str]) -> dict[str, Any]:
    return {"caption": title, "chapters": [{"file": file} for file in files]}


def _build(source: Path, folder: str) -> Path:
    scratch = run_sphinx(source, "html")
    html = source.parent / folder
    shutil.rmtree(html, ignore_errors=True)
    # A hash of Sphinx's settings, with the path of the environment; only a next build would use it.
    (scratch / ".buildinfo").unlink()
    scratch.rename(html)
    shutil.rmtree(scratch.parent)
    _drop_unused_mathjax(html / "_static" / "mathjax")
    copy_plotly(html / "_static")
    return html


def run_sphinx(source: Path, builder: str, epoch: str | None = None) -> Path:
    """Run jupyter-book in a process of its own: Sphinx leaves traces in the one it runs in.

    Args:
        source: what `assemble` returns.
        builder: `html` or `latex`.
        epoch: the time to take as now, in seconds since 1970; the true one if None.

    Returns:
        The folder with the output, `_build/BUILDER` beside `source`.

    Raises:
        BookError: Sphinx warned or failed.
    """
    book = source.parent
    scratch = book / "_build"
    shutil.rmtree(scratch, ignore_errors=True)
    jupyter_book = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    options = ["build", "-W", "-n", "--keep-going", "--quiet", "--path-output", str(book)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    environment.pop("SOURCE_DATE_EPOCH", None)  # Sphinx would change the year in the footer
    if epoch is not None:
        environment["SOURCE_DATE_EPOCH"] = epoch
    run = subprocess.run(
        [*jupyter_book, *options, "--builder", builder, str(source)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if run.returncode:
        told = as_edited(ANSI.sub("", run.stderr).strip(), source)
        raise BookError(f"the book was not built, for Sphinx says:\n{told}")
    return scratch / builder


def as_edited(told: str, source: Path) -> str:
    """What Sphinx says, naming the files that a person edits instead of their copies.

    >>> as_edited("/s/arena/arena.ipynb:3: /s/experiments/mine.ipynb /s/index.md", Path("/s"))
    'results/chapters/arena.ipynb:3: results/experiments/mine/mine.ipynb book/index.md'
    """
    files = {
        rf"quick/{YOUR_RUN}\.ipynb": f"results/chapters/{YOUR_RUN}.ipynb",
        r"(?:paper|arena)/": "results/chapters/",
        r"quick/": "results/quick/",
        r"experiments/([\w-]+)\.ipynb": r"results/experiments/\1/\1.ipynb",
        "": "book/",
    }
    for copy, original in files.items():
        told = re.sub(rf"{re.escape(source.as_posix())}/{copy}", original, told)
    return told


def _drop_unused_mathjax(folder: Path) -> None:
    """MathJax ships a dozen ready-made bundles, 14 MB; the pages load one of them."""
    for script in folder.glob("*.js"):
        if script.name != "tex-chtml.js":
            script.unlink()
