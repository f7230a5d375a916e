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
