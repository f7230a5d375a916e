"""Figures and tables that know where they come from.

A notebook shows them with `show`. In JupyterLab they look as usual. The executed notebook stores
the name, caption and origin of each; from these the book makes a numbered figure or table, and the
card below it.
"""

import html
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials
from eigenprune.report.markdown import table_text
from eigenprune.report.origins import Origin, of_runs

METADATA = "eigenprune"  # the key in an output's metadata that holds what `show` says of it
PLOTLY = "application/vnd.plotly.v1+json"


def show(
    what: Figure | pd.DataFrame,
    *,
    name: str,
    caption: str,
    alt: str = "",
    of: Iterable[Study | Trials] = (),
    recorded: bool = False,
    files: Iterable[str] = (),
    interactive: Mapping[str, Any] | None = None,
    folded: str = "",
) -> None:
    """Display a figure or a table in a notebook, and record what it is and where it comes from.

    Args:
        what: the figure, which is then closed, or the table.
        name: short and unique in its notebook, e.g. `losses`; text may refer to it.
        caption: one sentence, in MyST's Markdown.
        alt: what a figure shows, for readers who cannot see it.
        of: the studies and trials whose runs it shows; studies narrowed to the methods and seeds
            that it shows.
        recorded: whether the runs are those of `results/paper`.
        files: other files whose content it shows, e.g. `results/bench/cpu-2-threads-amd.json`.
        interactive: the same figure for Plotly, `{"data": [...], "layout": {...}}`.
        folded: for long figures and tables, the title that readers see until they unfold it;
            JupyterLab folds tables only.

    Raises:
        ValueError: if a figure has no `alt`, or the name has a space, as it becomes a file name.
    """
    from IPython.display import display

    if any(map(str.isspace, name)):
        raise ValueError(f"name={name!r}: no spaces")

    found = (of_runs(study, recorded=recorded) for study in of)
    kept = [asdict(origin) for origin in found if origin.runs]
    described = {
        "name": name,
        "caption": caption,
        "origins": kept,
        "files": list(files),
        "recorded": recorded,
        **({"folded": folded} if folded else {}),
    }
    bundle: dict[str, Any] = {"text/plain": caption}
    if isinstance(what, Figure):
        if not alt:
            raise ValueError(
                f"figure {name!r}: alt is missing, the description for readers who cannot see it"
            )
        described["alt"] = alt
        bundle["image/svg+xml"] = svg_text(what)
        if interactive is not None:
            bundle[PLOTLY] = dict(interactive)
    else:
        table = what.to_html()
        bundle["text/html"] = f"{opening(folded)}{table}</details>" if folded else table
        bundle["text/markdown"] = table_text(what)
    metadata = {METADATA: described}
    display(bundle, raw=True, metadata=metadata)
    below = {"text/markdown": f"*{caption}*", "text/plain": caption}
    display(below, raw=True, metadata={METADATA: {"below": name}})


def opening(folded: str) -> str:
    """The HTML that opens a folded part; `</details>` closes it."""
    return f'<details class="folded"><summary>{html.escape(folded)}</summary>'


def described(output: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `show` recorded with an output of an executed notebook; None for any other output."""
    found = output.get("metadata", {}).get(METADATA)
    return None if found is None else dict(found)


def origins(shown: Mapping[str, Any]) -> list[Origin]:
    """Where the numbers come from, read from what `described` returns."""
    return [Origin(**{**each, "commits": tuple(each["commits"])}) for each in shown["origins"]]


def svg_text(figure: Figure) -> str:
    """The figure as SVG, without a date; the figure is then closed."""
    import matplotlib.pyplot as plt

    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)  # else it appears again at the end of its cell
    return drawn.getvalue()
