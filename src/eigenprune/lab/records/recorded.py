"""Results kept in Git: `results/paper/STUDY/`, small tidy files that count as done everywhere.

The quick studies are recorded too, in `results/reference/STUDY/`. They do not count as done: they
are what a reader's own run is compared with.

`curves.csv` is the tidy table; `runs.csv` says, row by row, which run gave it and what made it
(`together` is the number of networks in one stack, and `seconds` the share of each); large tables
are kept in `parts`; `eigenvalues.safetensors` holds the spectra; `manifest.json` sums up. Weights
are not recorded.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenprune.files import state, write_all
from eigenprune.lab import project, spectra
from eigenprune.lab.errors import UserError
from eigenprune.lab.plans import plan
from eigenprune.lab.records import manifest, one_network, parts
from eigenprune.lab.rows import COLUMNS, NUMBERS, labels
from eigenprune.lab.runs import Sequel, run_id
from eigenprune.lab.store import Entry, Store
from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials

if TYPE_CHECKING:
    import pandas as pd

RESULT = ("nodes_kept", "parameters_kept", "accuracy", "loss")
MADE_WITH = (*manifest.MADE_BY, "together", "seconds")
# The strength chosen for a network, see `tuning`; the column is there if any was chosen.
STRENGTH = "strength"
TRAINED_WITH = ("training", "training_seconds")
MADE_BY_RUN = ("run", *MADE_WITH, *TRAINED_WITH)


@dataclass(frozen=True)
class Recording:
    """What `record` found.

    `here` counts the rows from the run store of this project; the others stay as they were
    recorded. Runs that diverged here, and were never recorded, have no row and do not count as
    missing. `gone` counts the rows that were recorded and no longer belong to the study, as it is
    in `params.yaml` now. Of trials, all of these are runs, which may have several rows.
    `to_compare` is a command to run if methods do not share their networks, see `one_network`.
    """

    folder: Path
    rows: int
    missing: int
    here: int = 0
    diverged: int = 0
    gone: int = 0
    to_compare: str = ""


def folder_of(study: Study | Trials) -> Path:
    """`results/paper/STUDY` of the project."""
    return project.root() / "results" / "paper" / study.name


def reference_of(study: Study) -> Path:
    """`results/reference/STUDY` of the project."""
    return project.root() / "results" / "reference" / study.name


def recorded_results(study: Study) -> dict[str, dict[str, Any]]:
    """The recorded results by run id, as a `Pruning` leaves them; empty if nothing is recorded.

    Raises:
        UserError: if the recorded files do not belong together.
    """
    return {run: result_of(row) for run, row in rows_by_run(folder_of(study)).items()}


def result_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The result in a recorded row, as a `Pruning` leaves it."""
    strength = row.get(STRENGTH, math.nan)
    return {
        "status": "done",
        **{key: row[key] for key in RESULT},
        "nodes_by_layer": [int(nodes) for nodes in row["nodes_by_layer"].split("-")],
        **({} if math.isnan(strength) else {STRENGTH: strength}),
    }


def record(study: Study, store: Store, folder: Path | None = None) -> Recording:
    """Write the finished runs of a study to `results/paper/STUDY/`.

    What was recorded before, here or elsewhere, stays if it still belongs to the study.

    Args:
        study: as in `params.yaml`.
        store: where the finished runs are.
        folder: `reference_of(study)`, to write what others compare their run with.
    """
    import pandas as pd

    folder = folder or folder_of(study)
    known, rows, here, to_compare, gone = rows_by_run(folder), [], set(), "", 0
    planned, seconds, diverged = plan(study), seconds_in(store), 0
    for row in planned:
        run = run_id(row.run)
        entry = store.get(run)
        if entry is None or entry.record["result"]["status"] != "done":
            if run in known:
                rows.append(known[run] | labels(study, row))
            else:
                diverged += entry is not None
            continue
        result = entry.record["result"]
        here.add(run)
        rows.append(
            labels(study, row)
            | {key: result[key] for key in RESULT}
            | {"nodes_by_layer": "-".join(map(str, result["nodes_by_layer"]))}
            | {STRENGTH: result.get(STRENGTH, math.nan)}
            | made_by(row.run, entry, seconds)
        )
    if rows:
        table = pd.DataFrame(rows)
        chosen = [STRENGTH] if STRENGTH in table and table[STRENGTH].notna().any() else []
        columns = ["run", "nodes_by_layer", *chosen, *MADE_WITH, *TRAINED_WITH]
        networks = set(table["training"]) & spectra.kept(study)
        if known:
            gone = len(_names_of_rows(_read(folder)) - _names_of_rows(table))
        recorded = spectra.read(folder)
        # Spectra of the rows' networks: those of another machine where the rows are not from here.
        of_here = set(table.loc[table["run"].isin(here), "training"])
        newer = networks & (of_here | (networks - recorded.keys()))
        found = recorded | spectra.stored(study, store, newer)
        write_all(parts.contents(folder, table, {"curves": COLUMNS, "runs": columns}))
        spectra.write(folder, {run: its for run, its in found.items() if run in networks})
        manifest.write(folder, study, table, len(planned))
        to_compare = one_network.command_for_one(table, here)
    missing = len(planned) - len(rows) - diverged
    from_here = sum(row["run"] in here for row in rows)
    return Recording(folder, len(rows), missing, from_here, diverged, gone, to_compare)


