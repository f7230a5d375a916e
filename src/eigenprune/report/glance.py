"""The arena at a glance: the best methods of each kind, and a few to hold them against."""

from collections.abc import Mapping

import pandas as pd

from eigenprune.report import leaderboard
from eigenprune.report.readable import percent


def at_a_glance(networks: pd.DataFrame, landmarks: Mapping[str, str]) -> pd.DataFrame:
    """The best of each kind at each ratio of the leaderboard; accuracies in per cent.

    Args:
        networks: what `leaderboard.over_activations` returns, of one dataset, width and activation.
        landmarks: methods of which it shows the accuracy too, and the heads of their columns; not
            retrained, where they are there without.

    Returns:
        Index `dataset` and `ratio`; columns `unpruned` (the plainly trained dense network), of what
        is not retrained `spectral` and `rival`, each followed by its `method`, and the landmarks.
        A rival is neither spectral nor a control. Cells of what is not there are empty.
    """
    means = leaderboard.points(networks).sort_values("accuracy_mean", ascending=False)
    # The sort is stable: within each kind of retraining the best stay first.
    means = means.sort_values("retraining", key=lambda kind: kind != "none", kind="stable")
    spectral = means["family"] == leaderboard.SPECTRAL
    rivals = ~spectral & (means["family"] != "control")
    alone = means["retraining"] == "none"
    rows = []
    for ratio in leaderboard.RATIOS:
        there = means["pruning_ratio"] == ratio
        best, rival = (means[there & alone & kind] for kind in (spectral, rivals))
        rows.append(
            {
                "dataset": means["dataset"].iloc[0],
                "ratio": f"{ratio:g}",
                "unpruned": _accuracy(leaderboard.plain_network(networks)),
                "spectral": _accuracy(best),
                "its method": "".join(best["method"].head(1)),
                "rival": _accuracy(rival),
                "the rival's method": "".join(rival["method"].head(1)),
                **{
                    head: _accuracy(means[there & (means["method"] == name)])
                    for name, head in landmarks.items()
                },
            }
        )
    return pd.DataFrame(rows).set_index(["dataset", "ratio"])


def _accuracy(means: pd.DataFrame) -> str:
    """Of the first row; empty if there is none."""
    first = means.head(1)
    return "".join(map(percent, first["accuracy_mean"], first["accuracy_std"]))
