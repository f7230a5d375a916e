"""Sphinx extension: what scrolls sideways on a phone (see `book.css`) also scrolls by keyboard."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: "Sphinx") -> dict[str, bool]:
    """Adjust every page before it is written; Sphinx calls this."""
    app.connect("html-page-context", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _mend(
    app: "Sphinx", page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    if "body" in context:
        context["body"] = with_focus(context["body"])


def with_focus(body: str) -> str:
    """The body of a page, with figures and outputs that can receive the keyboard focus.

    >>> with_focus('<div class="cell_output docutils container">')
    '<div class="cell_output docutils container" tabindex="0">'
    """
    return re.sub(r'<(div class="cell_output |figure )[^>]*(?=>)', r'\g<0> tabindex="0"', body)
