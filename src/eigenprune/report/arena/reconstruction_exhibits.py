"""The pruned networks with layers fitted anew that the chapter on scores shows."""

import pandas as pd

from eigenprune.lab.rivals import AS_PRUNED, FINE_TUNED, FITTED
from eigenprune.report import readable
from eigenprune.report.arena import arms
from eigenprune.report.arena.scope import Arena
from eigenprune.report.shown import show

# By `retraining`.
ARMS = {FITTED: "reconstructed", AS_PRUNED: "as is", FINE_TUNED: "retrained"}
AS_IS = ("reconstructed", "as is", "retrained")
TRAINED = ("retrained", "reconstructed")


def show_reconstructed(arena: Arena) -> None:
    """Methods as they are, reconstructed and retrained: a figure, and their differences, folded.

    Args:
        arena: gives studies; those of their methods that were reconstructed are shown.
    """
    from eigenprune.lab.protocols import FITTING_ROWS

    for shown in arena.shown:
        rows = _arms(shown.table)
        table = arms.compared(rows, AS_IS)
        if table.empty:
            continue
        for activation, its in table.groupby("activation", sort=False):
            show(
                arms.drawn(its, AS_IS),
                name=f"reconstructed-{shown.study.name}-{activation}",
                caption=f"{shown.study.dataset}, {activation}: each method as it is (open), with "
                f"the layers after pruned ones fitted anew on at most {FITTING_ROWS:,} training "
                "examples without their classes (filled), and retrained for "
                f"{shown.study.retraining_epochs} epochs instead (crosses); mean over "
                f"{readable.span(its['n'])} seeds.",
                alt="Mean test accuracy of each method as it is, reconstructed and retrained, "
                "joined by a line, one panel per pruning ratio.",
                of=[shown.study],
                recorded=shown.recorded,
            )
        for pair in (AS_IS[:2], TRAINED):
            table = arms.compared(rows, pair)
            one, other = pair
            if len(table):
                show(
                    arms.numbers(table, pair),
                    name=f"{one}-numbers-{shown.study.name}",
                    caption=f"{shown.study.dataset}: accuracy in per cent, {one} and {other}; "
                    "paired difference in points with its 95 % interval; p is corrected for all "
                    "rows.",
                    of=[shown.study],
                    recorded=shown.recorded,
                    folded=f"Numbers and tests: {shown.study.dataset}, {one} and {other}",
                )


def _arms(table: pd.DataFrame) -> pd.DataFrame:
    """The pruned networks of reconstructed methods, at the points and seeds of these.

    Returns:
        The rows with the column `arm`; none if nothing was reconstructed. Retrained networks are
        included where every seed was retrained; else their mean would be over other seeds.
    """
    point = ["method", "activation", "pruning_ratio"]
    fitted = table[(table["retraining"] == FITTED) & (table["pruning_ratio"] > 0)]
    wanted = fitted.groupby(point)["seed"].size().rename("wanted").reset_index()
    rows = table.merge(fitted[[*point, "seed"]]).merge(wanted)
    rows = rows.assign(arm=rows["retraining"].map(ARMS))
    return rows[rows.groupby([*point, "arm"])["seed"].transform("size") == rows["wanted"]]
