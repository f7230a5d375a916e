"""The results of a study that are known so far, as tidy tables."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from eigenprune.lab import project, spectra
from eigenprune.lab.plans import PlannedRow, networks, plan, runs_of
from eigenprune.lab.records.recorded import folder_of, recorded_results
from eigenprune.lab.rows import COLUMNS, labels
from eigenprune.lab.runs import Training, run_id
from eigenprune.lab.store import Entry, Store
from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials

if TYPE_CHECKING:
    import pandas as pd


NETWORK = ("activation", "method", "seed")  # what tells the networks of a study apart


def finished(
    study: Study, *, recorded_only: bool = False
) -> Iterator[tuple[PlannedRow, dict[str, Any]]]:
    """The rows of a study that are recorded in Git or are in the store, with their results."""
    store, recorded = Store(project.store_dir()), recorded_results(study)
    for row in plan(study):
        run = run_id(row.run)
        entry = None if recorded_only else store.get(run)
        result = entry.record["result"] if entry is not None else recorded.get(run)
        if result is not None and result["status"] == "done":
            yield row, result


def diverged(study: Study | Trials) -> int:
    """How many rows of a study, or trials, have no numbers, because these ceased to be finite."""
    store = Store(project.store_dir())
    entries = (store.get(run_id(run)) for run in runs_of(study))
    return sum(e is not None and e.record["result"]["status"] == "diverged" for e in entries)


def curves(study: Study) -> "pd.DataFrame":
    """The tidy table of a study's available results: one row per network, columns COLUMNS."""
    import pandas as pd

    rows = [
        {**labels(study, row), **{key: result[key] for key in COLUMNS if key in result}}
        for row, result in finished(study)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def trainings(study: Study) -> "pd.DataFrame":
    """One row per trained network of a study that is in the store.

    Columns: activation, method, seed, accuracy, loss (test set, after the last epoch), run (id) and
    weights (SHA-256 of the stored arrays, so that other weights give another table).
    """
    import hashlib

    import pandas as pd

    rows = [
        {
            **key,
            "accuracy": entry.record["result"]["accuracy"],
            "loss": entry.record["result"]["loss"],
            "run": run_id(training),
            "weights": hashlib.sha256(entry.arrays or b"").hexdigest(),
        }
        for key, training, entry in _trained(study)
    ]
    return pd.DataFrame(rows, columns=[*NETWORK, "accuracy", "loss", "run", "weights"])


def histories(study: Study) -> "pd.DataFrame":
    """Training loss by epoch: columns activation, method, seed, epoch (from 1), loss (nats)."""
    import pandas as pd

    rows = [
        {**key, "epoch": epoch, "loss": loss}
        for key, _, entry in _trained(study)
        for epoch, loss in enumerate(entry.record["result"]["losses"], start=1)
    ]
    return pd.DataFrame(rows, columns=[*NETWORK, "epoch", "loss"])


def eigenvalues(study: Study, *, recorded_only: bool = False) -> "pd.DataFrame":
    """Eigenvalues of the hidden nodes, recorded or in the store: see `spectra.tidy`."""
    known = spectra.read(folder_of(study))
    if not recorded_only:
        known |= spectra.stored(study, Store(project.store_dir()))
    return spectra.tidy(study, known)


def eigenvalues_by_epoch(study: Study) -> "pd.DataFrame":
    """Eigenvalues of the hidden nodes while the networks were trained: see `spectra.tidy_by_epoch`.

    Only networks in the store have rows, except those from before eigenvalues by epoch were kept.
    The columns NETWORK show which networks are there.
    """
    return spectra.tidy_by_epoch(study, Store(project.store_dir()))


def layer_shares(study: Study, *, recorded_only: bool = False) -> "pd.DataFrame":
    """Share of each hidden layer that is kept, mean over seeds.

    Columns: activation, method, layer (from 1), pruning_ratio, share (0 to 1).
    """
    import pandas as pd

    rows = [
        {
            "activation": row.run.training.activation,
            "method": row.method,
            "layer": number,
            "pruning_ratio": row.pruning_ratio,
            "share": nodes / width,
        }
        for row, result in finished(study, recorded_only=recorded_only)
        for number, (nodes, width) in enumerate(
            zip(result["nodes_by_layer"], study.hidden, strict=True), start=1
        )
    ]
    keys = ["activation", "method", "layer", "pruning_ratio"]
    table = pd.DataFrame(rows, columns=[*keys, "share"])
    return table.groupby(keys, sort=False)["share"].mean().reset_index()


def _trained(study: Study) -> Iterator[tuple[dict[str, object], Training, Entry]]:
    """Each trained network once, under the first method that uses it."""
    store = Store(project.store_dir())
    first: dict[Training, dict[str, object]] = {}
    for key, training in networks(study):
        first.setdefault(training, key)
    for training, key in first.items():
        entry = store.get(run_id(training))
        if entry is not None and entry.record["result"]["status"] == "done":
            yield key, training, entry
