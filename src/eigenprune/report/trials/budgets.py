"""What fits into a budget of bytes: the table that says how to make a network small."""

import pandas as pd

# Shares of the bytes of the whole network.
BUDGETS = (0.5, 0.2, 0.1, 0.05, 0.02)


def within_budgets(rows: pd.DataFrame) -> pd.DataFrame:
    """The largest network of each method that fits into a share of the bytes of the whole one.

    It is the largest one, not the most accurate one, so nothing is chosen by the test set.

    Args:
        rows: one per point, with method, retraining_epochs, bytes and accuracy, means over the
            seeds; the method `none` is the whole network.

    Returns:
        Index `method` and `trained` (`as it is`, or `at the final size`); a column for each budget:
        the accuracy in per cent and, in brackets, the share of the bytes that it takes. Cells are
        empty where nothing fits; rows where nothing fits at all are left out.
    """
    whole = rows.loc[rows["method"] == "none", "bytes"].max()
    rows = rows.assign(
        trained=(rows["retraining_epochs"] > 0).map({False: "as it is", True: "at the final size"}),
        share=rows["bytes"] / whole,
        cell=(100 * rows["accuracy"]).map("{:.2f}".format),
    ).sort_values("share", kind="stable")
    cells = {}
    for budget in BUDGETS:
        largest = rows[rows["share"] <= budget].groupby(["method", "trained"], sort=False).tail(1)
        cells[f"≤ {budget:.0%}"] = pd.Series(
            [f"{cell} ({share:.1%})" for cell, share in largest[["cell", "share"]].to_numpy()],
            index=pd.MultiIndex.from_frame(largest[["method", "trained"]]),
            dtype=object,
        )
    order = pd.MultiIndex.from_frame(rows[["method", "trained"]].drop_duplicates())
    table = pd.DataFrame(cells).reindex(order.sort_values()).dropna(how="all").fillna("")
    return table.rename_axis(columns="of the whole network's bytes")
