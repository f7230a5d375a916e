"""The arena at a glance: the best methods of each kind, and a few to hold them against."""

from collections.abc import Mapping

import pandas as pd

from eigenprune.report import leaderboard

# What the best methods are held against, by its name in params.yaml.
LANDMARKS = {
    "spectral-post": "post of 2022",
    "random-nodes": "drawn by lot",
    "small": "small from the start",
}


def at_a_glance(networks: pd.DataFrame, landmarks: Mapping[str, str]) -> pd.DataFrame:
    """The best of each kind at each ratio of the leaderboard; accuracies in per cent.

    Args:
        networks: what `leaderboard.over_activations` returns, of one dataset, width and activation.
        landmarks: methods of which it shows the accuracy too, and the heads of their columns; not
            retrained, where they are there without.

    Returns:
        Index `dataset`, in brackets the accuracy of the plainly trained dense network, unpruned,
        and `ratio`; columns, of what is not retrained, `spectral` and `rival`, the landmarks, and
        which methods the first two are. Means over the seeds. A rival is neither spectral nor a
        control. Cells of what is not there are empty.
    """
    means = leaderboard.points(networks).sort_values("accuracy_mean", ascending=False)
    # The sort is stable: within each kind of retraining the best stay first.
    means = means.sort_values("retraining", key=lambda kind: kind != "none", kind="stable")
    spectral = means["family"] == leaderboard.SPECTRAL
    rivals = ~spectral & (means["family"] != "control")
    alone = means["retraining"] == "none"
    control = _accuracy(leaderboard.plain_network(networks))
    dataset = f"{means['dataset'].iloc[0]}{control and f' ({control})'}"
    rows = []
    for ratio in leaderboard.RATIOS:
        there = means["pruning_ratio"] == ratio
        best, rival = (means[there & alone & kind] for kind in (spectral, rivals))
        rows.append(
            {
                "dataset": dataset,
                "ratio": f"{ratio:g}",
                "spectral": _accuracy(best),
                "rival": _accuracy(rival),
                **{
                    head: _accuracy(means[there & (means["method"] == name)])
                    for name, head in landmarks.items()
                },
                "spectral method": "".join(best["method"].head(1)),
                "rival method": "".join(rival["method"].head(1)),
            }
        )
    return pd.DataFrame(rows).set_index(["dataset", "ratio"])


def _accuracy(means: pd.DataFrame) -> str:
    """Of the first row; empty if there is none."""
    return "".join(f"{100 * mean:.2f}" for mean in means["accuracy_mean"].head(1))
