"""Spot checks: recorded runs, drawn at random, that the current code computes again.

Fingerprints tell whether the code has changed, see `code_state`; they cannot tell whether the
numbers have. Computing a few runs again can. These go to a store of their own, one for each state
of the code, so that no old result is taken for a new one. `results/paper/STUDY/spot_checks.csv`
keeps the findings for the state of the code that was checked last.
"""

import csv
import math
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenprune.lab import project
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import executors
from eigenprune.lab.execution.sweep import (
    OnStart,
    executor_for,
    outlook_of,
    recorded_rows,
    recorded_runs,
)
from eigenprune.lab.execution.tasks import Places
from eigenprune.lab.fingerprint import short_hash
from eigenprune.lab.plans import runs_of
from eigenprune.lab.records import code_state, manifest, parts
from eigenprune.lab.records.recorded import folder_of, rows_by_run
from eigenprune.lab.runs import Sequel, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study
from eigenprune.lab.tidy_csv import MEND, read_tidy, write_csv
from eigenprune.lab.trials.entries import Trials

if TYPE_CHECKING:
    import pandas as pd

FILE = "spot_checks.csv"
COLUMNS = (
    *("run", "same", "difference", "alike", "spread", "seeds", "recorded", "code"),
    *manifest.MADE_BY,
)
# What must be equal for the same code to give the same bits.
BITS = ("torch", "device", "processor", "threads")
_POINT = ["activation", "method", "pruning_ratio"]


def drawn(study: Study | Trials, count: int, seed: int) -> list[Sequel]:
    """Recorded runs of a study, or of trials, drawn at random, and those that come with them.

    Runs that were recorded on a machine of this kind are drawn, if there are any, because only
    their bits have to agree.

    Other runs that use the same trained network without retraining it cost next to nothing, so they
    are checked too: a drawn `post` at one pruning ratio brings the whole curve.

    Args:
        study: as in `params.yaml`.
        count: how many are drawn; all if there are fewer.
        seed: of the draw.
    """
    alike = _alike(study)
    there = {name: run for run in runs_of(study) if (name := run_id(run)) in alike}
    eligible = [name for name in there if alike[name]] or list(there)
    generator = random.Random(f"{seed} {study.name}")
    chosen = set(generator.sample(sorted(eligible), min(count, len(eligible))))
    networks = {there[name].training for name in chosen}
    return [
        run
        for name, run in there.items()
        if name in chosen or (run.training in networks and not run.retraining_epochs)
    ]


