"""The book as a PDF: whole, numbered, in vector graphics, the same bytes for the same date."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pypdf
import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import Params, load_params
from eigenprune.report.book import pdf as pdf_module
from eigenprune.report.book.build import BookError
from eigenprune.report.book.contents import caption
from eigenprune.report.book.pdf import PROGRAMS, build_pdf, complaint, require_programs, typeset


@pytest.fixture(scope="module")
def params(reproduced: Path) -> Params:
    return load_params(reproduced / "params.yaml")


EPOCH = "1600000000"


def build(root: Path, params: Params) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", EPOCH)
        return build_pdf(root, params)


@pytest.fixture(scope="module")
def pdf(reproduced: Path, params: Params) -> Path:
    return build(reproduced, params)


@pytest.fixture(scope="module")
def text(pdf: Path) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages)


def titles(outline: list, depth: int = 0) -> Iterator[tuple[int, str]]:
    for entry in outline:
        if isinstance(entry, list):
            yield from titles(entry, depth + 1)
        else:
            yield depth, entry.title


def test_all_parts_and_chapters_are_in_the_outline(
    pdf: Path, params: Params, reproduced: Path
) -> None:
    outline = list(titles(pypdf.PdfReader(pdf).outline))
    parts = [title for depth, title in outline if depth == 0]
    for name in params.quick:
        assert any(caption(params.study(name)) in part for part in parts)
    chapters = [title for depth, title in outline if depth == 1]
    pages = reproduced / "build" / "book" / "html"
    for page in [*pages.glob("paper/*.html"), *pages.glob("quick/*/*.html"), pages / "api.html"]:
        heading = re.search(r"<h1>.*?</span>(.*?)<a", page.read_text())
        assert heading and heading[1].strip() in chapters, page


def unresolved(text: str) -> list[str]:
    """What LaTeX writes in place of a reference that leads nowhere."""
    return re.findall(r".*(?:\?\?|\[\?\]).*", text)


def test_references_are_resolved_and_things_are_numbered(text: str) -> None:
    assert unresolved(text) == []
    assert unresolved("see Fig. ?? here") == ["see Fig. ?? here"]
    assert "By (1.5)" in text
    assert "Table 1.1" in text
    assert re.search(r"Buffoni et al\., *2022", text)
    assert "Scientific Reports" in text


def test_tables_are_tables_and_figures_are_no_text(text: str) -> None:
    assert "<Figure" not in text
    assert "\\n[" not in text and "rows x" not in text


def images(pdf: Path) -> int:
    """The number of bitmap images."""
    return sum(len(page.images) for page in pypdf.PdfReader(pdf).pages)


def test_figures_are_vector_graphics(pdf: Path) -> None:
    assert images(pdf) == 0
    forms = 0
    for page in pypdf.PdfReader(pdf).pages:
        objects = page["/Resources"].get("/XObject", {})
        forms += sum(each.get_object()["/Subtype"] == "/Form" for each in objects.values())
    assert forms > 20


def test_another_folder_gives_the_same_bytes(
    pdf: Path, params: Params, reproduced: Path, tmp_path: Path
) -> None:
    for name in ("book", "results"):
        shutil.copytree(reproduced / name, tmp_path / "a longer path" / name)
    assert build(tmp_path / "a longer path", params).read_bytes() == pdf.read_bytes()


PAGE = r"""\documentclass{article}\usepackage{fontspec}\usepackage{graphicx}\usepackage{hyperref}
\begin{document}\section{A title}\label{here} See \ref{here}.
\includegraphics{drawn}\end{document}"""


def test_another_folder_and_time_of_day_give_the_same_pdf(tmp_path: Path) -> None:
    figure, panel = plt.subplots()
    panel.plot([1, 2])
    found = []
    for name, epoch in (("here", EPOCH), ("a longer path", EPOCH), ("later", "1600000001")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "eigenprune.tex").write_text(PAGE)
        figure.savefig(folder / "drawn.pdf", metadata={"CreationDate": None})
        found.append(typeset(folder, epoch).read_bytes())
        time.sleep(1.1)  # dates in a PDF are of seconds
    plt.close(figure)
    here, elsewhere, later = found
    assert here == elsewhere != later


def test_what_is_missing_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get install latexmk librsvg2-bin texlive-xetex"):
        build_pdf(tmp_path, Params((), {}))
    for name in PROGRAMS:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    require_programs()
    (tmp_path / "rsvg-convert").unlink()
    with pytest.raises(UserError, match=r"^the PDF needs rsvg-convert, .* librsvg2-bin`$"):
        require_programs()


def test_a_failure_of_latex_is_told(
    params: Params, reproduced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("book", "results"):
        shutil.copytree(reproduced / name, tmp_path / name)

    def broken(sources: Path, builder: str, epoch: str) -> Path:
        """Write a page that LaTeX refuses, instead of running Sphinx for minutes."""
        folder = tmp_path / "build" / "book" / "sources" / builder
        folder.mkdir(parents=True)
        text = "\\documentclass{article}\\begin{document}$\\nowhere$\\end{document}"
        (folder / "eigenprune.tex").write_text(text)
        return folder

    monkeypatch.setattr(pdf_module, "run_sphinx", broken)
    old = tmp_path / "build" / "book" / "eigenprune.pdf"
    old.parent.mkdir(parents=True)
    old.write_text("the old one")
    with pytest.raises(BookError, match=r"LaTeX failed:\n! Undefined control sequence"):
        build(tmp_path, params)
    assert old.read_text() == "the old one"
    assert complaint("no sign of an error") == "no sign of an error"
