"""Whether a recipe reaches the goal: as good as unpruned with few nodes left, behind no rival."""

from collections.abc import Iterable

import pandas as pd

from eigenprune.lab.rivals import AS_PRUNED
from eigenprune.report.arena import averages, leaderboard
from eigenprune.report.arena.cells import in_points
from eigenprune.report.arena.scope import Shown

RATIO = 0.9  # nine tenths of the hidden nodes removed
MOST_LOST = 0.005  # half a point of accuracy


def verdicts(shown: Iterable[Shown], method: str) -> pd.DataFrame:
    """How near a spectral method comes to the goal, without retraining; in points of accuracy.

    Args:
        shown: studies, with all methods that it is to be compared with.
        method: its name.

    Returns:
        Index `dataset`. Columns: `seeds`; `lost` at RATIO relative to the plainly trained dense
        network, unpruned; `of its own`, the same relative to the method's own network at ratio 0;
        `behind`, at how many ratios its mean is below that of the best method that is neither
        spectral nor a control, over the seeds that both have; `told apart`, at how many of these it
        is told apart as worse; and `goal`, reached if neither loss is more than MOST_LOST and it is
        behind at no ratio, judged by means. Studies without the method are left out, and cells
        without a value are empty.
    """
    rows = []
    for its in shown:
        alone = its.competing[its.competing["retraining"] == AS_PRUNED]
        ratios = sorted(alone.loc[alone["method"] == method, "pruning_ratio"].unique())
        if RATIO not in ratios:
            continue
        standing = leaderboard.spectral_standing(
            alone, [ratio for ratio in ratios if ratio > 0], controls=its.controls
        )
        ours = averages.means_alone(standing)
        ours = ours[ours["method"] == method]
        if RATIO not in set(ours["pruning_ratio"]):
            continue  # no seed of it has all activations yet
        networks = averages.means_alone(its.networks)
        own = networks[(networks["method"] == method) & (networks["retraining"] == AS_PRUNED)]
        at = own.pivot(index="seed", columns="pruning_ratio", values="accuracy")
        lost = ours.loc[ours["pruning_ratio"] == RATIO, "lost"].item()
        of_its_own = (at[0.0] - at[RATIO]).mean() if 0 in at else float("nan")
        behind = ours[ours["rival"].ne("") & ours["difference"].lt(0)]
        reached = lost <= MOST_LOST and of_its_own <= MOST_LOST and behind.empty
        unknown = pd.isna(lost) or pd.isna(of_its_own)
        rows.append(
            {
                "dataset": its.study.dataset,
                "seeds": len(at),
                "lost": in_points(lost),
                "of its own": in_points(of_its_own),
                "behind": f"{len(behind)} of {ours['rival'].ne('').sum()} ratios",
                "told apart": str(int(behind["verdict"].eq("worse").sum())),
                "goal": "" if unknown else "reached" if reached else "not reached",
            }
        )
    columns = ["dataset", "seeds", "lost", "of its own", "behind", "told apart", "goal"]
    return pd.DataFrame(rows, columns=columns).set_index("dataset")