def check(
    study: Study | Trials,
    runs: list[Sequel],
    *,
    workers: int | None = None,
    max_seconds: float | None = None,
    on_start: OnStart | None = None,
) -> "pd.DataFrame":
    """Compute recorded runs again, on the CPU, and compare; finished checks are not repeated.

    Args:
        study: the one that the runs belong to.
        runs: as `drawn` returns them.
        workers: see `executors.execute`.
        max_seconds: see `executors.execute`; the table then has fewer rows.
        on_start: see `sweep.run_study`.

    Returns:
        One row per run, with the columns COLUMNS. `same`: whether the whole result is the same to
        the last bit. `difference`: the largest absolute difference of accuracies, NaN where there
        are none to compare. `alike`: whether both machines are of one kind. `spread`: the sample
        standard deviation of the recorded accuracies over the `seeds` of its activation, method and
        ratio, NaN for trials and for a single seed. `recorded` and `code`: hashes of the recorded
        result and of the code that computed it again; a check says nothing about another recording
        or other code.
    """
    import pandas as pd

    code = _code_now(folder_of(study))
    places = Places(project.store_dir() / "spot-checks" / code, project.data_dir())
    store = Store(places.store)
    todo = outlook_of(runs, store)
    on_units = on_start(todo) if on_start is not None else None
    if todo.jobs:
        executors.execute(
            todo.jobs,
            places,
            executor=executor_for(todo),
            workers=workers,
            max_seconds=max_seconds,
            on_units=on_units,
        )
    recorded, origins, spreads = recorded_runs(study), recorded_rows(study), _spreads(study)
    written = _written(folder_of(study))
    rows = []
    for run in runs:
        name = run_id(run)
        if (entry := store.get(name)) is not None:
            made = {key: entry.record["made_with"][key] for key in manifest.MADE_BY}
            found = compared(entry.record["result"], recorded[name])
            found["alike"] = _same_kind(made, origins[name])
            found["spread"], found["seeds"] = spreads.get(name, (math.nan, 1))
            rows.append({"run": name, **found, "recorded": written[name], "code": code, **made})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def compared(result: Mapping[str, Any], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the result of a run is the recorded one, and how far apart the accuracies are.

    >>> compared({"accuracy": 0.75, "loss": 0.5}, {"accuracy": 0.5, "loss": 0.5})
    {'same': False, 'difference': 0.25}
    """
    same = all(result.get(key) == value for key, value in recorded.items())
    ours, theirs = _accuracies(result), _accuracies(recorded)
    if not ours or len(ours) != len(theirs):
        return {"same": same, "difference": math.nan}
    return {"same": same, "difference": max(abs(a - b) for a, b in zip(ours, theirs, strict=True))}


def record(study: Study | Trials, found: "pd.DataFrame") -> None:
    """Keep the findings beside the recording, together with earlier ones for the same code."""
    import pandas as pd

    before = of_code_now(folder_of(study))
    before = before[~before["run"].isin(found["run"])]
    together = pd.concat([before, found]) if len(before) else found
    write_csv(together.sort_values("run"), folder_of(study) / FILE)


def of_code_now(folder: Path) -> "pd.DataFrame":
    """The kept spot checks of the current recording with the current code, columns COLUMNS."""
    import pandas as pd

    if not (folder / FILE).is_file():
        return pd.DataFrame(columns=list(COLUMNS))
    text = ("run", "recorded", "code", "commit", "python")
    found = read_tidy(folder / FILE, COLUMNS, text=text)
    same_recording = found["recorded"] == found["run"].map(_written(folder))
    return found[same_recording & (found["code"] == _code_now(folder))]


def _code_now(folder: Path) -> str:
    found = manifest.read(folder)
    if found is None:
        raise UserError(f"{folder / manifest.FILE} is not there; {MEND}")
    return code_state.state_now(**manifest.code_that_counts(found))


def networks(folder: Path) -> dict[str, str]:
    """The trained network that each run of a recording began with, both by their ids."""
    return {row["run"]: row["training"] for row in _rows_of(folder, "runs")}


def _written(folder: Path) -> dict[str, str]:
    """A hash of the recorded result of each run."""
    texts: dict[str, list[str]] = {}
    for row in _rows_of(folder, "table"):
        texts.setdefault(row["run"], []).append(",".join(row.values()))
    if not texts:
        for row, made in zip(_rows_of(folder, "curves"), _rows_of(folder, "runs"), strict=True):
            texts[made["run"]] = [*row.values(), made["nodes_by_layer"]]
    return {run: short_hash(lines) for run, lines in texts.items()}


def _rows_of(folder: Path, name: str) -> Iterator[dict[str, str]]:
    for file in parts.there(folder, name):
        with file.open(encoding="utf-8", newline="") as opened:
            yield from csv.DictReader(opened)


def _accuracies(result: Mapping[str, Any]) -> list[float]:
    """One accuracy for a pruned network, one for each of its networks for a trial."""
    return [row["accuracy"] for row in result.get("rows", [result]) if "accuracy" in row]


def _alike(study: Study | Trials) -> dict[str, bool]:
    """For each recorded run, whether a machine of this kind made it."""
    from eigenprune.lab.machine import made_with

    here = made_with() | {"threads": 1}  # as each worker process has
    return {name: _same_kind(here, made) for name, made in recorded_rows(study).items()}


def _same_kind(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(str(one[key]) == str(other[key]) for key in BITS)


def _spreads(study: Study | Trials) -> dict[str, tuple[float, int]]:
    """For each recorded run, the standard deviation over the seeds of its point, and their number.

    A point is an activation, a method and a pruning ratio.
    """
    import pandas as pd

    if isinstance(study, Trials):
        return {}
    rows = pd.DataFrame(rows_by_run(folder_of(study)).values())
    points = rows.groupby(_POINT)["accuracy"]
    pairs = zip(points.transform("std"), points.transform("size"), strict=True)
    return dict(zip(rows["run"], pairs, strict=True))
