"""The book from its real sources: whole, offline, the same bytes everywhere, no broken link."""

import filecmp
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import Params, Study
from eigenprune.report.book.build import BookError, assemble, build_book
from eigenprune.report.book.contents import (
    ARENA_CHAPTERS,
    CHAPTERS,
    PAPER_CHAPTERS,
    YOUR_RUN,
    caption,
)
from eigenprune.report.book.facts import facts
from eigenprune.report.notebooks.runner import KERNELSPEC, run_notebook

SOURCES = Path(__file__).parents[2] / "book"
TEXT = "With {eq}`eq-gain` and {cite:t}`buffoni2022`. $|\\lambda^{out}_i|$"
FIGURE = """
%config InlineBackend.figure_formats = ["svg"]
import matplotlib.pyplot as plt
plt.plot([0, 1], [1, 0]); plt.show()
"""


def study(name: str, *hidden: int) -> Study:
    return Study(
        name=name,
        dataset="digits",
        hidden=hidden,
        activations=("relu",),
        methods=("direct", "post", "pre"),
        seeds=(1,),
        pruning_ratios=(0.5,),
        epochs=1,
        retraining_epochs=1,
        batch_size=200,
        learning_rate=1e-3,
        initialisation="2022",
    )


STUDIES = [study("digits-1x100", 100), study("digits-3x50", 50, 50, 50)]


def params(*studies: Study) -> Params:
    return Params(tuple(each.name for each in studies), {each.name: each for each in studies})


def make_root(folder: Path, executed: Path) -> Path:
    """A repository with the real pages and, for each study, four executed notebooks."""
    shutil.copytree(SOURCES, folder / "book")
    for name in (study.name for study in STUDIES):
        results = folder / "results" / "quick" / name
        results.mkdir(parents=True)
        for chapter in CHAPTERS:
            shutil.copyfile(executed, results / f"{chapter}.ipynb")
    (folder / "results" / "chapters").mkdir()
    for chapter in (*PAPER_CHAPTERS, *ARENA_CHAPTERS, YOUR_RUN):
        shutil.copyfile(executed, folder / "results" / "chapters" / f"{chapter}.ipynb")
    return folder


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebook")
    cells = [new_markdown_cell(f"# A chapter\n\n{TEXT}")]
    cells.append(new_code_cell('study = "default"', metadata={"tags": ["parameters"]}))
    cells.append(new_code_cell(FIGURE.strip(), metadata={"tags": ["hide-input"]}))
    source = new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    nbformat.write(source, folder / "source.ipynb")
    run_notebook(folder / "source.ipynb", folder / "executed.ipynb", {"study": "digits-1x100"})
    return folder / "executed.ipynb"


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory, executed: Path) -> Path:
    return build_book(make_root(tmp_path_factory.mktemp("one"), executed), params(*STUDIES))


# --- what is on the pages ---------------------------------------------------------------------


def test_every_study_has_its_chapters_in_the_table_of_contents(html: Path) -> None:
    start = (html / "index.html").read_text()
    for each in STUDIES:
        assert f"Quick: {caption(each)}" in start
        for chapter in CHAPTERS:
            assert f'href="quick/{each.name}/{chapter}.html"' in start
            assert (html / "quick" / each.name / f"{chapter}.html").is_file()


def test_the_recorded_results_have_their_chapters(html: Path) -> None:
    start = (html / "index.html").read_text()
    for chapter, origin in PAPER_CHAPTERS.items():
        assert f'href="paper/{chapter}.html"' in start
        assert origin.partition("`")[0] in (html / "paper" / f"{chapter}.html").read_text()


def test_equations_and_citations_resolve(html: Path) -> None:
    method = (html / "method.html").read_text()
    labels = re.findall(r":label: (\S+)", (SOURCES / "method.md").read_text())
    assert len(labels) == len(set(labels)) > 5
    for label in labels:
        assert f'id="equation-{label}"' in method
    chapter = (html / "quick" / "digits-1x100" / "train.html").read_text()
    assert 'href="../../method.html#equation-eq-gain"' in chapter
    (target,) = re.findall(r'href="\.\./\.\./references\.html#([^"]+)"', chapter)
    assert f'id="{target}"' in (html / "references.html").read_text()


