"""Paired differences between methods: the same seed, the same ratio, one against the other."""

import numpy as np
import pandas as pd

from eigenprune.lab.errors import UserError

KEY = ["dataset", "hidden", "activation", "pruning_ratio"]


def paired_differences(
    curves: pd.DataFrame, method: str, against: str, confidence: float = 0.95
) -> pd.DataFrame:
    """Mean difference in accuracy over the seeds that both methods have, with its interval.

    The interval and the p-value are those of the paired t-test (`scipy.stats.ttest_rel`), which
    takes the differences for independent and about normal. The p-values of the table are corrected
    for their number by Benjamini and Hochberg (`scipy.stats.false_discovery_control`). Two seeds or
    more are needed; points with fewer are left out.

    Args:
        curves: the tidy table, of one or more studies.
        method: the difference is its accuracy minus that of `against`.
        against: the other method.
        confidence: of the interval, between 0 and 1.

    Returns:
        One row per point, with KEY, `n` (shared seeds), `difference`, `low` and `high` (the
        interval), `p` (corrected), and `verdict`: `better`, `worse` (corrected p below
        1 - confidence) or `open`. Where all differences are the same there is no
        interval (NaN), and p is 1.

    Raises:
        UserError: if a network stands in the table twice, as when two studies share its setting.
    """
    from scipy import stats

    chosen = curves[curves["method"].isin([method, against])]
    networks = [*KEY, "seed", "method"]
    if (twice := chosen[chosen.duplicated(networks)]).size:
        first = ", ".join(str(value) for value in twice.iloc[0][networks])
        raise UserError(f"{first}: this network stands in the table twice; compare one study")
    wide = chosen.pivot(index=[*KEY, "seed"], columns="method", values="accuracy")
    names = ["n", "difference", "low", "high", "p", "verdict"]
    rows = []
    if {method, against} <= set(wide.columns):
        for key, pairs in wide.dropna().groupby(level=KEY, sort=False):
            if len(pairs) < 2:
                continue
            differences = pairs[method] - pairs[against]
            low = high = np.nan
            p = 1.0
            # Accuracies are multiples of 1/10,000: equal differences of few seeds are no rarity,
            # and without a spread there is nothing to test by.
            if np.ptp(differences) > 1e-9:
                test = stats.ttest_rel(pairs[method], pairs[against])
                low, high = map(float, test.confidence_interval(confidence))
                p = float(test.pvalue)
            difference = float(differences.mean())
            rows.append([*key, len(pairs), difference, low, high, p, ""])
    table = pd.DataFrame(rows, columns=[*KEY, *names])
    if len(table):
        table["p"] = stats.false_discovery_control(table["p"])
        sure = table["p"] < 1 - confidence
        table["verdict"] = "open"
        table.loc[sure & (table["difference"] > 0), "verdict"] = "better"
        table.loc[sure & (table["difference"] < 0), "verdict"] = "worse"
    return table
