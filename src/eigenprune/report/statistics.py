"""Means over seeds, and the few numbers that summarise a study."""

import pandas as pd

SETTING = ["study", "dataset", "hidden", "activation", "method", "pruning_ratio"]


def over_seeds(curves: pd.DataFrame) -> pd.DataFrame:
    """Mean, sample standard deviation and number of realisations for every point of the curves.

    Args:
        curves: the tidy table.

    Returns:
        One row per setting and pruning ratio, in the order of the table. Columns are SETTING,
        `nodes_kept`, `parameters_kept` (mean), `accuracy_mean`, `accuracy_std` (NaN for one seed)
        and `n`.

    Example:
        >>> rows = [["s", "d", "5", "relu", "post", 0.5, 3, 30, a] for a in (0.8, 0.9)]
        >>> names = [*SETTING, "nodes_kept", "parameters_kept", "accuracy"]
        >>> over_seeds(pd.DataFrame(rows, columns=names))[["accuracy_mean", "n"]].round(2).values
        array([[0.85, 2.  ]])
    """
    return (
        curves.groupby(SETTING, sort=False)
        .agg(
            nodes_kept=("nodes_kept", "mean"),
            parameters_kept=("parameters_kept", "mean"),
            accuracy_mean=("accuracy", "mean"),
            accuracy_std=("accuracy", "std"),
            n=("accuracy", "size"),
        )
        .reset_index()
    )


def counts_below(curves: pd.DataFrame, control: str) -> pd.DataFrame:
    """At how many pruning ratios the mean of each method lies below that of a control.

    This is no test: it shows a direction where there are too few seeds for a test.

    Args:
        curves: the tidy table, of one or more studies.
        control: the method that the others are compared with, over the seeds that both have.

    Returns:
        One row per dataset, hidden widths, activation and other method, with `below` (at
        how many ratios), `ratios` (how many both have) and `seeds` (how many the control has).

    Example:
        >>> where = {"dataset": "d", "hidden": "9", "activation": "relu", "pruning_ratio": 0.9}
        >>> rows = pd.DataFrame({"method": ["post", "random"], "seed": 1, "accuracy": [0.7, 0.8]})
        >>> counts_below(rows.assign(**where), "random").values.tolist()
        [['d', '9', 'relu', 'post', 1, 1, 1]]
    """
    keys = ["dataset", "hidden", "activation"]
    pruned = curves[curves["pruning_ratio"] > 0]
    wide = pruned.pivot_table(
        index=[*keys, "pruning_ratio", "seed"], columns="method", values="accuracy", sort=False
    )
    rows = []
    if control in wide:
        for key, those in wide[wide[control].notna()].groupby(keys, sort=False):
            seeds = those.index.get_level_values("seed").nunique()
            for method in wide.columns.drop(control):
                both = those[[method, control]].dropna().groupby("pruning_ratio").mean()
                lower = int((both[method] < both[control]).sum())
                rows.append([*key, method, lower, len(both), seeds])
    return pd.DataFrame(rows, columns=[*keys, "method", "below", "ratios", "seeds"])


def headline(
    means: pd.DataFrame, pruning_ratio: float = 0.9
) -> dict[str, dict[str, dict[str, float]]]:
    """Mean accuracy by activation and method: `unpruned`, its own control, and `pruned`.

    Args:
        means: what `over_seeds` returns, for one study.
        pruning_ratio: the ratio of `pruned`; the nearest one of the study is taken.
    """
    ratios = means["pruning_ratio"]
    nearest = ratios.iloc[(ratios - pruning_ratio).abs().argmin()]
    numbers: dict[str, dict[str, dict[str, float]]] = {}
    for (activation, method), curve in means.groupby(["activation", "method"], sort=False):
        accuracy = curve.set_index("pruning_ratio")["accuracy_mean"]
        points = {"unpruned": 0.0, "pruned": nearest}
        numbers.setdefault(str(activation), {})[str(method)] = {
            name: float(accuracy[ratio]) for name, ratio in points.items() if ratio in accuracy
        }
    return numbers
