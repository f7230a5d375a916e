"""How stable a ranking of nodes is: Spearman's correlation with another, and their common top."""

import itertools

import numpy as np
import pandas as pd

from eigenprune.lab.ranks import rank_correlation
from eigenprune.lab.stability import BETWEEN_ORDERS, WITH_INITIAL


def rank_correlations(eigenvalues: pd.DataFrame) -> pd.DataFrame:
    r"""Spearman's correlation between rankings of the hidden nodes by :math:`|\lambda_i|`.

    `kept by training` correlates the rankings before and after training, within each network: 1
    means that training left the order as it was drawn, 0 that it made a new one. `between seeds`
    correlates the rankings of two networks after training, node by node. Every seed draws its nodes
    anew, so this is about 0 unless a node's place in the layer matters: it is the level of chance
    with which the first correlation is compared. For two trainings of the same nodes, see
    `lab.stability.rank_stability`.

    Args:
        eigenvalues: columns activation, method, seed, layer, node, when (`before` or `after`),
            eigenvalue.

    Returns:
        One row per activation and method, with `networks` (their number), and the mean and sample
        standard deviation of both correlations, over networks and over pairs of networks (NaN where
        there are too few).
    """
    rows = []
    sizes = eigenvalues.assign(size=eigenvalues["eigenvalue"].abs())
    for (activation, method), networks in sizes.groupby(["activation", "method"], sort=False):
        wide = networks.pivot_table(
            index=["layer", "node"], columns=["when", "seed"], values="size"
        )
        seeds = list(wide["after"].columns)
        within = [rank_correlation(wide["before", s], wide["after", s]) for s in seeds]
        between = [
            rank_correlation(wide["after", one], wide["after", other])
            for one, other in itertools.combinations(seeds, 2)
        ]
        rows.append(
            {
                "activation": activation,
                "method": method,
                "networks": len(seeds),
                "kept by training": np.mean(within),
                "kept by training, std": np.std(within, ddof=1) if len(within) > 1 else np.nan,
                "between seeds": np.mean(between) if between else np.nan,
                "between seeds, std": np.std(between, ddof=1) if len(between) > 1 else np.nan,
            }
        )
    return pd.DataFrame(rows)


def stability(found: pd.DataFrame) -> pd.DataFrame:
    """How stable each ranking is, one row each: means over pairs of networks and hidden layers.

    Args:
        found: what `lab.stability.rank_stability` returns, of one dataset and width.

    Returns:
        Index `networks` (the method that trained them), `activation` and `score`; columns `pairs`
        (their number), `two orders` (rank correlation, mean ± sample standard deviation over the
        pairs, each the mean over its layers), `same top` (common share of the top nodes, in per
        cent) and `before and after` (rank correlation with the untrained network). Cells are empty
        where there is no ranking.
    """
    key = ["method", "activation", "score"]
    rows = []
    for values, group in found.groupby(key, sort=False):
        between, initial = (
            # In every layer, the pairs of a ranking come in the same order.
            own.assign(number=own.groupby("layer").cumcount()).groupby("number")
            for own in (group[group["pair"] == pair] for pair in (BETWEEN_ORDERS, WITH_INITIAL))
        )
        names = ["rank_correlation", "top_overlap"]
        pairs, kept = between[names].mean(), initial["rank_correlation"].mean()
        rows.append(
            {
                **dict(zip(["networks", *key[1:]], values, strict=True)),
                "pairs": len(pairs),
                "two orders": _mean_and_std(pairs["rank_correlation"]),
                "same top": _cell(100 * pairs["top_overlap"].mean(), "{:.0f} %"),
                "before and after": _mean_and_std(kept),
            }
        )
    names = ["pairs", "two orders", "same top", "before and after"]
    table = pd.DataFrame(rows, columns=["networks", *key[1:], *names])
    return table.set_index(["networks", *key[1:]])


def _mean_and_std(values: pd.Series) -> str:
    spread = f" ± {values.std():.2f}" if len(values) > 1 and values.notna().all() else ""
    return _cell(values.mean(), "{:.2f}") + spread


def _cell(value: float, form: str) -> str:
    return "" if pd.isna(value) else form.format(value)
