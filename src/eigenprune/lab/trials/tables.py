"""The tables of trials: from the run store, or recorded in `results/paper/NAME/`.

`table.csv` is the tidy table, with the id of the run behind each row; `runs.csv` says for each run
what made it; `manifest.json` is the summary. Recorded runs count as done everywhere. The costs of
compressed networks are in the same folder, see `costs`, and the modules found, see `found_modules`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenprune.files import write_all
from eigenprune.lab import project
from eigenprune.lab.errors import UserError
from eigenprune.lab.records import manifest
from eigenprune.lab.records.recorded import (
    MADE_BY_RUN,
    Recording,
    folder_of,
    made_by,
    seconds_in,
)
from eigenprune.lab.runs import Trial, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.tidy_csv import csv_bytes, read_tidy
from eigenprune.lab.trials.entries import Trials, plan
from eigenprune.lab.trials.grids import options_of

if TYPE_CHECKING:
    import pandas as pd

# The first columns are LABELS; then come the options of the trials, then those of RESULTS that
# their kind returns, then its other results.
LABELS = ("study", "dataset", "hidden", "activation", "seed")
RESULTS = ("network", "retraining_epochs", "accuracy", "loss")


def table(trials: Trials, *, recorded_only: bool = False) -> "pd.DataFrame":
    """The rows of trials, as far as they are available.

    Args:
        trials: any.
        recorded_only: ignore the run store.

    Returns:
        The columns LABELS, the options (blank where a point has no such option), what the function
        in `kinds` returns, and `run`, the id of the run behind the row.
    """
    store, known = Store(project.store_dir()), recorded(trials)
    found = {}
    for run in plan(trials):
        name = run_id(run)
        entry = None if recorded_only else store.get(name)
        result = entry.record["result"] if entry is not None else known.get(name)
        if result is not None and result["status"] == "done":
            found[run] = result["rows"]
    return _tidy(trials, found)


def recorded(trials: Trials) -> dict[str, dict[str, Any]]:
    """The recorded results by run id, as a `Trial` leaves them; empty if nothing is recorded.

    Raises:
        UserError: if the recorded files do not belong together.
    """
    rows = _rows_by_run(folder_of(trials), trials.kind)
    return {run: {"status": "done", "rows": those} for run, those in rows.items()}


def record(trials: Trials, store: Store) -> Recording:
    """Write the finished runs of trials to `results/paper/NAME/`.

    Runs that were recorded before, here or elsewhere, are kept if they still belong to the trials.

    Args:
        trials: as in `params.yaml`.
        store: where the finished runs are.
    """
    import pandas as pd

    from eigenprune.lab.trials import costs, found_modules

    folder, planned, seconds = folder_of(trials), plan(trials), seconds_in(store)
    known, known_origins = _rows_by_run(folder, trials.kind), origins(folder)
    rows, made, here, diverged = {}, [], 0, 0
    for run in planned:
        name = run_id(run)
        entry = store.get(name)
        if entry is not None and entry.record["result"]["status"] == "done":
            rows[run] = entry.record["result"]["rows"]
            made.append(made_by(run, entry, seconds))
            here += 1
        elif name in known:
            rows[run] = known[name]
            made.append(known_origins[name])
        else:
            diverged += entry is not None
    if rows:
        runs = pd.DataFrame(made, columns=list(MADE_BY_RUN))
        files = {"table.csv": _tidy(trials, rows), "runs.csv": runs}
        write_all({folder / name: csv_bytes(part) for name, part in files.items()})
        manifest.write(folder, trials, runs, len(planned))
        if trials.kind == "compression":
            costs.record(trials)
        elif trials.kind == "modules":
            found_modules.record(trials, store)
    missing = len(planned) - len(rows) - diverged
    gone = len(known.keys() - {run_id(run) for run in rows}) if rows else 0
    return Recording(folder, len(rows), missing, here, diverged, gone)


def _tidy(trials: Trials, found: Mapping[Trial, list[dict[str, Any]]]) -> "pd.DataFrame":
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for run, results in found.items():
        training = run.training
        values = (trials.name, training.dataset, trials.widths, training.activation, training.seed)
        options = dict.fromkeys(trials.options) | dict(run.options)
        labels = dict(zip(LABELS, values, strict=True))
        rows += [{**labels, **options, **result, "run": run_id(run)} for result in results]
    known = [*LABELS, *trials.options, *RESULTS]
    left = sorted({key for row in rows for key in row} - {*known, "run"})
    first = [key for key in known if key not in RESULTS or any(key in row for row in rows)]
    tidy = pd.DataFrame(rows, columns=[*first, *left, "run"])
    for name in trials.options:
        if all(isinstance(row[name], int | None) for row in rows):
            tidy[name] = tidy[name].astype("Int64")  # whole, though some are blank
    return tidy


def _rows_by_run(folder: Path, kind: str) -> dict[str, list[dict[str, Any]]]:
    if not (folder / "table.csv").is_file():
        return {}
    written = read_tidy(folder / "table.csv", [*LABELS, "run"], text=["run"])
    found: dict[str, list[dict[str, Any]]] = {}
    results = written.drop(columns=[*LABELS, *options_of(kind)], errors="ignore").astype(object)
    for row in results.where(results.notna(), None).to_dict("records"):
        run = row.pop("run")
        found.setdefault(run, []).append({str(key): value for key, value in row.items()})
    if set(found) != set(origins(folder)):
        raise UserError(
            f"{folder}: table.csv and runs.csv are not of the same runs; they are written together "
            "by `eigenprune record`: restore both from Git"
        )
    return found


def origins(folder: Path) -> dict[str, dict[str, Any]]:
    """What made the recorded runs: the rows of `runs.csv` by run id; empty if there are none.

    Raises:
        UserError: if the file is not such a table.
    """
    if not (folder / "runs.csv").is_file():
        return {}
    needed = [name for name in MADE_BY_RUN if name != "together"]  # old files lack this column
    table = read_tidy(folder / "runs.csv", needed, text=["run", "training", "commit"])
    rows = table.to_dict("records")
    return {str(row["run"]): {str(key): value for key, value in row.items()} for row in rows}