def test_a_chapter_offers_the_executed_notebook_for_download(html: Path, executed: Path) -> None:
    page = html / "quick" / "digits-3x50" / "compare.html"
    (link,) = re.findall(r'<a class="reference download[^>]*>', page.read_text())
    assert 'download=""' in link
    target = re.search(r'href="([^"]+)"', link)
    assert target and target[1].endswith("/digits-3x50-compare.ipynb")
    assert (page.parent / target[1]).read_bytes() == executed.read_bytes()


def test_a_chapter_shows_the_parameters_that_were_used_alone(html: Path) -> None:
    page = (html / "quick" / "digits-1x100" / "train.html").read_text()
    values = re.findall(r'class="s2">(?:"|&quot;)(.*?)(?:"|&quot;)<', page)
    assert "digits-1x100" in values
    assert "default" not in values


# --- offline ----------------------------------------------------------------------------------


class Sources(HTMLParser):
    """Collects what a browser fetches on its own, and the text of inline scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.inline: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        if tag == "a":  # followed only by a click
            return
        for name, value in attributes:
            if name in ("src", "srcset", "href", "xlink:href", "data", "poster") and value:
                self.fetched.append(value)
            if name == "style" and value:
                self.inline.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.inline.append(data)


def sources(page: Path) -> Sources:
    parser = Sources()
    parser.feed(page.read_text())
    return parser


def from_elsewhere(folder: Path) -> list[str]:
    """Everything in the pages and style sheets that a browser would fetch from a network."""
    found = []
    for page in folder.rglob("*.html"):
        found += [url for url in sources(page).fetched if re.match(r"(https?:)?//", url)]
        found += re.findall(r"https?://\S+", " ".join(sources(page).inline))
    for sheet in folder.rglob("*.css"):
        text = sheet.read_text()
        found += re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", text)
    return found


def missing_files(folder: Path) -> list[str]:
    """Local scripts, styles and pictures that a page asks for and that are not there."""
    missing = []
    pages = [page for page in folder.rglob("*.html") if "_static" not in page.parts]
    for page in pages:  # the theme keeps a template in _static
        for url in sources(page).fetched:
            file = re.sub(r"[?#].*", "", url)
            if file and not url.startswith("data:") and not (page.parent / file).is_file():
                missing.append(f"{page.name}: {url}")
    return missing


def test_the_book_reads_without_a_network(html: Path) -> None:
    assert from_elsewhere(html) == []
    assert missing_files(html) == []
    scripts = sources(html / "method.html").fetched
    assert any(script.startswith("_static/mathjax/tex-chtml.js") for script in scripts)
    assert any((html / "_static" / "mathjax" / "output" / "chtml").rglob("*.woff"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", '<script src="https://cdn.example/x.js"></script>'),
        ("a.html", '<link rel="stylesheet" href="//fonts.example/css">'),
        ("a.html", '<img alt="x" src="http://example/x.png">'),
        ("a.html", '<script>const U = "https://cdn.example/x.js";</script>'),
        ("a.html", '<p style="background: url(https://example/x.png)">x</p>'),
        ("a.css", '@font-face { src: url("https://fonts.example/f.woff2") }'),
        ("a.css", '@import "https://fonts.example/css";'),
    ],
)
def test_a_source_from_elsewhere_is_found(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert from_elsewhere(tmp_path)


def test_a_link_to_click_is_no_source_and_a_missing_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="https://example">x</a><script src="x.js"></script>')
    assert from_elsewhere(tmp_path) == []
    assert missing_files(tmp_path) == ["a.html: x.js"]


# --- the build --------------------------------------------------------------------------------


def differences(left: Path, right: Path) -> list[str]:
    names = {
        file.relative_to(folder)
        for folder in (left, right)
        for file in folder.rglob("*")
        if file.is_file()
    }
    return [
        str(name)
        for name in sorted(names)
        if not ((left / name).is_file() and (right / name).is_file())
        or not filecmp.cmp(left / name, right / name, shallow=False)
    ]


def test_another_folder_and_environment_give_the_same_bytes(
    html: Path, tmp_path: Path, executed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    second = build_book(make_root(tmp_path / "a" / "longer path", executed), params(*STUDIES))
    assert differences(html, second) == []
    (second / "index.html").write_text("changed")
    (second / "more.html").write_text("added")
    assert differences(html, second) == ["index.html", "more.html"]


def test_a_broken_reference_fails_and_leaves_the_old_book(tmp_path: Path, executed: Path) -> None:
    root = make_root(tmp_path, executed)
    with (root / "book" / "rerun.md").open("a") as page:
        page.write("\nSee {eq}`eq-nowhere` and [there](nowhere.md).\n")
    old = root / "build" / "book" / "html"
    old.mkdir(parents=True)
    (old / "index.html").write_text("the old book")
    with pytest.raises(BookError, match="the book was not built") as caught:
        build_book(root, params(*STUDIES[:1]))
    told = str(caught.value)
    assert re.search(r"^book/rerun\.md:\d+: WARNING: .*eq-nowhere", told, re.MULTILINE)
    assert "nowhere.md" in told
    assert (old / "index.html").read_text() == "the old book"


PAGE, CHAPTER = Path("book") / "index.md", Path("notebooks") / "train.ipynb"


@pytest.mark.parametrize("file", [PAGE, CHAPTER])
def test_a_typed_result_fails_the_build_before_anything_is_built(
    tmp_path: Path, executed: Path, file: Path
) -> None:
    root = make_root(tmp_path, executed)
    if file == PAGE:
        with (root / PAGE).open("a") as page:
            page.write("\nIt is right in 97.3 % of all cases.\n")
    else:
        (root / CHAPTER).parent.mkdir()
        shutil.copyfile(SOURCES.parent / CHAPTER, root / CHAPTER)
        notebook = nbformat.read(root / CHAPTER, as_version=4)
        notebook.cells.append(new_markdown_cell("It is right in 97.3 % of all cases."))
        nbformat.write(notebook, root / CHAPTER)
    with pytest.raises(UserError, match=rf"{file}.*'97\.3 %' \(percentage\)"):
        build_book(root, params(*STUDIES))
    assert not (root / "build").exists()


def test_the_numbers_of_the_pages_come_from_the_records(tmp_path: Path, executed: Path) -> None:
    root = make_root(tmp_path, executed)
    for folder, seconds in (("reference", 180), ("paper", 7200)):
        record = root / "results" / folder / "s"
        record.mkdir(parents=True)
        made = {"training_seconds": seconds - 1, "made_with": [{"seconds": 1}]}
        study = {"name": "s", "dataset": "digits"}
        (record / "manifest.json").write_text(json.dumps(made | {"study": study}))
    assert facts(root) == {"quick_time": "3 minutes", "paper_time": "2 hours"}


def test_the_start_page_says_how_long_it_takes(html: Path) -> None:
    start = (html / "index.html").read_text()
    assert "{{" not in start and "method took no time of one core where" in start


def test_the_readers_run_has_its_chapter(html: Path) -> None:
    assert 'href="quick/your-run.html"' in (html / "index.html").read_text()
    assert (html / "quick" / "your-run.html").is_file()


def test_the_schematic_has_a_number_and_words(html: Path) -> None:
    method = (html / "method.html").read_text()
    picture = re.search(r"<img[^>]*spectral-layer\.svg[^>]*>", method)
    assert picture and "alt=" in picture[0] and "schematic" in picture[0]
    assert 'href="#fig-spectral-layer"' in method
    drawing = (SOURCES / "_static" / "spectral-layer.svg").read_text()
    assert "var(" not in drawing  # rsvg-convert, used for the PDF, does not know var()


def test_a_study_more_gets_its_part_before_the_last(tmp_path: Path, executed: Path) -> None:
    root = make_root(tmp_path, executed)
    shutil.copytree(root / "results" / "quick" / "digits-3x50", root / "results" / "quick" / "own")
    toc = assemble(root, params(*STUDIES, study("own", 300, 100))) / "_toc.yml"
    parts = yaml.safe_load(toc.read_text())["parts"]
    assert [part["caption"] for part in parts] == [
        "Theory",
        "The published study",
        "The rivals",
        "Quick: digits, one hidden layer of 100 nodes",
        "Quick: digits, three hidden layers of 50 nodes",
        "Quick: digits, hidden layers of 300-100 nodes",
        "Your turn",
    ]
    assert [chapter["file"] for chapter in parts[5]["chapters"]] == [
        f"quick/own/{chapter}" for chapter in CHAPTERS
    ]


def test_what_is_missing_is_named_with_the_command_that_makes_it(
    tmp_path: Path, executed: Path
) -> None:
    root = make_root(tmp_path, executed)
    (root / "results" / "quick" / "digits-3x50" / "prune-after.ipynb").unlink()
    command = "eigenprune notebook prune-after --study digits-3x50"
    with pytest.raises(UserError, match=rf"prune-after\.ipynb is missing: .*{command}"):
        build_book(root, params(*STUDIES))
    with pytest.raises(UserError, match="names no study"):
        build_book(root, params())
