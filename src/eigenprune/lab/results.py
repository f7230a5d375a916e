"""What the store knows of a study, as tidy tables."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from eigenprune.lab import datasets, project
from eigenprune.lab.runs import Training, run_id
from eigenprune.lab.store import Entry, Store
from eigenprune.lab.studies import PlannedRow, Study, plan

if TYPE_CHECKING:
    import pandas as pd

# `study, ..., loss`: the columns of every curves.csv.
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


def table(study: Study, rows: Sequence[PlannedRow], store: Store) -> "pd.DataFrame":
    """The rows that are in the store, as a table."""
    import pandas as pd

    found = []
    for row in rows:
        entry = store.get(run_id(row.run))
        if entry is None or entry.record["result"]["status"] != "done":
            continue
        training, result = row.run.training, entry.record["result"]
        labels = {
            "study": study.name,
            "dataset": training.dataset,
            "hidden": study.widths,
            "activation": training.activation,
            "method": row.method,
            "seed": training.seed,
            "pruning_ratio": row.run.pruning_ratio,
        }
        found.append(labels | {key: result[key] for key in COLUMNS[len(labels) :]})
    return pd.DataFrame(found, columns=list(COLUMNS))


def trainings(study: Study) -> "pd.DataFrame":
    """One row per trained network of a study that is in the store.

    Columns: activation, method, seed, accuracy, loss (test set, after the last epoch), run (id) and
    weights (SHA-256 of the stored arrays, so that other weights are another table).
    """
    import hashlib

    import pandas as pd

    rows = [
        {
            **labels,
            "accuracy": entry.record["result"]["accuracy"],
            "loss": entry.record["result"]["loss"],
            "run": run_id(training),
            "weights": hashlib.sha256(entry.arrays or b"").hexdigest(),
        }
        for labels, training, entry in _trained(study)
    ]
    return pd.DataFrame(rows)


def histories(study: Study) -> "pd.DataFrame":
    """Training loss by epoch: columns activation, method, seed, epoch (from 1), loss (nats)."""
    import pandas as pd

    rows = [
        {**labels, "epoch": epoch, "loss": loss}
        for labels, _, entry in _trained(study)
        for epoch, loss in enumerate(entry.record["result"]["losses"], start=1)
    ]
    return pd.DataFrame(rows)


def eigenvalues(study: Study) -> "pd.DataFrame":
    """Eigenvalues of the hidden nodes of the spectral networks, before and after training.

    Columns: activation, method, seed, layer (from 1), node, when (`before`, `after`), eigenvalue.
    """
    import pandas as pd

    from eigenprune.lab.protocols import initial_network
    from eigenprune.networks import hidden_layers

    data = datasets.load(study.dataset, project.data_dir())
    rows = []
    for labels, training, entry in _trained(study):
        if training.layer != "spectral":
            continue
        network = initial_network(training, data)
        for when in ("before", "after"):
            if when == "after":
                network.load_state_dict(entry.tensors())
            for number, layer in enumerate(hidden_layers(network), start=1):
                values = layer.eigenvalues_out.tolist()  # type: ignore[operator]
                rows += [
                    {**labels, "layer": number, "node": node, "when": when, "eigenvalue": value}
                    for node, value in enumerate(values)
                ]
    return pd.DataFrame(rows)


def layer_shares(study: Study) -> "pd.DataFrame":
    """Share of each hidden layer that stays, mean over seeds.

    Columns: activation, method, layer (from 1), pruning_ratio, share (0 to 1).
    """
    import pandas as pd

    store = Store(project.store_dir())
    rows = []
    for row in plan(study):
        entry = store.get(run_id(row.run))
        if entry is None or entry.record["result"]["status"] != "done":
            continue
        kept = entry.record["result"]["nodes_by_layer"]
        for number, (nodes, width) in enumerate(zip(kept, study.hidden, strict=True), start=1):
            rows.append(
                {
                    "activation": row.run.training.activation,
                    "method": row.method,
                    "layer": number,
                    "pruning_ratio": row.run.pruning_ratio,
                    "share": nodes / width,
                }
            )
    keys = ["activation", "method", "layer", "pruning_ratio"]
    return pd.DataFrame(rows).groupby(keys, sort=False)["share"].mean().reset_index()


def _trained(study: Study) -> Iterator[tuple[dict[str, object], Training, Entry]]:
    """Each trained network once, under the first method that uses it."""
    store = Store(project.store_dir())
    seen = set()
    for row in plan(study):
        training = row.run.training
        if training in seen:
            continue
        seen.add(training)
        entry = store.get(run_id(training))
        if entry is not None and entry.record["result"]["status"] == "done":
            labels: dict[str, object] = {
                "activation": training.activation,
                "method": row.method,
                "seed": training.seed,
            }
            yield labels, training, entry
