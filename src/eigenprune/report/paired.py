"""Paired differences between two methods, at the same seed and the same pruning ratio."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from eigenprune.report.once import require_once

KEY = ["dataset", "hidden", "activation", "pruning_ratio"]
TEST = ["n", "difference", "low", "high", "p"]
CONFIDENCE = 0.95  # of all intervals; a corrected p below 1 - CONFIDENCE tells two methods apart
TOLD_APART = ("better", "worse")  # verdicts; the others: `open`, `not tested`, AS_UNPRUNED
AS_UNPRUNED = "as unpruned"
REPEATED = "repeated"  # a column of `paired_tests`


def paired_differences(curves: pd.DataFrame, method: str, against: str) -> pd.DataFrame:
    """Paired tests of two methods (`paired_tests`), with the verdicts of `verdicts_of_pruned`.

    Args:
        curves: the tidy table, of one or more studies.
        method: the difference is its accuracy minus that of `against`.
        against: the other method.

    Returns:
        One row per point, with KEY, `n` (shared seeds), `difference`, `low` and `high` (the
        interval), `p` (corrected), and `verdict`: `better`, `worse` (corrected p below
        1 - CONFIDENCE), `open`, or another verdict of `verdicts_of_pruned`.

    Raises:
        UserError: see `paired_tests`.
    """
    return verdicts_of_pruned(paired_tests(curves, method, against))


def paired_tests(curves: pd.DataFrame, method: str, against: str) -> pd.DataFrame:
    """Mean difference in accuracy over the seeds that both methods have, with its interval.

    The interval and the p-value are those of the paired t-test (`scipy.stats.ttest_rel`), which
    assumes that the differences are independent and about normal. At least two seeds are needed;
    points with fewer are left out. The p-values are not corrected, so that several such tables can
    be joined before the correction.

    Args:
        curves: the tidy table, of one or more studies.
        method: the difference is its accuracy minus that of `against`.
        against: the other method.

    Returns:
        One row per point, in the order of the curves, with KEY and TEST, which are `n` (shared
        seeds), `difference`, `low` and `high` (the interval), and `p`. Where all differences are
        the same there can be no test: no interval and no p (NaN). REPEATED says whether the two
        methods differ, seed by seed, as they do unpruned.

    Raises:
        UserError: if a network is in the table twice, e.g. if two studies share its setting.
    """
    chosen = curves[curves["method"].isin([method, against])]
    require_once(chosen, [*KEY, "seed", "method"], "compare one study")
    wide = chosen.pivot(index=[*KEY, "seed"], columns="method", values="accuracy")
    wide = wide.reindex(columns=[method, against]).dropna()
    values, seeds = wide.to_numpy(), wide.index.get_level_values("seed").to_numpy()
    # Rows of each point. A frame for each would take most of the time: there are thousands.
    places = wide.groupby(level=KEY, sort=False).indices.items()
    rows: dict[Any, Any] = {key: its for key, its in places if len(its) >= 2}
    table = pd.DataFrame([*rows], columns=KEY).join(
        t_tests([values[its].T for its in rows.values()])
    )
    differences = {
        key: list(zip(seeds[its], values[its, 0] - values[its, 1], strict=True))
        for key, its in rows.items()
    }
    unpruned = {key[:-1]: its for key, its in differences.items() if key[-1] == 0}
    table[REPEATED] = [
        key[-1] > 0 and its == unpruned.get(key[:-1]) for key, its in differences.items()
    ]
    if table.empty:
        return table
    # In the order of the curves, so that panels have the same order in all figures.
    return curves[KEY].drop_duplicates().merge(table, on=KEY)


def t_tests(pairs: Sequence[tuple[ArrayLike, ArrayLike]]) -> pd.DataFrame:
    """The paired t-test of each pair of samples, whose values are matched seed by seed.

    Args:
        pairs: two samples each, equally long and in the same order; the difference is the first
            minus the second.

    Returns:
        One row per pair, with the numbers TEST, which are `n`, `difference`, `low` and `high` (the
        interval) and `p`, not corrected. With fewer than two differences, or where all are the
        same, there can be no test: no interval and no p (NaN).

    Example:
        >>> t_tests([([0.9, 0.8, 0.7], [0.8, 0.7, 0.5])]).round(3).values.tolist()
        [[3.0, 0.133, -0.01, 0.277, 0.057]]
    """
    from scipy import stats

    samples = [np.asarray(pair, dtype=float) for pair in pairs]
    differences = [one - other for one, other in samples]
    # Accuracies are multiples of 1/10,000, so with few seeds all differences may well be equal,
    # and without a spread there can be no test.
    tested = [len(each) > 1 and np.ptp(each) > 1e-9 for each in differences]
    lengths = [len(each) for each in differences]
    means = [each.mean() if len(each) else np.nan for each in differences]
    table = pd.DataFrame({"n": lengths, "difference": means}).reindex(columns=TEST)
    # All pairs of one length at once: there are thousands, and testing each alone is slow.
    for length in set(lengths):
        rows = [row for row, n in enumerate(lengths) if n == length and tested[row]]
        if rows:
            one, other = np.stack([samples[row] for row in rows], axis=1)
            test = stats.ttest_rel(one, other, axis=1)
            low, high = test.confidence_interval(CONFIDENCE)
            table.loc[rows, TEST[2:]] = np.column_stack([low, high, test.pvalue])
    return table


def verdicts_of_pruned(tests: pd.DataFrame) -> pd.DataFrame:
    """The verdicts of `with_verdicts`, with separate corrections for pruned and unpruned networks.

    The unpruned networks, at ratio 0, answer another question. In a common correction, the question
    that is easily answered would lower the bar for the other. Where two methods differ exactly as
    they do unpruned, because neither has lost anything, a test would only ask the question of the
    unpruned networks again: it is left out, and the verdict is AS_UNPRUNED.

    Args:
        tests: what `paired_tests` returns, for one pair of methods or for several.
    """
    pruned, repeated = tests["pruning_ratio"] > 0, tests[REPEATED] & tests["p"].notna()
    parts = [with_verdicts(tests[rows]) for rows in (pruned & ~repeated, ~pruned) if rows.any()]
    if repeated.any():
        parts.append(tests[repeated].assign(p=np.nan, verdict=AS_UNPRUNED))
    return pd.concat(parts).sort_index() if parts else with_verdicts(tests)


def with_verdicts(
    table: pd.DataFrame, correct: Callable[[pd.Series], pd.Series] | None = None
) -> pd.DataFrame:
    """The table with `p` corrected for the number of tests in it, and with a `verdict` for each.

    Args:
        table: one row per test, with the columns TEST; where p is NaN there was no test.
        correct: gives the corrected p-values of all rows; `benjamini_hochberg` if not given.

    Returns:
        The table with p corrected and with the column `verdict`: `better`, `worse` (p below
        1 - CONFIDENCE), `open` (tested, and not told apart) or `not tested`.

    Example:
        >>> tests = pd.DataFrame({"difference": [0.1, -0.1, -0.1], "p": [0.001, 0.04, 0.01]})
        >>> with_verdicts(tests)[["p", "verdict"]].values.tolist()
        [[0.003, 'better'], [0.04, 'worse'], [0.015, 'worse']]
    """
    table = table.assign(p=(correct or benjamini_hochberg)(table["p"]), verdict="open")
    sure = table["p"] < 1 - CONFIDENCE
    table.loc[table["p"].isna(), "verdict"] = "not tested"
    table.loc[sure & (table["difference"] > 0), "verdict"] = "better"
    table.loc[sure & (table["difference"] < 0), "verdict"] = "worse"
    return table


def benjamini_hochberg(p: pd.Series) -> pd.Series:
    """Corrected p-values: among the tests that call a difference real, few are wrong.

    Source: Benjamini and Hochberg, J R Stat Soc B 57:289 (1995), as in scipy.
    """
    from scipy import stats

    tested = p.dropna()
    corrected = stats.false_discovery_control(tested) if len(tested) else []
    return pd.Series(corrected, tested.index, dtype=float).reindex(p.index)


def holm(p: pd.Series) -> pd.Series:
    """Corrected p-values: it is unlikely that any test calls a difference real that is none.

    Where most differences are large, the correction of Benjamini and Hochberg hardly corrects the
    small ones: it limits the share of wrong findings among all. This one counts, for each test,
    those that are left beside it.

    Source: Holm, Scand J Statist 6:65 (1979).

    >>> holm(pd.Series([0.01, 0.04, 0.001, float("nan")])).tolist()
    [0.02, 0.04, 0.003, nan]
    """
    tested = p.dropna().sort_values()
    steps = tested * np.arange(len(tested), 0, -1)
    return steps.cummax().clip(upper=1).reindex(p.index)
