"""Interactive versions of the figures in `figures`: hover, hide curves, step through epochs.

Each function returns plain data in the schema of Plotly's figures, `{"data": [...], "layout":
{...}}`; equal tables give equal bytes. Numbers are rounded to the precision that the figure shows.
JupyterLab shows the figures with Plotly's legend and slider. In the book,
`book/_static/interactive.js` puts them in the place of the static picture, with controls that can
be reached with the keyboard.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from eigenprune.lab.errors import UserError
from eigenprune.lab.methods import METHODS, Method, looks
from eigenprune.report.figures import groups_of_spectra, unpruned
from eigenprune.report.panels import INK, axis, layout

Trace = dict[str, Any]

# Markers and lines: matplotlib's names for them, and Plotly's.
SYMBOLS = {
    "s": "square",
    "o": "circle",
    "^": "triangle-up",
    "v": "triangle-down",
    "<": "triangle-left",
    "x": "x",
    "D": "diamond",
    "P": "cross",
    "*": "star",
}
DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}

_POINT = (
    "<b>%{fullData.name}</b><br>pruning ratio %{customdata[0]}<br>"
    "%{customdata[1]:,} nodes, %{customdata[2]:,} parameters kept<br>"
    "accuracy %{customdata[3]}<extra></extra>"
)
_PUBLISHED = (
    "<b>%{fullData.name}</b><br>pruning ratio %{x}<br>accuracy %{customdata}<extra></extra>"
)
_CONTROL = "<b>%{fullData.name}</b><br>accuracy %{customdata}<extra></extra>"


def tradeoff(
    means: pd.DataFrame,
    published: pd.DataFrame | None = None,
    against: str = "pruning_ratio",
    control: str | None = None,
) -> dict[str, Any]:
    """Trade-off curves, see `figures.tradeoff`; hovering shows method, ratio, nodes and accuracy.

    Args:
        means: what `statistics.over_seeds` returns, for one study.
        published: what `published.published_curves` returns; only drawn over `pruning_ratio`.
        against: `"pruning_ratio"` or `"parameters_kept"` (on a logarithmic axis).
        control: see `figures.tradeoff`.

    Raises:
        UserError: if `means` is empty.
    """
    if means.empty:
        raise UserError("there is nothing to draw: no network of this study is finished")
    activations = list(means["activation"].unique())
    look = looks(means["method"])
    traces: list[Trace] = []
    for number, activation in enumerate(activations):
        ours = means[means["activation"] == activation]
        for name, curve in ours.groupby("method", sort=False):
            traces += _curve(curve, str(name), look[str(name)], against, number)
            if published is not None and against == "pruning_ratio":
                of_both = (published["activation"] == activation) & (published["method"] == name)
                traces += _published_points(published[of_both], str(name), number)
        traces += _control(ours, control, against, number)
    x: dict[str, Any] = {
        "title": {"text": "pruning ratio", "standoff": 8},
        "range": [-0.03, 1.03],
        "dtick": 0.2,
    }
    if against != "pruning_ratio":
        x = {
            "title": {"text": "parameters kept, fewer to the right", "standoff": 8},
            "type": "log",
            "autorange": "reversed",
        }
        # Panels are narrow: with many decades in each there is room for powers of ten only.
        decades = math.log10(means[against].max() / means[against].min())
        x |= {"dtick": "D2" if len(activations) * decades < 4 else 1, "tickformat": "~s"}
    y = {"title": {"text": "test accuracy in %"}}
    return _figure(traces, layout(activations, x, y))


def _curve(
    curve: pd.DataFrame, method: str, its: Method, against: str, number: int
) -> Iterator[Trace]:
    x = curve[against].round(4 if against == "pruning_ratio" else 0).tolist()
    mean = 100 * curve["accuracy_mean"]
    std = 100 * curve["accuracy_std"].fillna(0)
    if std.any():
        band = [*(mean + std).round(2), *(mean - std).round(2)[::-1]]
        yield {
            "type": "scatter", "mode": "lines", "fill": "toself", "hoverinfo": "skip",
            "fillcolor": _faint(its.color), "line": {"width": 0}, "x": [*x, *x[::-1]], "y": band,
            "legendgroup": method, "showlegend": False, **_on(number),
        }  # fmt: skip
    said = zip(
        curve["pruning_ratio"].round(4).tolist(),
        curve["nodes_kept"].round(1).tolist(),
        curve["parameters_kept"].round(0).tolist(),
        _accuracies(curve),
        strict=True,
    )
    yield {
        "type": "scatter", "mode": "lines+markers", "name": its.label, "legendgroup": method,
        "line": {"color": its.color, "dash": DASHES[its.dashes], "width": 2},
        "marker": {"symbol": SYMBOLS[its.marker], "size": 6},
        "x": x, "y": mean.round(2).tolist(), "customdata": [list(point) for point in said],
        "hovertemplate": _POINT, **_on(number),
    }  # fmt: skip


def _published_points(points: pd.DataFrame, method: str, number: int) -> Iterator[Trace]:
    if points.empty:
        return
    its = METHODS[method]
    yield {
        "type": "scatter", "mode": "markers",
        "name": f"{method}, published (hidden {points.iloc[0]['hidden']})",
        "legendgroup": f"{method}, published",
        "marker": {"symbol": f"{SYMBOLS[its.marker]}-open", "size": 8, "color": its.color},
        "x": points["pruning_ratio"].round(4).tolist(),
        "y": (100 * points["accuracy_mean"]).round(2).tolist(),
        "customdata": _accuracies(points), "hovertemplate": _PUBLISHED, **_on(number),
    }  # fmt: skip


def _control(ours: pd.DataFrame, method: str | None, against: str, number: int) -> Iterator[Trace]:
    for _, control in unpruned(ours, method).iterrows():
        (said,) = _accuracies(control.to_frame().T)
        ends = [0, 1]
        if against != "pruning_ratio":
            ends = [round(ours[against].max()), round(ours[against].min())]
        yield {
            "type": "scatter", "mode": "lines", "name": f"{control['method']}, unpruned",
            "legendgroup": "unpruned", "line": {"color": INK, "width": 1},
            "x": ends, "y": [round(100 * control["accuracy_mean"], 2)] * 2,
            "customdata": [said] * 2, "hovertemplate": _CONTROL, **_on(number),
        }  # fmt: skip


def _accuracies(points: pd.DataFrame) -> list[str]:
    """`97.51 ± 0.12 % (mean ± std, n = 5)`; a single network has no known deviation."""
    return [
        f"{100 * mean:.2f} % (n = 1)"
        if pd.isna(std)
        else f"{100 * mean:.2f} ± {100 * std:.2f} % (mean ± std, n = {n})"
        for mean, std, n in zip(
            points["accuracy_mean"], points["accuracy_std"], points["n"], strict=True
        )
    ]


def spectra_by_epoch(table: pd.DataFrame) -> dict[str, Any]:
    """Histograms of the hidden nodes' eigenvalues, one frame per epoch; the last is shown first.

    Bins and axes are the same in all frames. The dotted outline shows, in every frame, the
    eigenvalues before training.

    Args:
        table: what `results.eigenvalues_by_epoch` returns, for one study.

    Raises:
        UserError: if the table is empty.
    """
    groups = list(groups_of_spectra(table))
    look = looks(table["method"])
    epochs = sorted(table["epoch"].unique().tolist())
    widest = float(table["eigenvalue"].abs().max())
    edges = np.linspace(-widest, widest, 61)
    traces: list[Trace] = []
    counts: list[dict[int, list[int]]] = []
    for number, (_, method, group) in enumerate(groups):
        by_epoch = {
            int(str(epoch)): np.histogram(of_epoch["eigenvalue"], edges)[0].tolist()
            for epoch, of_epoch in group.groupby("epoch")
        }
        counts.append(by_epoch)
        color = look[method].color
        traces += [
            _histogram(edges, by_epoch[epochs[0]], "before training", number)
            | {"line": {"color": "#7F7F7F", "dash": "dot", "width": 2, "shape": "hvh"}},
            _histogram(edges, by_epoch[epochs[-1]], f"{method}, after the epoch shown", number)
            | {"line": {"color": color, "width": 2, "shape": "hvh"}}
            | {"fill": "tozeroy", "fillcolor": _faint(color)},
        ]
    moving = list(range(1, len(traces), 2))
    highest = max(max(each) for by_epoch in counts for each in by_epoch.values())
    ends = [round(-widest, 3), round(widest, 3)]
    x = {"title": {"text": "eigenvalue λ<sub>i</sub>", "standoff": 8}, "range": ends}
    y = {"title": {"text": "hidden nodes, all seeds"}, "range": [0, round(1.05 * highest, 1)]}
    figure = _figure(traces, layout([title for title, _, _ in groups], x, y))
    figure["layout"] |= _player(epochs)
    figure["frames"] = [
        {
            "name": str(epoch),
            "data": [{"y": by_epoch[epoch]} for by_epoch in counts],
            "traces": moving,
        }
        for epoch in epochs
    ]
    return figure


def _histogram(edges: np.ndarray, counted: list[int], name: str, number: int) -> Trace:
    return {
        "type": "scatter", "mode": "lines", "name": name, "legendgroup": name,
        "x": ((edges[:-1] + edges[1:]) / 2).round(4).tolist(), "y": counted,
        "hoveron": "points", "hovertemplate": "%{y} nodes near %{x:.2f}<extra></extra>",
        **_on(number),
    }  # fmt: skip


def _player(epochs: list[int]) -> dict[str, Any]:
    """Plotly's own slider and button, for JupyterLab; the book has its own controls."""
    at_once = {"mode": "immediate", "transition": {"duration": 0}}
    steps = [
        {"label": str(epoch), "method": "animate", "args": [[str(epoch)], at_once]}
        for epoch in epochs
    ]
    play = {"label": "Play", "method": "animate", "args": [None, {"frame": {"duration": 200}}]}
    below = {"y": -0.45, "yanchor": "top"}
    return {
        "sliders": [
            {"steps": steps, "active": len(steps) - 1, "currentvalue": {"prefix": "epoch "},
             "x": 0.12, "len": 0.88, **below}
        ],
        "updatemenus": [
            {"type": "buttons", "buttons": [play], "x": 0, "xanchor": "left", **below}
        ],
    }  # fmt: skip


def _figure(traces: list[Trace], shown: dict[str, Any]) -> dict[str, Any]:
    """The figure; each group has one legend entry, that of its first named trace."""
    named: set[str] = set()
    for trace in traces:
        if trace.get("showlegend", True) and trace["legendgroup"] in named:
            trace["showlegend"] = False
        elif "name" in trace:
            named.add(trace["legendgroup"])
    return {"data": traces, "layout": shown}


def _on(number: int) -> dict[str, str]:
    return {"xaxis": axis("x", number), "yaxis": axis("y", number)}


def _faint(color: str) -> str:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.15)"
