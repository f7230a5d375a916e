"""What the start page includes: pictures from other chapters, and links to the quick studies."""

from collections.abc import Mapping, Sequence

from eigenprune.lab.studies import Study
from eigenprune.report.book.chapters import Exhibit
from eigenprune.report.book.contents import CHAPTERS, caption

# The pictures that the start page repeats, each by page and label: what the whole book is about,
# and how the methods of the arena compare.
LEADING = "paper/one-hidden-layer", "fig-one-hidden-layer-methods-fashion-mnist"
OF_RIVALS = "arena/arena", "fig-arena-best-curves-rivals-mnist-relu"


def again(exhibits: Mapping[str, Sequence[Exhibit]], page: str, label: str) -> str:
    """A figure of another page and its card; empty if that page has no such figure.

    Args:
        exhibits: what the pages show, by page.
        page: its path from the start page, without the file ending.
        label: of the figure.
    """
    shown = next((each for each in exhibits[page] if each.label == label), None)
    if shown is None:
        return ""
    folder, file = page.rpartition("/")[0], f"{label.removeprefix('fig-')}.svg"
    said = (
        f"{shown.card.scale.capitalize()} scale: {shown.caption} From the chapter []({page}.ipynb)."
    )
    return f"""```{{figure}} {folder}/figures/{file}
:alt: {shown.alt}

{said}
```

{shown.card.text()}
"""


def overview(studies: Sequence[Study], exhibits: Mapping[str, Sequence[Exhibit]]) -> str:
    """The first picture, and links to all chapters of the quick studies.

    The picture is LEADING, or where that is not recorded the curves of the first quick study.

    Args:
        studies: the quick ones, at least one.
        exhibits: what the pages show, by page.
    """
    first = studies[0].name
    of_quick = f"quick/{first}/compare", f"fig-{first}-compare-tradeoff"
    lines = [
        again(exhibits, *LEADING) or again(exhibits, *of_quick),
        "",
        "The quick studies, chapter by chapter:",
        "",
    ]
    for study in studies:
        links = ", ".join(
            f"[{title}](quick/{study.name}/{name}.ipynb)" for name, title in CHAPTERS.items()
        )
        lines.append(f"- **{caption(study)}**: {links}.")
    return "\n".join(lines) + "\n"
