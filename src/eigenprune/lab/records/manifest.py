"""The summary of a recording: the study, what computed it, and the state of the code that did."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenprune.files import write_whole
from eigenprune.lab import datasets
from eigenprune.lab.errors import UserError
from eigenprune.lab.methods import METHODS
from eigenprune.lab.records import code_state
from eigenprune.lab.runs import PROTOCOL_VERSION, trial_version
from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials

if TYPE_CHECKING:
    import pandas as pd

FILE = "manifest.json"
MADE_BY = ("commit", "torch", "python", "device", "processor", "threads")


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest of a recording, or None if there is none.

    Raises:
        UserError: if the file is no manifest.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found["study"]["name"], found["study"]["dataset"], seconds(found)
        for commit, state in found.get("code", {}).items():
            if state is not None:
                found["code"][commit] = code_state.as_called_now(state)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: no manifest of `eigenprune record`: {error!r}") from error
    return found


def seconds(found: Mapping[str, Any]) -> float:
    """The seconds that all recorded runs took: trainings and what came after them."""
    return float(found["training_seconds"] + sum(made["seconds"] for made in found["made_with"]))


def code_that_counts(found: Mapping[str, Any]) -> dict[str, bool]:
    """Arguments for `code_state` that say which files decide the numbers of a recording.

    Args:
        found: its manifest.

    Returns:
        `of_trials`, and `of_arena`: whether it has more than the published methods and their
        controls; trials may take anything that the arena has.
    """
    methods = found["study"].get("methods")
    of_trials = methods is None
    return {"of_trials": of_trials, "of_arena": of_trials or not {*methods} <= {*METHODS}}


def write(folder: Path, study: Study | Trials, table: "pd.DataFrame", planned: int) -> None:
    """Sum up a recording; the file changes only if what is recorded does.

    How the code looked at the commits does not count: as the project grows, more files of a commit
    are listed, and neither the result nor its date is another for it. A commit of which nothing was
    known, as in a shallow clone, is filled in once it is there; the date stays then, too.

    Args:
        folder: of the recording.
        study: that was recorded, or the trials.
        table: the rows of `runs.csv`.
        planned: number of rows that a complete recording would have.
    """
    before = read(folder) or {}
    groups = table.groupby(list(MADE_BY), sort=False)["seconds"].agg(["size", "sum"]).reset_index()
    networks = table.drop_duplicates("training")
    found = {
        "study": json.loads(json.dumps(asdict(study))),  # lists for tuples, as it will be read
        "data_sha256": datasets.checksum(study.dataset),
        "protocol": PROTOCOL_VERSION,
        **({"trial_version": trial_version(study.kind)} if isinstance(study, Trials) else {}),
        "rows": len(table),
        "rows_planned": planned,
        "networks": len(networks),
        "training_seconds": round(float(networks["training_seconds"].sum()), 3),
        "made_with": [
            {**{key: group[key] for key in MADE_BY}, "rows": group["size"], "seconds": group["sum"]}
            for group in groups.round({"sum": 3}).to_dict("records")
        ],
        "code": _code(table["commit"].unique(), before.get("code", {})),
    }
    found["recorded"] = datetime.now(UTC).date().isoformat()
    if all(before.get(key) == found[key] for key in found.keys() - {"code", "recorded"}):
        code = before.get("code", {})
        if not any(state and code.get(commit) is None for commit, state in found["code"].items()):
            return
        found["recorded"] = before.get("recorded", found["recorded"])
    write_whole(folder / FILE, (json.dumps(found, indent=1, allow_nan=False) + "\n").encode())


def _code(commits: Any, known: dict[str, Any]) -> dict[str, Any]:
    """The fingerprints of the code at each commit; those known before if the commit is gone."""
    states = {str(commit): code_state.at_commit(str(commit)) for commit in commits}
    return {
        commit: known.get(commit) if state is None else state for commit, state in states.items()
    }
