"""The tables of chapters, on a web page and in LaTeX, compared with Sphinx's own tables."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = """# Page

See {{numref}}`one` and {{numref}}`two`.

:::{{{directive}}} A `caption` with $x$.
:name: one

{cells}
:::

:::{{{directive}}} Another.
:name: two

| y |
|--:|
| none |
:::
"""
CELLS = r"""|  | \|x\| | a\_b |
|:--|--:|:--|
| relu | 0.5 | \<b\> & "c" |
|  | 0.9 | \*d\* \$e\$ |"""
CONFIG = """
extensions = ["myst_parser", "eigenprune.report.book.tables"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
numfig = True
smartquotes = False  # they stay as they are in what is no node
"""


def build(folder: Path, directive: str, builder: str) -> str:
    """What Sphinx makes of a page with two tables of this directive."""
    folder.mkdir()
    (folder / "conf.py").write_text(CONFIG)
    page = PAGE.format(directive=directive, cells=CELLS)
    (folder / "index.md").write_text(page)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", builder, folder, folder / "out"]
    subprocess.run(command, check=True)
    (made,) = (folder / "out").glob("index.html" if builder == "html" else "*.tex")
    return made.read_text()


def words(page: str) -> list[str]:
    """The text of a page, without its tags."""
    return re.sub(r"<[^>]+>", " ", page).split()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    return tuple(build(folder / name, name, "html") for name in ("table", "text-table"))


def test_a_page_reads_the_same(pages: tuple[str, str]) -> None:
    """Numbers, captions, references, links, and cells with the special characters of HTML."""
    by_sphinx, ours = pages
    assert words(ours) == words(by_sphinx)
    for said in ("Table 1", "Table 2", 'id="one"', 'href="#two"'):
        assert said in ours and said in by_sphinx
    assert "&lt;b&gt; &amp;" in ours


def test_a_cell_is_one_element(pages: tuple[str, str]) -> None:
    by_sphinx, ours = pages
    assert '<td>relu</td>\n<td class="text-right">0.5</td>' in ours
    assert '<td class="text-right"><p>0.5</p></td>' in by_sphinx
    assert ours.count("<table") == 2 and len(re.findall(r"</tbody>\s*</table>", ours)) == 2


def test_latex_is_what_sphinx_makes_of_it(tmp_path: Path) -> None:
    ours = build(tmp_path / "ours", "text-table", "latex")
    assert ours == build(tmp_path / "sphinx", "table", "latex")
    assert r"\label{\detokenize{index:one}}" in ours
