"""The table of the arena: the curves of its studies, and what a reader compares methods by."""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenprune.files import write_all
from eigenprune.lab import datasets, project, results, rivals
from eigenprune.lab.execution import sweep
from eigenprune.lab.plans import PlannedRow, plan
from eigenprune.lab.records.recorded import csv_bytes, folder_of, rows_by_run
from eigenprune.lab.rows import COLUMNS, labels
from eigenprune.lab.runs import run_id
from eigenprune.lab.studies import Params, Study

if TYPE_CHECKING:
    import pandas as pd

MORE = ("family", "score", "regulariser", "retraining", "hyperparameters", "macs_kept")
# Of what is recorded alone: seconds are other ones each time.
MEASURED = ("latency", "seconds", "run", "training", "training_seconds")


def table(study: Study, *, recorded_only: bool = False) -> "pd.DataFrame":
    """One row per network, as far as it is there.

    Args:
        study: of the arena, or any other.
        recorded_only: leave the run store aside.

    Returns:
        The columns COLUMNS, of which `method` is the same for a rival with and without retraining,
        and MORE. `retraining` is `none`, `fine-tuned` (after pruning), or `trained` (pruned or made
        small before any training); `hyperparameters` are those that were chosen or given, as text.
    """
    import pandas as pd

    finished = results.finished(study, recorded_only=recorded_only)
    rows = [_row(study, planned, result) for planned, result in finished]
    return pd.DataFrame(rows, columns=[*COLUMNS, *MORE])


def _recorded(params: Params) -> "pd.DataFrame":
    """The arena's recorded studies in one table, nothing timed yet, with the column `shape`."""
    import pandas as pd

    rows = []
    for study in (params.study(name) for name in studies_of(params)):
        recorded = rows_by_run(folder_of(study))
        for planned, result in results.finished(study, recorded_only=True):
            run = run_id(planned.run)
            its = recorded[run]
            rows.append(
                {
                    **_row(study, planned, result),
                    "run": run,
                    "seconds": round(its["seconds"] + its["training_seconds"], 3),
                    "training": its["training"],
                    "training_seconds": its["training_seconds"],
                    "shape": tuple(result["nodes_by_layer"]),
                }
            )
    return pd.DataFrame(rows, columns=[*COLUMNS, *MORE, *MEASURED, "shape"])


def tables(params: Params, names: Iterable[str]) -> dict[str, "pd.DataFrame"]:
    """The tables of the named studies: a quick one is computed here, others are as recorded.

    What is not recorded yet is left out.
    """
    import pandas as pd

    recorded = pd.read_csv(path(), dtype={"hidden": str}) if path().is_file() else None
    found = {}
    for name in names:
        study = params.study(name)
        if name in params.quick_arena:
            sweep.run_study(study)
            found[name] = table(study)
        elif recorded is not None:
            # What `params.yaml` no longer asks for is left out: its methods may be others now.
            planned = {run_id(row.run) for row in plan(study)}
            rows = recorded[(recorded["study"] == name) & recorded["run"].isin(planned)]
            if len(rows):
                found[name] = rows.reset_index(drop=True)
    return found


def studies_of(params: Params) -> list[str]:
    """Names of the studies at the paper's scale in which rivals meet."""
    return [n for n in params.paper if set(params.rivals) & set(params.studies[n].methods)]


def path() -> Path:
    """`results/paper/rivals.csv` of the project."""
    return project.root() / "results" / "paper" / "rivals.csv"


def write(params: Params) -> int:
    """Write the recorded studies to `path`, if there are any, and return the number of rows.

    Besides the columns of `table` there are these, MEASURED: `latency` is in milliseconds, see
    `latency.latencies`. The networks of a dataset are timed in one go, on the machine that
    `latency_machines` then names, whenever the latency of one is missing: only then does the ratio
    of two say something of the networks. `seconds` is what the row took of a core (by the
    clock in older records) from the first step of training on, the search for a strength included;
    of these, `training_seconds` went into the network that it was pruned from, which it shares with
    other rows (`training`).
    """
    found = _recorded(params)
    if len(found):
        found, machines = _timed(found)
        said = json.dumps(machines, indent=1) + "\n"
        table = csv_bytes(found.drop(columns="shape"))
        write_all({path(): table, _machines_path(): said.encode()})
    return len(found)


def latency_machines() -> dict[str, dict[str, Any]]:
    """The machine that timed the networks of each dataset, as `latency.machine` describes it.

    A dataset whose machine is not known is missing.
    """
    file = _machines_path()
    found: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.is_file() else {}
    return found


def _machines_path() -> Path:
    return path().with_name("latency.json")


def _row(study: Study, planned: PlannedRow, result: dict[str, Any]) -> dict[str, object]:
    method = rivals.find(planned.method)
    training = planned.run.training
    strength = result.get("strength", training.strength) if training.regulariser else None
    small = method.before or method.from_scratch
    _, features, classes = datasets.shape(study.dataset)
    widths = [features, *result["nodes_by_layer"], classes]
    return {
        **labels(study, planned),
        **{key: result[key] for key in COLUMNS if key in result},
        "method": planned.method.removesuffix(rivals.RETRAINED if method.retrained else ""),
        "family": rivals.family(method),
        "score": method.score,
        "regulariser": method.regulariser,
        "retraining": "trained" if small else "fine-tuned" if method.retrained else "none",
        "hyperparameters": "" if strength is None else f"strength={strength:g}",
        "macs_kept": sum(a * b for a, b in itertools.pairwise(widths)),
    }


def _timed(found: "pd.DataFrame") -> tuple["pd.DataFrame", dict[str, dict[str, Any]]]:
    """With the latencies of each dataset, all from before or all new, and their machines."""
    import pandas as pd

    if path().is_file():
        before = pd.read_csv(path(), usecols=["run", "latency"]).drop_duplicates("run")
        found["latency"] = found["run"].map(before.set_index("run")["latency"])
    known, machines = latency_machines(), {}
    for name, rows in found.groupby("dataset", sort=False):
        dataset = str(name)
        if dataset in known and rows["latency"].notna().all():
            machines[dataset] = known[dataset]
            continue
        from eigenprune.lab import latency

        _, features, classes = datasets.shape(dataset)
        networks = list(zip(rows["activation"], rows["shape"], strict=True))
        taken = latency.latencies(sorted(set(networks)), features, classes)
        found.loc[rows.index, "latency"] = [round(taken[network], 4) for network in networks]
        machines[dataset] = latency.machine()
    return found, machines
