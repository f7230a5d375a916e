"""From an executed notebook to a chapter: numbered figures and tables, each with its card."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eigenprune.report.provenance.cards import Card, Pipeline, card
from eigenprune.report.shown import PLOTLY, described, opening


@dataclass(frozen=True)
class Exhibit:
    """A figure or table of a chapter: its label, caption and card; for a figure also `alt`."""

    kind: str  # `fig` or `tab`
    label: str
    caption: str
    card: Card
    alt: str


def write_chapter(
    notebook: Path, chapter: Path, name: str, origin: str, pipeline: Pipeline
) -> list[Exhibit]:
    """Make a chapter of the book from an executed notebook.

    A line below the title says where the chapter comes from and offers the notebook for download.
    What the notebook shows with `show` becomes figures and tables with numbers, labels
    (`fig-NAME-...`, `tab-NAME-...`) and cards.

    Args:
        notebook: the executed notebook.
        chapter: the file to write; figures and the notebook go beside it.
        name: of the chapter, unique in the book.
        origin: a sentence in Markdown.
        pipeline: the project, for the cards.

    Returns:
        The figures and tables, in order.
    """
    import nbformat

    # The download is the unchanged notebook; only the chapter gets the line that offers it.
    download = f"executed/{name}.ipynb"
    (chapter.parent / "executed").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(notebook, chapter.parent / download)
    content = nbformat.read(notebook, as_version=4)
    tags = [set(cell.metadata.get("tags", [])) for cell in content.cells]
    if {"injected-parameters"} in tags:  # the page shows what was used, not the defaults as well
        content.cells = [
            cell for cell, tag in zip(content.cells, tags, strict=True) if "parameters" not in tag
        ]
    exhibits: list[Exhibit] = []
    cells: list[Any] = []
    for cell in content.cells:
        if cell.cell_type != "code":
            cells.append(cell)
            continue
        texts = list(_texts(cell, name, notebook, chapter.parent, pipeline, exhibits))
        cells.append(cell)
        cells += [nbformat.v4.new_markdown_cell(text) for text in texts]
    # A link to the .ipynb would open as raw JSON in a browser; the download role saves it.
    line = f"*{origin}* {{download}}`Download this notebook <{download}>`"
    cells.insert(1, nbformat.v4.new_markdown_cell(line))
    for number, cell in enumerate(cells, start=1):
        cell["id"] = f"cell-{number}"
    content.cells = cells
    nbformat.write(content, chapter)
    return exhibits


def _texts(
    cell: Any,
    chapter: str,
    notebook: Path,
    folder: Path,
    pipeline: Pipeline,
    exhibits: list[Exhibit],
) -> Iterator[str]:
    """Move figures, tables and the sentences between them from a cell's outputs to the text."""
    kept = []
    for output in cell.outputs:
        shown = described(output)
        if shown is None and "text/markdown" in output.get("data", {}):
            yield output["data"]["text/markdown"]
        elif shown is None:
            kept.append(output)
        elif "below" not in shown:  # the caption is part of the figure in the book
            exhibit, text = _exhibit(shown, output["data"], chapter, notebook, folder, pipeline)
            exhibits.append(exhibit)
            if folded := shown.get("folded"):  # in a PDF, which cannot unfold it, it stands open
                parts = [_raw_html(opening(folded)), text, exhibit.card.text()]
                yield "\n\n".join([*parts, _raw_html("</details>")])
            else:
                yield text
                yield exhibit.card.text()
    cell.outputs = kept


def _exhibit(
    shown: dict[str, Any],
    data: dict[str, Any],
    chapter: str,
    notebook: Path,
    folder: Path,
    pipeline: Pipeline,
) -> tuple[Exhibit, str]:
    made = card(shown, notebook, pipeline)
    svg = data.get("image/svg+xml")
    kind = "tab" if svg is None else "fig"
    label = f"{kind}-{chapter}-{shown['name']}"
    exhibit = Exhibit(kind, label, shown["caption"], made, shown.get("alt", ""))
    if svg is None:
        # Colons: a caption may contain backquotes, which would break a fence of backquotes.
        begin = [f":::{{text-table}} {shown['caption']}", f":name: {label}", ""]
        return exhibit, "\n".join([*begin, data["text/markdown"], ":::"])
    file = folder / "figures" / f"{chapter}-{shown['name']}.svg"
    file.parent.mkdir(exist_ok=True)
    file.write_text(svg, encoding="utf-8")
    lines = [
        f"```{{figure}} figures/{file.name}",
        f":name: {label}",
        f":alt: {shown['alt']}",
        "",
        shown["caption"],
        "```",
    ]
    if PLOTLY in data:
        # The script of the book draws it in place of the picture; `<` could end the element.
        drawing = json.dumps(data[PLOTLY], separators=(",", ":")).replace("<", "\\u003c")
        element = (
            f'<script type="application/json" class="interactive-figure" data-figure="{label}">'
        )
        lines += ["", _raw_html(f"{element}{drawing}</script>")]
    return exhibit, "\n".join(lines)


def _raw_html(text: str) -> str:
    return f"```{{raw}} html\n{text}\n```"
