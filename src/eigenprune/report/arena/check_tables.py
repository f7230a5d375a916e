"""Tables of sanity checks: who behaves, and what is owed to the nodes that a method chooses."""

import pandas as pd

from eigenprune.lab.checks import CHECKS
from eigenprune.lab.rivals import RETRAINED
from eigenprune.report.arena import rival_tables
from eigenprune.report.arena.behaviour import CHANGE, LEAVE
from eigenprune.report.paired import paired_tests, with_verdicts

SHUFFLED = "shuffled mask"
CHOSEN, DRAWN = "chosen", "drawn by lot"


def verdicts(judged: pd.DataFrame) -> pd.DataFrame:
    """All methods and checks on one page: whether the method behaves, and by how much.

    Args:
        judged: what `behaviour.behaviour` returns, of one dataset and width; `NAME-retrained` is
            put on the line of `NAME`.

    Returns:
        Index `method`, one column per check; a cell says `yes`, `no` or `open` and, in brackets,
        the difference in points of accuracy, or the rank correlation where that is what counts. It
        is empty where a method was not put to a check.
    """
    rank = judged["must"].isin([CHANGE, LEAVE])
    numbers = [
        f"{correlation:.2f}" if by_rank else f"{100 * difference:+.1f}"
        for by_rank, correlation, difference in zip(
            rank, judged["rank_correlation"], judged["difference"], strict=True
        )
    ]
    cells = judged.assign(
        method=judged["method"].str.removesuffix(RETRAINED),
        cell=[f"{word} ({n})" for word, n in zip(judged["behaves"], numbers, strict=True)],
    )
    wide = cells.pivot(index="method", columns="check", values="cell").fillna("")
    checks = [check for check in CHECKS if check in wide]
    return wide.loc[cells["method"].drop_duplicates(), checks].rename_axis(columns=None)


def chosen_and_drawn(checks: pd.DataFrame) -> pd.DataFrame:
    """Methods against nodes drawn by lot, as many in each layer of the same networks.

    What the method gains is owed to its choice within the layers; what the drawn nodes keep, to the
    shares of the layers and to the networks.

    Args:
        checks: what `lab.checks.method_checks` returns, of one study.

    Returns:
        One row per method, activation and pruning ratio above 0, with what `paired.with_verdicts`
        gives for the difference (p corrected for all rows), and the mean accuracies CHOSEN and
        DRAWN. Points with fewer than two seeds are left out.
    """
    arms = checks.assign(arm=checks["check"].map({"as is": CHOSEN, SHUFFLED: DRAWN}))
    arms = arms[arms["arm"].notna() & (arms["pruning_ratio"] > 0)]
    parts = []
    for method, rows in arms.groupby("method", sort=False):
        found = paired_tests(rows.assign(method=rows["arm"]), CHOSEN, DRAWN)
        point = ["activation", "pruning_ratio"]
        means = rows.pivot_table(index=point, columns="arm", values="accuracy")
        if len(found):  # beside an empty table, numbers would become objects
            parts.append(found.assign(method=method).merge(means, on=point))
    return with_verdicts(pd.concat(parts, ignore_index=True))


def accuracies(table: pd.DataFrame) -> pd.DataFrame:
    """Chosen and drawn nodes in numbers; an asterisk marks what is told apart.

    Args:
        table: what `chosen_and_drawn` returns, of one dataset and width.

    Returns:
        Index `method`, `activation` and `ratio`; columns CHOSEN and DRAWN (mean accuracy in per
        cent), `n` (seeds), `difference` (with its interval) and `p` (corrected).
    """
    tests = rival_tables.differences(table.assign(pair=table["method"]))
    means = {arm: (100 * table[arm]).map("{:.2f}".format).to_numpy() for arm in (CHOSEN, DRAWN)}
    return tests.assign(**means)[[*means, *tests.columns]].rename_axis(index={"pair": "method"})
