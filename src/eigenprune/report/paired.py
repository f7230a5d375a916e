"""Paired differences between methods: the same seed, the same ratio, one against the other."""

import pandas as pd

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
        One row per point: KEY, `n` (shared seeds), `difference`, `low` and `high` (the interval),
        `p` (corrected), and `verdict`: `better`, `worse` (corrected p below 1 - confidence) or
        `open`.
    """
    from scipy import stats

    wide = curves[curves["method"].isin([method, against])].pivot_table(
        index=[*KEY, "seed"], columns="method", values="accuracy", sort=False
    )
    names = ["n", "difference", "low", "high", "p", "verdict"]
    rows = []
    if {method, against} <= set(wide.columns):
        for key, pairs in wide.dropna().groupby(level=KEY, sort=False):
            if len(pairs) < 2:
                continue
            difference = float((pairs[method] - pairs[against]).mean())
            if pairs[method].sub(pairs[against]).nunique() == 1:
                # Without a spread there is nothing to test by, and nothing is claimed.
                low, high, p = difference, difference, 1.0
            else:
                test = stats.ttest_rel(pairs[method], pairs[against])
                low, high = map(float, test.confidence_interval(confidence))
                p = float(test.pvalue)
            rows.append([*key, len(pairs), difference, low, high, p, ""])
    table = pd.DataFrame(rows, columns=[*KEY, *names])
    if len(table):
        table["p"] = stats.false_discovery_control(table["p"])
        sure = table["p"] < 1 - confidence
        table["verdict"] = "open"
        table.loc[sure & (table["difference"] > 0), "verdict"] = "better"
        table.loc[sure & (table["difference"] < 0), "verdict"] = "worse"
    return table


def verdicts(differences: pd.DataFrame) -> pd.DataFrame:
    """How many pruning ratios had which verdict.

    Args:
        differences: what `paired_differences` returns.

    Returns:
        Index dataset, hidden, activation; columns `better`, `worse` and `open`.
    """
    groups = [differences[name] for name in KEY[:-1]]
    counts = pd.crosstab(groups, differences["verdict"])
    return counts.reindex(columns=["better", "worse", "open"], fill_value=0).rename_axis(
        columns=None
    )
