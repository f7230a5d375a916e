"""The arena at a glance: the best methods of each kind, and a few to compare them with."""

from collections.abc import Collection, Mapping

import pandas as pd

from eigenprune.lab.rivals import AS_PRUNED
from eigenprune.report.arena import averages, leaderboard
from eigenprune.report.arena.rival_tables import PER_RATIO, marks

# Methods that the best are compared with, by their names in params.yaml.
LANDMARKS = {
    "spectral-post": "post of 2022",
    "random-nodes": "random nodes",
    "averaged-shuffled-pruning": "widths by score, nodes random",
    "averaged-gradient-redrawn": "widths by score, from scratch",
    "small": "small from the start",
    "averaged-small": "small, averaged",
}

# What must be said about the table wherever it appears.
SAID = (
    "Test accuracy in per cent, without retraining, of the best spectral method, the best `rival` "
    "(neither spectral nor a control) and methods to compare them with. In brackets is the plainly "
    "trained dense network, unpruned. "
    "`seeds`: how many each has, listed in the order of the columns where they differ. "
    f"{PER_RATIO}: a separate network is trained for each ratio. `widths by score, nodes random` "
    "is `averaged-shuffled-pruning`: it is trained and averaged like the best, but the score of "
    "gradient pruning decides only how many nodes each layer loses, and chance decides which. "
    "`widths by score, from scratch` is `averaged-gradient-redrawn`: each layer is as wide as "
    "gradient pruning left it, and its weights are drawn anew. Networks that are small from the "
    "start or trained from scratch train for as long as the others do with retraining. "
    "The best methods are selected by these same accuracies. Only methods named `averaged` average "
    "the parameters of their last steps. This can lift even their unpruned networks above the one "
    "in brackets, so a cell above it does not show that pruning raises accuracy. `small, averaged` "
    "is `averaged-small`: small from the start, and averaged in the same way."
)


def at_a_glance(
    networks: pd.DataFrame,
    plain: pd.DataFrame,
    landmarks: Mapping[str, str],
    network_per_ratio: Collection[str] = (),
) -> pd.DataFrame:
    """The best of each kind at each ratio of the leaderboard; accuracies in per cent.

    Args:
        networks: what `averages.over_activations` returns, of one dataset, width and activation.
        plain: what `averages.plain_network` returns, of the same; may be empty.
        landmarks: methods whose accuracy is shown too, with the heads of their columns; without
            retraining, where they have such rows.
        network_per_ratio: methods that train a network for each ratio, marked by PER_RATIO.

    Returns:
        Index `dataset` (in brackets the accuracy of the plainly trained dense network, unpruned)
        and `ratio`. Columns: `spectral` and `rival`, the best of each without retraining; the
        landmarks; `seeds` (how many each of these has, a dash for none; one number if all are
        alike); and the names of the first two. Accuracies are means over the seeds. A rival is
        neither spectral nor a control. Cells without a value are empty, and a ratio without any
        network has no row.
    """
    means = averages.points(networks).sort_values("accuracy_mean", ascending=False)
    # The sort is stable: within each kind of retraining the best stay first.
    means = means.sort_values("retraining", key=lambda kind: kind != AS_PRUNED, kind="stable")
    spectral = means["family"] == averages.SPECTRAL
    rivals = ~spectral & (means["family"] != averages.CONTROL)
    alone = means["retraining"] == AS_PRUNED
    control, marked = _accuracy(plain), marks(network_per_ratio)
    dataset = f"{means['dataset'].iloc[0]}{control and f' ({control})'}"
    rows = []
    for ratio in leaderboard.RATIOS:
        there = means["pruning_ratio"] == ratio
        if not there.any():
            continue
        best, rival = (means[there & alone & kind] for kind in (spectral, rivals))
        beside = {head: means[there & (means["method"] == n)] for n, head in landmarks.items()}
        columns = {"spectral": best, "rival": rival, **beside}
        rows.append(
            {
                "dataset": dataset,
                "ratio": f"{ratio:g}",
                **{head: _accuracy(its) for head, its in columns.items()},
                "seeds": ", ".join(_as_one([_seeds(its) for its in columns.values()])),
                "spectral method": "".join(best["method"].replace(marked).head(1)),
                "rival method": "".join(rival["method"].replace(marked).head(1)),
            }
        )
    return pd.DataFrame(rows).set_index(["dataset", "ratio"])


def _as_one(counts: list[str]) -> list[str]:
    return counts[:1] if len(set(counts)) == 1 else counts


def _seeds(means: pd.DataFrame) -> str:
    """The seeds of the first row; a dash if there is none."""
    return "".join(map(str, means["n"].head(1))) or "–"


def _accuracy(means: pd.DataFrame) -> str:
    """The accuracy in the first row; empty if there is none."""
    return "".join(f"{100 * mean:.2f}" for mean in means["accuracy_mean"].head(1))
