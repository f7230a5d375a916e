"""What the figures of many pruning methods share: their panels, and how a family looks."""

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from eigenprune.lab.errors import UserError
from eigenprune.report.arena.averages import CONTROL, SPECTRAL
from eigenprune.report.once import require_once

# From Okabe and Ito's palette, distinct with any colour vision; markers say the same in print.
FAMILIES = {
    SPECTRAL: ("#0072B2", "o"),
    "weights": ("#E69F00", "s"),
    "data": ("#009E73", "^"),
    "before-training": ("#CC79A7", "D"),
    "regulariser": ("#D55E00", "v"),
    CONTROL: ("#7F7F7F", "X"),
}
OTHER_FAMILY = ("#000000", "*")
COLUMNS = 3


def grid(
    count: int, columns: int, height: float, *, sharey: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels in rows of `height` inches; `sharey` for one vertical axis."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    size = (max(3.3 * columns, 4.0), height * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, sharey=sharey, squeeze=False)
    panels = list(axes.flat)
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def require_one_setting(table: pd.DataFrame, point: list[str]) -> None:
    """Refuse a table that is not of one dataset, width and activation, each point once.

    Raises:
        UserError: if the table is of that kind, or has no row.
    """
    if table.empty:
        raise UserError("there is nothing to draw: the table has no row")
    for name in ("dataset", "hidden", "activation"):
        if table[name].nunique() > 1:
            values = ", ".join(map(str, table[name].unique()))
            raise UserError(f"the table has several values of {name} ({values}): choose one")
    require_once(table, point, "choose what is retrained or what is not")
