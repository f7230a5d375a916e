"""How stable a ranking of nodes is: Spearman's correlation with another, and their common top."""

import itertools
from collections.abc import Iterable, Mapping

import pandas as pd

from eigenprune.lab.ranks import rank_correlation
from eigenprune.lab.stability import BETWEEN_ORDERS, WITH_INITIAL


def kept_by_training(eigenvalues: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    r"""Spearman's correlation between rankings of the hidden nodes by :math:`|\lambda_i|`.

    `kept by training` correlates the rankings before and after training, within each network: 1
    means that training left the order as it was drawn, 0 that it made a new one. `between seeds`
    correlates the rankings of two networks after training, node by node. Every seed draws its nodes
    anew, so this is about 0 unless a node's place in the layer matters: it is the level of chance
    with which the first correlation is compared. For two trainings of the same nodes, see
    `lab.stability.rank_stability`.

    Args:
        eigenvalues: tables with columns activation, seed, layer, node, when (`before` or `after`)
            and eigenvalue, each of one method, by the name of the network.

    Returns:
        Index network and activation; columns `networks` (their number), and both correlations, mean
        ± sample standard deviation over networks and over pairs of networks. Cells are empty where
        there are too few.
    """
    rows = []
    for name, table in eigenvalues.items():
        sizes = table.assign(size=table["eigenvalue"].abs())
        for activation, networks in sizes.groupby("activation", sort=False):
            wide = networks.pivot_table(
                index=["layer", "node"], columns=["when", "seed"], values="size"
            )
            before, after = wide["before"], wide["after"]
            pairs = itertools.combinations(after, 2)
            within = [rank_correlation(before[seed], after[seed]) for seed in after]
            between = [rank_correlation(after[one], after[other]) for one, other in pairs]
            cells = (len(within), _mean_and_std(within), _mean_and_std(between))
            rows.append((name, activation, *cells))
    names = ["network", "activation", "networks", "kept by training", "between seeds"]
    return pd.DataFrame(rows, columns=names).set_index(["network", "activation"])


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


def _mean_and_std(of: Iterable[float]) -> str:
    values = pd.Series(of, dtype=float)
    spread = f" ± {values.std():.2f}" if len(values) > 1 and values.notna().all() else ""
    return _cell(values.mean(), "{:.2f}") + spread


def _cell(value: float, form: str) -> str:
    return "" if pd.isna(value) else form.format(value)
