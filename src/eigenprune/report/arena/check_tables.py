"""Tables of sanity checks: which methods behave, and what their choice of nodes contributes."""

import pandas as pd

from eigenprune.lab.checks import CHECKS
from eigenprune.lab.rivals import entry_of
from eigenprune.report.arena.arms import compared
from eigenprune.report.arena.behaviour import CHANGE, LEAVE

SHUFFLED = "shuffled mask"
CHOSEN, DRAWN = "chosen", "random"


def verdicts(judged: pd.DataFrame) -> pd.DataFrame:
    """All methods and checks on one page: whether the method behaves, and by how much.

    Args:
        judged: what `behaviour.behaviour` returns, of one dataset and width; `NAME-retrained` is
            put in the row of `NAME`.

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
        method=judged["method"].map(entry_of),
        cell=[f"{word} ({n})" for word, n in zip(judged["behaves"], numbers, strict=True)],
    )
    wide = cells.pivot(index="method", columns="check", values="cell").fillna("")
    checks = [check for check in CHECKS if check in wide]
    return wide.loc[cells["method"].drop_duplicates(), checks].rename_axis(columns=None)


def chosen_and_drawn(checks: pd.DataFrame) -> pd.DataFrame:
    """Compare methods with random nodes, as many in each layer of the same networks.

    What the method gains is due to its choice within the layers. What the random nodes keep is due
    to the shares of the layers and to the networks.

    Args:
        checks: what `lab.checks.method_checks` returns, of one study.

    Returns:
        What `arms.compared` returns, CHOSEN minus DRAWN.
    """
    arms = checks.assign(arm=checks["check"].map({"as is": CHOSEN, SHUFFLED: DRAWN}))
    return compared(arms, (CHOSEN, DRAWN))
