"""Sphinx extension: the directive `text-table`, for the thousands of cells of the chapters."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from docutils import nodes
from docutils.parsers.rst.directives.tables import RSTTable
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class TextTable(RSTTable):  # type: ignore[misc]  # docutils has no types
    """A Markdown table as `table` takes it, with a caption and a number; its cells are text.

    On a web page all rows are one piece of HTML. Sphinx would make three nodes for every cell and
    traverse all of them some hundred times, half of its work for the whole book.
    """

    def run(self) -> list[nodes.Node]:
        """The table, and messages about its caption."""
        if self.state.document.settings.env.app.builder.format != "html":
            return list(super().run())
        title, messages = self.make_title()
        table = nodes.table("", title, nodes.raw("", rows(self.content), format="html"))
        self.add_name(table)
        return [table, *messages]


def rows(lines: Iterable[str]) -> str:
    r"""The head and the body of a table in Markdown, as HTML.

    >>> print(rows(["| act | \\|x\\| |", "|:--|--:|", "| relu | 0.5 |"]))
    <thead>
    <tr>
    <th>act</th>
    <th class="text-right">|x|</th>
    </tr>
    </thead>
    <tbody>
    <tr>
    <td>relu</td>
    <td class="text-right">0.5</td>
    </tr>
    </tbody>
    """
    table = MarkdownIt("commonmark").enable("table").render("\n".join(lines)).strip()
    inner = table.removeprefix("<table>\n").removesuffix("\n</table>")
    # Quotes in a cell are escaped: what is replaced here is an attribute.
    for side, given in (("left", ""), ("right", ' class="text-right"')):
        inner = inner.replace(f' style="text-align:{side}"', given)
    return inner


def setup(app: "Sphinx") -> dict[str, bool]:
    """Make the directive known; Sphinx calls this."""
    app.add_directive("text-table", TextTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
