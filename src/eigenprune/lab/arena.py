"""The table of the arena: the curves of its studies, and the columns for comparing methods."""

import itertools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from eigenprune.lab import datasets, results, rivals
from eigenprune.lab.execution import sweep
from eigenprune.lab.methods import Method
from eigenprune.lab.plans import PlannedRow, plan
from eigenprune.lab.records import latencies
from eigenprune.lab.records.recorded import folder_of, result_of, rows_by_run
from eigenprune.lab.rows import COLUMNS, labels
from eigenprune.lab.runs import run_id
from eigenprune.lab.studies import Params, Study

if TYPE_CHECKING:
    import pandas as pd

MORE = ("family", "score", "regulariser", "retraining", "hyperparameters", "macs_kept")
# Only in tables of recorded results: times differ from one measurement to the next.
RECORDED = (
    *("latency", "seconds", "searched", "processor", "run", "nodes_by_layer", "training"),
    "training_seconds",
)


def table(study: Study) -> "pd.DataFrame":
    """One row per network of a study, as far as results are available.

    Returns:
        The columns COLUMNS and MORE. `method` is the same for a rival with and without retraining.
        `retraining` is `none`, `reconstructed` (layers refitted, nothing trained), `fine-tuned`
        (after pruning), or `trained` (from scratch at its final size: pruned or made small before
        training, or redrawn). `hyperparameters` are those that were chosen or given, as text.
    """
    import pandas as pd

    methods = rivals.find_all(study.methods)
    rows = [
        _row(study, planned, methods[planned.method], result)
        for planned, result in results.finished(study)
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS, *MORE])


def recorded(params: Params, names: Iterable[str] | None = None) -> "pd.DataFrame":
    """The recorded studies in one table, computed from their own files, which are kept in Git.

    Args:
        params: rows that it no longer asks for are left out, because their method's name may now
            stand for another method.
        names: of studies; all those of the arena if None.

    Returns:
        The columns of `table`, and RECORDED. `latency` is in milliseconds, see
        `lab.records.latencies`. `seconds` is the time that the row took on a core of `processor`
        (by the clock in older records) from the first step of training on. It includes the search
        for a strength if the search was made with the seed of this row (`searched`).
        `training_seconds` is the part of it spent on the network that the row was pruned from,
        which it shares with other rows (`training`). `run` is the id of the row, and
        `nodes_by_layer` are its hidden widths.
    """
    import pandas as pd

    rows = []
    for name in studies_of(params) if names is None else names:
        study = params.study(name)
        known = rows_by_run(folder_of(study))
        methods = rivals.find_all(study.methods)
        for planned in plan(study) if known else ():
            its = known.get(run_id(planned.run))
            if its is not None:
                made = {key: its[key] for key in RECORDED if key in its}
                seconds = round(its["seconds"] + its["training_seconds"], 3)
                row = _row(study, planned, methods[planned.method], result_of(its))
                tuning = planned.run.training.tuning
                searched = tuning is not None and tuning.seed == planned.run.training.seed
                rows.append({**row, **made, "seconds": seconds, "searched": searched})
    return with_times(pd.DataFrame(rows, columns=[*COLUMNS, *MORE, *RECORDED]))


def with_times(found: "pd.DataFrame") -> "pd.DataFrame":
    """The table that `recorded` makes, with the currently recorded latencies."""
    times = latencies.read()
    networks = found[list(latencies.NETWORK)].itertuples(index=False, name=None)
    return found.assign(latency=[times.get(network, math.nan) for network in networks])


def tables(params: Params, names: Iterable[str]) -> dict[str, "pd.DataFrame"]:
    """The tables of the named studies: a quick study is computed here, the others are as recorded.

    Studies that are not recorded yet are left out.
    """
    found = {}
    for name in names:
        study = params.study(name)
        if name in params.quick_arena:
            sweep.run_study(study)
            found[name] = table(study)
        elif len(rows := recorded(params, [name])):
            found[name] = rows
    return found


def studies_of(params: Params) -> list[str]:
    """Names of the studies at the paper's scale that include rivals."""
    return [n for n in params.paper if set(params.rivals) & set(params.studies[n].methods)]


def _row(
    study: Study, planned: PlannedRow, method: Method, result: dict[str, Any]
) -> dict[str, object]:
    training = planned.run.training
    strength = result.get("strength", training.strength) if training.regulariser else None
    _, features, classes = datasets.shape(study.dataset)
    widths = [features, *result["nodes_by_layer"], classes]
    return {
        **labels(study, planned),
        **{key: result[key] for key in COLUMNS if key in result},
        "method": rivals.entry_of(planned.method),
        "family": rivals.family(method),
        "score": method.ranks_by,
        "regulariser": method.regulariser,
        "retraining": rivals.retraining(method),
        "hyperparameters": "" if strength is None else f"strength={strength:g}",
        "macs_kept": sum(a * b for a, b in itertools.pairwise(widths)),
    }
