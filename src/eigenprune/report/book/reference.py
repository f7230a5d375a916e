"""Sphinx extension for the book's reference: a name in backticks links to what it names.

Docstrings put code of any kind in backticks: a function of this library, an argument, a value, a
path. The role `name`, the default one in the reference, shows each as code and turns it into a
link if the reference documents it. Roles that are written out, and types in signatures, stay
strict: what they name must be documented.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils import nodes
    from docutils.parsers.rst.states import Inliner
    from sphinx.application import Sphinx

_OPTIONAL = "eigenprune_optional"


def setup(app: "Sphinx") -> dict[str, bool]:
    """Register the role; Sphinx calls this."""
    app.add_role("name", _name)
    app.connect("missing-reference", _as_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _name(
    role: str,
    rawtext: str,
    text: str,
    line: int,
    inliner: "Inliner",
    options: Mapping[str, Any] | None = None,
    content: Sequence[str] = (),
) -> "tuple[list[nodes.Node], list[nodes.system_message]]":
    from docutils.nodes import literal
    from docutils.utils import unescape
    from sphinx.addnodes import pending_xref

    text = unescape(text)
    code = literal(rawtext, text, classes=["xref", "py", "py-obj"])
    if not re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*", text):
        return [code], []
    env = inliner.document.settings.env
    reference = pending_xref(
        rawtext, code, refdoc=env.docname, refdomain="py", reftype="obj", reftarget=text
    )
    for context in ("py:module", "py:class"):
        reference[context] = env.ref_context.get(context)
    if "." in text:  # `agreement.compare` is found in whichever package it is
        reference["refspecific"] = True
    reference[_OPTIONAL] = True
    return [reference], []


def _as_code(
    app: "Sphinx", env: Any, node: "nodes.Element", content: "nodes.TextElement"
) -> "nodes.TextElement | None":
    return content if node.get(_OPTIONAL) else None