def recorded_curves(folder: Path) -> "pd.DataFrame":
    """The tidy table of a recording.

    Raises:
        UserError: if there is none, or a file of it is no such table.
    """
    return parts.read(folder, "curves", COLUMNS, text=["hidden"], numbers=NUMBERS)


def rows_by_run(folder: Path) -> Mapping[str, dict[str, Any]]:
    """The rows of a recording by run id, with the columns of both tables; empty if there are none.

    They are read once for each state of the files: a chapter asks for them with every figure.

    Raises:
        UserError: if one of the files is missing or no such table, or they do not belong together.
    """
    files = [*parts.there(folder, "runs"), *parts.there(folder, "curves")]
    return _rows_by_run(folder, *map(state, files)) if files else {}


@lru_cache(maxsize=4)
def _rows_by_run(folder: Path, *states: tuple[int, ...]) -> Mapping[str, dict[str, Any]]:
    rows = _read(folder).to_dict("records")
    return {str(row["run"]): {str(key): value for key, value in row.items()} for row in rows}


def _read(folder: Path) -> "pd.DataFrame":
    """The rows of a recording with the columns of both tables."""
    import pandas as pd

    needed = ("run", "nodes_by_layer", *manifest.MADE_BY, "seconds", *TRAINED_WITH)
    curves = recorded_curves(folder)
    text = ("nodes_by_layer", "run", "training", "commit")
    runs = parts.read(folder, "runs", needed, text=text, numbers=["seconds"])
    if "together" not in runs:  # recorded when every network was trained alone
        runs["together"] = 1
    kept = runs["nodes_by_layer"].map(lambda text: sum(map(int, text.split("-"))))
    if list(curves["nodes_kept"]) != list(kept):
        files = " and ".join(
            f"{', '.join(path.name for path in parts.there(folder, name))} ({len(table)} rows)"
            for name, table in (("curves", curves), ("runs", runs))
        )
        raise UserError(
            f"{folder}: {files} do not describe the same networks; they are written together by "
            "`eigenprune record`: restore them from Git"
        )
    return pd.concat([curves, runs], axis=1)


def _names_of_rows(table: "pd.DataFrame") -> set[tuple[Any, ...]]:
    """What tells the rows apart: methods share runs, such as that of the unpruned network."""
    return set(table[["run", "method", "pruning_ratio"]].itertuples(index=False, name=None))


def seconds_in(store: Store) -> Callable[[str], float | None]:
    """A function that says how long a run of the store took, or None if the run is not there.

    It reads each run once: many rows begin with one network, and reading it checks all its weights.
    """

    @cache
    def seconds(run: str) -> float | None:
        entry = store.get(run)
        return None if entry is None else entry.record["made_with"]["seconds"]

    return seconds


def made_by(run: Sequel, entry: Entry, seconds: Callable[[str], float | None]) -> dict[str, Any]:
    """Which run gave a result, what made it, and the network that it began with: MADE_BY_RUN.

    Args:
        run: what was computed.
        entry: what the store has of it.
        seconds: of a run by its id, see `seconds_in`.
    """
    made, training = entry.record["made_with"], run_id(run.training)
    return {
        "run": run_id(run),
        **{key: made[key] for key in MADE_WITH if key != "together"},
        "together": made.get("together", 1),
        "training": training,
        "training_seconds": seconds(training),
    }
