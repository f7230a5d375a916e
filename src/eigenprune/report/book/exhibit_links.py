"""Sphinx extension: a link with the number of a figure or table, for pages that have hundreds.

The role `exhibit` does what Sphinx's `numref` does, but faster. For each link, `numref` reads the
whole page of the figure anew, a third of a second where tables are long; `exhibit` only looks the
number up.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

_KINDS = ("figure", "table")


def setup(app: "Sphinx") -> dict[str, bool]:
    """Register the role; Sphinx calls this."""
    from sphinx.roles import XRefRole

    app.add_role("exhibit", XRefRole())
    app.connect("missing-reference", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _link(
    app: "Sphinx", env: Any, node: "nodes.Element", content: "nodes.TextElement"
) -> "nodes.Element | None":
    from sphinx.addnodes import number_reference

    if node["reftype"] != "exhibit":
        return None
    domain = env.get_domain("std")
    page, label = domain.anonlabels.get(node["reftarget"], ("", ""))
    for kind in _KINDS:
        if number := env.toc_fignumbers.get(page, {}).get(kind, {}).get(label):
            form = app.config.numfig_format[kind]
            link: nodes.Element = domain.build_reference_node(
                node["refdoc"],
                app.builder,
                page,
                label,
                form % ".".join(map(str, number)),
                "numref",
                nodeclass=number_reference,
                title=form,
            )
            return link
    return None
