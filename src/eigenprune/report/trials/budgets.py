"""What fits into a budget of bytes: the table that says how to make a network small."""

import pandas as pd

from eigenprune.report.arena.rival_tables import NEAR
from eigenprune.report.paired import holm, t_tests, with_verdicts

# Shares of the bytes of the whole network.
BUDGETS = (0.5, 0.2, 0.1, 0.05, 0.02)


def within_budgets(rows: pd.DataFrame) -> pd.DataFrame:
    """The largest network of each method that fits into a share of the bytes of the whole one.

    It is the largest one, not the most accurate one, so nothing is chosen by the test set.

    Args:
        rows: one per point, with method, retraining_epochs, bytes and accuracy, means over the
            seeds, and by_seed, the accuracies by seed; the method `none` is the whole network.

    Returns:
        Index `method` and `trained` (`as it is`, or `at the final size`); a column for each budget:
        the accuracy in per cent and, in brackets, the share of the bytes that it takes. NEAR marks
        the best network of each budget and kind of training, and those that were tested against it
        and are not told apart. Cells are empty where nothing fits; rows where nothing fits at all
        are left out.
    """
    whole = rows.loc[rows["method"] == "none", "bytes"].max()
    rows = rows.assign(
        trained=(rows["retraining_epochs"] > 0).map({False: "as it is", True: "at the final size"}),
        share=rows["bytes"] / whole,
        cell=(100 * rows["accuracy"]).map("{:.2f}".format),
    ).sort_values("share", kind="stable")
    order = pd.MultiIndex.from_frame(rows[["method", "trained"]].drop_duplicates()).sort_values()
    columns = {}
    for budget in BUDGETS:
        largest = rows[rows["share"] <= budget].groupby(["method", "trained"], sort=False).tail(1)
        cells = {}
        for _, rivals in largest.groupby("trained"):
            for near, its in zip(_near_the_best(rivals), rivals.to_dict("records"), strict=True):
                mark = NEAR if near else ""
                cells[its["method"], its["trained"]] = f"{its['cell']} ({its['share']:.1%}){mark}"
        columns[f"≤ {budget:.0%}"] = [cells.get(key, "") for key in order]
    table = pd.DataFrame(columns, index=order)
    return table[(table != "").any(axis=1)].rename_axis(columns="of the whole network's bytes")


def _near_the_best(rows: pd.DataFrame) -> list[bool]:
    """Whether each row is the best, or was tested against it, paired by seed, and left open."""
    accuracies: list[dict[int, float]] = rows["by_seed"].tolist()
    best = accuracies[int(rows["accuracy"].argmax())]
    pairs = []
    for its in accuracies:
        shared = its.keys() & best.keys()
        pairs.append(([its[seed] for seed in shared], [best[seed] for seed in shared]))
    tests = with_verdicts(t_tests(pairs), holm)
    return [its is best or v == "open" for its, v in zip(accuracies, tests["verdict"], strict=True)]
