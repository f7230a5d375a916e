"""How stable a ranking by eigenvalue is: Spearman's correlation of two rankings of the nodes."""

import itertools

import numpy as np
import pandas as pd


def rank_correlations(eigenvalues: pd.DataFrame) -> pd.DataFrame:
    r"""Spearman's correlation between rankings of the hidden nodes by :math:`|\lambda_i|`.

    `kept by training`: the ranking before training against the one after, within each network; 1
    says that training left the order as the initial draw had it, 0 that it made a new one. `between
    seeds`: the rankings after training of two networks, node by node. Every seed draws its nodes
    anew, so that this is about 0 unless a node's place in the layer matters: it is the level of
    chance to which the other is compared.

    Args:
        eigenvalues: columns activation, method, seed, layer, node, when (`before` or `after`),
            eigenvalue.

    Returns:
        One row per activation and method, with `networks`, and mean and sample standard deviation
        of both correlations, over networks and over pairs of networks (NaN where there is only
        one).
    """
    from scipy.stats import spearmanr

    rows = []
    sizes = eigenvalues.assign(size=eigenvalues["eigenvalue"].abs())
    for (activation, method), networks in sizes.groupby(["activation", "method"], sort=False):
        wide = networks.pivot_table(
            index=["layer", "node"], columns=["when", "seed"], values="size"
        )
        seeds = list(wide["after"].columns)
        within = [spearmanr(wide["before", s], wide["after", s]).statistic for s in seeds]
        between = [
            spearmanr(wide["after", one], wide["after", other]).statistic
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
