"""The best spectral method against the best other one, both chosen on other data.

The best of many methods on one test set is partly the luckiest there. Chosen on another dataset, it
has no such luck, and neither has the rival that it is compared with.
"""

from collections.abc import Sequence

import pandas as pd

from eigenprune.report.arena.averages import CONTROL, SPECTRAL, points
from eigenprune.report.arena.leaderboard import RATIOS, at_ratios
from eigenprune.report.paired import t_tests, with_verdicts

# What must be alike for a choice to apply to other data.
SETTING = ["hidden", "retraining", "activation", "pruning_ratio"]


def chosen_elsewhere(networks: pd.DataFrame, ratios: Sequence[float] = RATIOS) -> pd.DataFrame:
    """Compare on each dataset the two methods that are the best ones on the other datasets.

    At each pruning ratio, the method with the highest mean accuracy on the other datasets is taken,
    once among the spectral methods and once among those that are neither spectral nor controls. To
    be chosen, a method must have results on all datasets. If two are equally good, the first by
    name is taken.

    Args:
        networks: what `averages.over_activations` returns, of several datasets.
        ratios: pruning ratios to look at.

    Returns:
        One row per dataset and SETTING where two methods are found, with `method` (the spectral
        one), `rival`, the mean accuracies of both over their shared seeds (`accuracy_mean`,
        `rival_mean`), the numbers of `paired.t_tests` (`n` shared seeds) and, after a correction
        for all rows, the `verdict` of `paired.with_verdicts`. A setting that only one dataset has
        gives no row.
    """
    rows, pairs = [], []
    for setting, at in at_ratios(networks, ratios).groupby(SETTING, sort=False):
        datasets = list(at["dataset"].unique())
        on_each = points(at).pivot(
            index=["method", "family"], columns="dataset", values="accuracy_mean"
        )
        on_each = on_each.dropna().reset_index("family")
        family = on_each.pop("family")
        spectral, others = on_each[family == SPECTRAL], on_each[~family.isin([SPECTRAL, CONTROL])]
        if len(datasets) < 2 or spectral.empty or others.empty:
            continue
        for dataset in datasets:
            of_others = [name for name in datasets if name != dataset]
            chosen = [of[of_others].mean(axis=1).idxmax() for of in (spectral, others)]
            here = at[at["dataset"].eq(dataset) & at["method"].isin(chosen)]
            wide = here.pivot(index="seed", columns="method", values="accuracy").dropna()
            one, other = (wide[name] for name in chosen)
            pairs.append((one, other))
            rows.append(
                {
                    "dataset": dataset,
                    **dict(zip(SETTING, setting, strict=True)),
                    **dict(zip(["method", "rival"], chosen, strict=True)),
                    "accuracy_mean": one.mean(),
                    "rival_mean": other.mean(),
                }
            )
    columns = ["dataset", *SETTING, "method", "rival", "accuracy_mean", "rival_mean"]
    return with_verdicts(pd.DataFrame(rows, columns=columns).join(t_tests(pairs)))
