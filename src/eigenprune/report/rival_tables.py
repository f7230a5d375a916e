"""The arena's tables to read: leaderboard, where spectral stands, compute spent, sanity checks."""

import pandas as pd

from eigenprune.report.readable import percent


def leaderboard(board: pd.DataFrame) -> pd.DataFrame:
    """Ranks, accuracies and verdicts; accuracies in per cent, differences in points of it.

    Args:
        board: what `leaderboard.leaderboard` or `leaderboard.spectral_standing` returns, of one
            dataset, width, retraining and activation.

    Returns:
        Index `ratio` and `rank`; columns `method`, `family`, `accuracy` (mean ± sample standard
        deviation), `n` (seeds), `lost`, `nodes`, `parameters` and `MACs` kept, `rival`, `against
        it` (difference and its interval), `p` (corrected) and `verdict`.
    """
    accuracy = [
        percent(mean, std)
        for mean, std in zip(board["accuracy_mean"], board["accuracy_std"], strict=True)
    ]
    return pd.DataFrame(
        {
            "ratio": board["pruning_ratio"].map("{:g}".format),
            "rank": board["rank"],
            "method": board["method"],
            "family": board["family"],
            "accuracy": accuracy,
            "n": board["n"],
            "lost": [_points(lost) for lost in board["lost"]],
            "nodes": board["nodes_kept"].map("{:,.0f}".format),
            "parameters": board["parameters_kept"].map("{:,.0f}".format),
            "MACs": board["macs_kept"].map("{:,.0f}".format),
            "rival": board["rival"],
            "against it": _differences(board),
            "p": [_p(p) for p in board["p"]],
            "verdict": board["verdict"],
        }
    ).set_index(["ratio", "rank"])


def compute_spent(spent: pd.DataFrame) -> pd.DataFrame:
    """Compute of each method, in minutes.

    Args:
        spent: what `leaderboard.compute_spent` returns.

    Returns:
        Index dataset, hidden, retraining and method; columns `networks`, `minutes` (sum) and
        `seconds per network`.
    """
    return pd.DataFrame(
        {
            **{name: spent[name] for name in ("dataset", "hidden", "retraining", "method")},
            "networks": spent["networks"],
            "minutes": spent["seconds"].div(60).map("{:,.1f}".format),
            "seconds per network": spent["seconds_per_network"].map("{:,.1f}".format),
        }
    ).set_index(["dataset", "hidden", "retraining", "method"])


def behaviour(judged: pd.DataFrame) -> pd.DataFrame:
    """What the sanity checks did to each score; differences in points of accuracy.

    Args:
        judged: what `behaviour.behaviour` returns, of one dataset and width.

    Returns:
        Index `score` and `check`; columns `must`, `against as is` (difference and its interval),
        `p` (corrected), `rank correlation` and `behaves`.
    """
    return pd.DataFrame(
        {
            "score": judged["score"],
            "check": judged["check"],
            "must": judged["must"],
            "against as is": _differences(judged),
            "p": [_p(p) for p in judged["p"]],
            "rank correlation": [
                "" if pd.isna(value) else f"{value:.2f}" for value in judged["rank_correlation"]
            ],
            "behaves": judged["behaves"],
        }
    ).set_index(["score", "check"])


def _differences(table: pd.DataFrame) -> list[str]:
    columns = (table[name] for name in ("difference", "low", "high"))
    cells = []
    for difference, low, high in zip(*columns, strict=True):
        interval = "" if pd.isna(low) else f" [{_points(low, '+')}, {_points(high, '+')}]"
        cells.append(_points(difference, "+") + interval)
    return cells


def _points(share: float, sign: str = "") -> str:
    return "" if pd.isna(share) else f"{100 * share:{sign}.2f}"


def _p(p: float) -> str:
    if pd.isna(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
