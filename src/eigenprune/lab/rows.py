"""The columns of the tidy table of curves."""

from eigenprune.lab.plans import PlannedRow
from eigenprune.lab.studies import Study

# Of every curves.csv: one row per network, accuracy from 0 to 1, hidden as `500-500-500`.
COLUMNS = (
    "study",
    "dataset",
    "hidden",
    "activation",
    "method",
    "seed",
    "pruning_ratio",
    "nodes_kept",
    "parameters_kept",
    "accuracy",
    "loss",
)
# Those that hold a number in every row.
NUMBERS = ("seed", "pruning_ratio", "nodes_kept", "parameters_kept", "accuracy", "loss")


def labels(study: Study, row: PlannedRow) -> dict[str, object]:
    """The first columns of a row of the curves: what is known of its network before any result."""
    training = row.run.training
    return {
        "study": study.name,
        "dataset": training.dataset,
        "hidden": study.widths,
        "activation": training.activation,
        "method": row.method,
        "seed": training.seed,
        "pruning_ratio": row.pruning_ratio,
    }
