"""Whether importance scores behave as they must when something is taken away from them."""

import numpy as np
import pandas as pd

from eigenprune.lab.checks import CHECKS
from eigenprune.lab.errors import UserError
from eigenprune.report.once import require_once
from eigenprune.report.paired import TEST, TOLD_APART, t_tests, with_verdicts

HURT = "hurt"
MAKE_NO_DIFFERENCE = "make no difference"
CHANGE = "change the ranking"
LEAVE = "leave the ranking"

# Scores that are no function of the weights alone: they depend on how the weights are factorised.
OF_THE_GAUGE = ("eigenvalue", "eigenvector_norm")
SAME_RANKING = 0.999
# Half-width of what counts as no difference in accuracy: one point. Nobody would choose a score for
# less, and it is only a handful of examples in a test set of some hundred.
SAME_ACCURACY = 0.01


def must(score: str, check: str, *, before: bool = False) -> str:
    """What a check must do to a score.

    It must matter which nodes are kept and what their weights have learned. The exception is
    `random`, to which all nodes are alike; if it chooses before any training, redrawn weights make
    no difference either. Scores that look at data must change with the data, and only those that
    depend on the gauge may change with the gauge.

    Args:
        score: its name.
        check: one of `checks.CHECKS` but `as is`.
        before: whether it ranks the nodes of a network that is not trained yet.

    Example:
        >>> must("weight_norm", "inverted"), must("random", "inverted")
        ('hurt', 'make no difference')
        >>> must("eigenvalue", "other gauge"), must("weight_norm", "other gauge")
        ('change the ranking', 'leave the ranking')
    """
    if check == "corrupted data":
        return CHANGE
    if check == "other gauge":
        return CHANGE if score in OF_THE_GAUGE else LEAVE
    if score == "random" and (before or check != "redrawn weights"):
        return MAKE_NO_DIFFERENCE
    return HURT


def behaviour(checks: pd.DataFrame) -> pd.DataFrame:
    """For each method and check: the effect on accuracy and ranking, and whether it is as required.

    Accuracies are compared network by network with the method as it is; their means over
    activations and pruning ratios above 0 give one difference per seed, which the paired t-test
    judges. A ranking counts as the same if Spearman's correlation is SAME_RANKING or more.

    Finding no difference does not show that there is none. A check that must make no difference
    passes if the whole interval lies within SAME_ACCURACY of zero, whether or not it is told apart
    from zero. It fails if the whole interval lies outside and the difference is told apart. This is
    stricter than two one-sided tests at the level 1 - CONFIDENCE, whose interval is the narrower
    one at the confidence 2 CONFIDENCE - 1.

    Args:
        checks: what `checks.check_curves` or `checks.method_checks` returns, of one or more
            studies.

    Returns:
        One row per dataset, hidden widths, method and check, with `score`, `must` (see the function
        of that name), `n` (seeds), `difference` in accuracy to the method as it is, `low` and
        `high` (its interval), `p` (corrected for the number of tests; only where accuracy is what
        counts), `rank_correlation` (mean) and `behaves`: `yes`, `no`, or `open` where the seeds
        cannot tell.

    Raises:
        UserError: if the table is empty or a network appears in it twice.
    """
    own = ["dataset", "hidden", "method"]
    networks = ["activation", "pruning_ratio", "seed"]
    pruned = checks[checks["pruning_ratio"] > 0]
    if pruned.empty:
        raise UserError("there is nothing to judge: no network of the table is pruned")
    require_once(pruned, [*own, *networks, "check"], "judge one study")
    rows, pairs = [], []
    for key, method in pruned.groupby(own, sort=False):
        score, before = str(method["score"].iloc[0]), bool(method["before"].iloc[0])
        wide = method.pivot(index=networks, columns="check", values="accuracy")
        for check in [name for name in CHECKS[1:] if name in wide]:
            by_seed = wide[[check, CHECKS[0]]].dropna().groupby(level="seed").mean()
            pairs.append((by_seed[check], by_seed[CHECKS[0]]))
            correlation = method.loc[method["check"] == check, "rank_correlation"]
            rows.append(
                {
                    **dict(zip(own, key, strict=True)),
                    "score": score,
                    "check": check,
                    "must": must(score, check, before=before),
                    "rank_correlation": correlation.mean(skipna=False),
                }
            )
    judged = pd.DataFrame(rows, columns=[*own, "score", "check", "must", "rank_correlation"])
    table = judged.join(t_tests(pairs))
    table.loc[table["must"].isin([CHANGE, LEAVE]), "p"] = np.nan
    table = with_verdicts(table)
    names = [*own, "score", "check", "must", *TEST, "rank_correlation"]
    table["behaves"] = [_behaves(row) for row in table.to_dict("records")]
    return table[[*names, "behaves"]]


def _behaves(row: dict) -> str:
    if row["must"] in (CHANGE, LEAVE):
        if pd.isna(row["rank_correlation"]):
            return "open"
        same = row["rank_correlation"] >= SAME_RANKING
        return "yes" if same == (row["must"] == LEAVE) else "no"
    if pd.isna(row["p"]):
        return "open"
    if row["must"] == MAKE_NO_DIFFERENCE:
        # Without an interval (NaN) neither holds.
        inside = row["low"] >= -SAME_ACCURACY and row["high"] <= SAME_ACCURACY
        outside = row["high"] < -SAME_ACCURACY or row["low"] > SAME_ACCURACY
        told_apart = row["verdict"] in TOLD_APART
        return "yes" if inside else "no" if outside and told_apart else "open"
    return {"worse": "yes", "better": "no", "open": "open"}[row["verdict"]]
