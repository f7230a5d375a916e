"""Panels of interactive figures: side by side, or one below the other on a phone.

Everything is plain data in the schema of Plotly's figures. `layout.meta` holds two arrangements,
`wide` and `narrow`, as updates of the layout. `book/_static/interactive.js` applies the one that
fits.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from shutil import copyfile
from typing import Any

Update = dict[str, Any]

INK = "black"  # for what has no colour of its own; the page's script replaces it by the text colour
GAP = 0.03  # between panels side by side, as a share of the figure
MARGIN = {"l": 52, "r": 12, "t": 26, "b": 46}  # all lengths in CSS pixels
HEIGHT = 330
ROW, ROW_GAP = 190, 84  # the gap has room for the axis of one panel and the title of the next


def axis(letter: str, number: int, *, key: bool = False) -> str:
    """The name of a panel's axis, counted from 0: `x2` in a trace, `xaxis2` as a key of the layout.

    Example:
        >>> axis("x", 0), axis("y", 2), axis("y", 2, key=True)
        ('x', 'y3', 'yaxis3')
    """
    return f"{letter}{'axis' if key else ''}{number + 1 if number else ''}"


def layout(titles: Sequence[str], x: Update, y: Update) -> dict[str, Any]:
    """The layout of a row of panels whose axes show the same quantities.

    Args:
        titles: one for each panel.
        x: settings of every horizontal axis.
        y: settings of every vertical axis; all share one range.
    """
    shown: dict[str, Any] = {
        "margin": MARGIN,
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "legend": {"orientation": "h", "y": -0.2, "yanchor": "top"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "annotations": [_title(title, number) for number, title in enumerate(titles)],
    }
    for number in range(len(titles)):
        own = {"anchor": axis("y", number), "zeroline": False, "ticks": "outside"}
        shown[axis("x", number, key=True)] = {**own, **x}
        own = {"anchor": axis("x", number), "zeroline": False, "automargin": False}
        if number:
            own["matches"] = "y"
        shown[axis("y", number, key=True)] = {**own, **y}
    wide, narrow = _wide(len(titles), y), _narrow(len(titles), y)
    for name, value in wide.items():
        _set(shown, name.split("."), value)
    return {**shown, "height": HEIGHT + 110, "meta": {"wide": wide, "narrow": narrow}}


def copy_plotly(static_folder: Path) -> None:
    """Copy `plotly.min.js` into `_static` of a built book, where the pages' script looks for it.

    It does not go into `_static` of the sources, because every page would then load its megabytes.
    This is the only bundle that the package contains.
    """
    source = files("plotly") / "package_data" / "plotly.min.js"
    copyfile(str(source), static_folder / "plotly.min.js")


def _title(text: str, number: int) -> dict[str, Any]:
    x, y = axis("x", number), axis("y", number)
    return {
        "text": text,
        "showarrow": False,
        "xref": f"{x} domain",
        "yref": f"{y} domain",
        "x": 0.5,
        "y": 1,
        "yanchor": "bottom",
    }


def _wide(count: int, y: Update) -> Update:
    width = (1 - GAP * (count - 1)) / count
    update: Update = {"height": HEIGHT}
    for number in range(count):
        left = number * (width + GAP)
        update[f"{axis('x', number, key=True)}.domain"] = _domain(left, width)
        update[f"{axis('y', number, key=True)}.domain"] = [0, 1]
        # In a row of panels, one axis with numbers and a title is enough.
        update[f"{axis('y', number, key=True)}.showticklabels"] = not number
        update[f"{axis('y', number, key=True)}.title.text"] = "" if number else y["title"]["text"]
    return update


def _narrow(count: int, y: Update) -> Update:
    inside = count * ROW + (count - 1) * ROW_GAP
    update: Update = {"height": inside + MARGIN["t"] + MARGIN["b"]}
    for number in range(count):
        low = (count - 1 - number) * (ROW + ROW_GAP) / inside
        update[f"{axis('x', number, key=True)}.domain"] = [0, 1]
        update[f"{axis('y', number, key=True)}.domain"] = _domain(low, ROW / inside)
        update[f"{axis('y', number, key=True)}.showticklabels"] = True
        update[f"{axis('y', number, key=True)}.title.text"] = y["title"]["text"]
    return update


def _domain(start: float, length: float) -> list[float]:
    return [round(start, 4), round(min(start + length, 1), 4)]


def _set(tree: dict[str, Any], path: list[str], value: object) -> None:
    """Set the value at the parts of a dotted name; dicts on the way, perhaps shared, are copied."""
    name, *rest = path
    if rest:
        tree[name] = dict(tree.get(name, {}))
        _set(tree[name], rest, value)
    else:
        tree[name] = value
