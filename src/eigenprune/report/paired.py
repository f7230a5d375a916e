"""Paired differences between methods: the same seed, the same ratio, one against the other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from eigenprune.lab.errors import UserError

KEY = ["dataset", "hidden", "activation", "pruning_ratio"]
TEST = ["n", "difference", "low", "high", "p"]
CONFIDENCE = 0.95  # of all intervals; a corrected p below 1 - CONFIDENCE tells two apart
TOLD_APART = ("better", "worse")  # verdicts; the others are `open`, `not tested` and this one
AS_UNPRUNED = "as unpruned"
REPEATED = "repeated"  # a column


def paired_differences(curves: pd.DataFrame, method: str, against: str) -> pd.DataFrame:
    """What `paired_tests` returns, with corrected p-values and verdicts: `verdicts_of_pruned`.

    Args:
        curves: the tidy table, of one or more studies.
        method: the difference is its accuracy minus that of `against`.
        against: the other method.

    Returns:
        One row per point, with KEY, `n` (shared seeds), `difference`, `low` and `high` (the
        interval), `p` (corrected), and `verdict`: `better`, `worse` (corrected p below
        1 - CONFIDENCE), `open`, or what else `verdicts_of_pruned` says.

    Raises:
        UserError: see `paired_tests`.
    """
    return verdicts_of_pruned(paired_tests(curves, method, against))


def paired_tests(curves: pd.DataFrame, method: str, against: str) -> pd.DataFrame:
    """Mean difference in accuracy over the seeds that both methods have, with its interval.

    The interval and the p-value are those of the paired t-test (`scipy.stats.ttest_rel`), which
    takes the differences for independent and about normal. Two seeds or more are needed; points
    with fewer are left out. The p-values are not corrected: several such tables can make one.

    Args:
        curves: the tidy table, of one or more studies.
        method: the difference is its accuracy minus that of `against`.
        against: the other method.

    Returns:
        One row per point, in the order of the curves, with KEY and TEST, which are `n` (shared
        seeds), `difference`, `low` and `high` (the interval), and `p`. Where all differences are
        the same there is nothing to test by: no interval and no p (NaN). REPEATED says whether the
        two differ as they do unpruned, seed by seed.

    Raises:
        UserError: if a network stands in the table twice, as when two studies share its setting.
    """
    chosen = curves[curves["method"].isin([method, against])]
    networks = [*KEY, "seed", "method"]
    if (twice := chosen[chosen.duplicated(networks)]).size:
        first = ", ".join(str(value) for value in twice.iloc[0][networks])
        raise UserError(f"{first}: this network stands in the table twice; compare one study")
    wide = chosen.pivot(index=[*KEY, "seed"], columns="method", values="accuracy")
    keys: list[Any] = []
    pairs: list[tuple[pd.Series, pd.Series]] = []
    if {method, against} <= set(wide.columns):
        for key, both in wide.dropna().groupby(level=KEY, sort=False):
            if len(both) >= 2:
                keys.append(key)
                by_seed = both.set_index(both.index.get_level_values("seed"))
                pairs.append((by_seed[method], by_seed[against]))
    table = pd.DataFrame(keys, columns=KEY).join(t_tests(pairs))
    differences = {key: one - other for key, (one, other) in zip(keys, pairs, strict=True)}
    unpruned = {key[:-1]: its for key, its in differences.items() if key[-1] == 0}
    table[REPEATED] = [
        key[-1] > 0 and key[:-1] in unpruned and its.equals(unpruned[key[:-1]])
        for key, its in differences.items()
    ]
    if table.empty:
        return table
    # As the curves are ordered, so that panels stand in one order in all figures.
    return curves[KEY].drop_duplicates().merge(table, on=KEY)


def t_tests(pairs: Sequence[tuple[ArrayLike, ArrayLike]]) -> pd.DataFrame:
    """The paired t-test of each pair of samples, whose values belong together seed by seed.

    Args:
        pairs: two samples of as many values in the same order; the difference is the first less
            the second.

    Returns:
        One row per pair, with the numbers TEST, which are `n`, `difference`, `low` and `high` (the
        interval) and `p`, not corrected. With fewer than two differences, or where all are the
        same, there is nothing to test by: no interval and no p (NaN).

    Example:
        >>> t_tests([([0.9, 0.8, 0.7], [0.8, 0.7, 0.5])]).round(3).values.tolist()
        [[3.0, 0.133, -0.01, 0.277, 0.057]]
    """
    from scipy import stats

    samples = [np.asarray(pair, dtype=float) for pair in pairs]
    differences = [one - other for one, other in samples]
    # Accuracies are multiples of 1/10,000: equal differences of few seeds are no rarity,
    # and without a spread there is nothing to test by.
    tested = [len(each) > 1 and np.ptp(each) > 1e-9 for each in differences]
    lengths = [len(each) for each in differences]
    means = [each.mean() if len(each) else np.nan for each in differences]
    table = pd.DataFrame({"n": lengths, "difference": means}).reindex(columns=TEST)
    # Those of one length at once: there are thousands of pairs, and each test takes its time.
    for length in set(lengths):
        rows = [row for row, n in enumerate(lengths) if n == length and tested[row]]
        if rows:
            one, other = np.stack([samples[row] for row in rows], axis=1)
            test = stats.ttest_rel(one, other, axis=1)
            low, high = test.confidence_interval(CONFIDENCE)
            table.loc[rows, TEST[2:]] = np.column_stack([low, high, test.pvalue])
    return table


def verdicts_of_pruned(tests: pd.DataFrame) -> pd.DataFrame:
    """What `with_verdicts` says of the pruned networks, and of the unpruned ones by themselves.

    The latter, ratio 0, are another question: one that is easily answered would lower the bar for
    the other. And where two methods differ just as they do unpruned, since neither has lost
    anything, that question is asked once more: it is not tested again, and the verdict is
    AS_UNPRUNED.

    Args:
        tests: what `paired_tests` returns, of one pair of methods or of several.
    """
    pruned, repeated = tests["pruning_ratio"] > 0, tests[REPEATED] & tests["p"].notna()
    parts = [with_verdicts(tests[rows]) for rows in (pruned & ~repeated, ~pruned) if rows.any()]
    if repeated.any():
        parts.append(tests[repeated].assign(p=np.nan, verdict=AS_UNPRUNED))
    return pd.concat(parts).sort_index() if parts else with_verdicts(tests)


def with_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """The table with `p` corrected for the number of its tests, and a `verdict` for each.

    Args:
        table: one row per test, with the columns TEST; where p is NaN there was no test.

    Returns:
        The table with p corrected by Benjamini and Hochberg and with the column `verdict`:
        `better`, `worse` (p below 1 - CONFIDENCE), `open` (tested, and not told apart) or `not
        tested`.

    Example:
        >>> tests = pd.DataFrame({"difference": [0.1, -0.1, -0.1], "p": [0.001, 0.04, 0.01]})
        >>> with_verdicts(tests)[["p", "verdict"]].values.tolist()
        [[0.003, 'better'], [0.04, 'worse'], [0.015, 'worse']]
    """
    from scipy import stats

    tested = table["p"].notna()
    table = table.assign(verdict=np.where(tested, "open", "not tested"))
    if tested.any():
        table.loc[tested, "p"] = stats.false_discovery_control(table.loc[tested, "p"])
        sure = table["p"] < 1 - CONFIDENCE
        table.loc[sure & (table["difference"] > 0), "verdict"] = "better"
        table.loc[sure & (table["difference"] < 0), "verdict"] = "worse"
    return table
