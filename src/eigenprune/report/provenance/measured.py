"""Times in `results/bench`: what has changed since they were measured, and how to measure again."""

import csv
import json
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from eigenprune.lab.records import code_state, manifest
from eigenprune.report.provenance.staleness import Changes, code_changes

FOLDER = "results/bench"
# The code that a sweep on a GPU spends its time in.
OF_SWEEP = (*code_state.ALONE, *code_state.AS_STACK)


def is_measured(file: str) -> bool:
    """Whether a file of the repository, by its path there, holds measured times.

    >>> is_measured("results/bench/sweep-h200.csv"), is_measured("results/reference/a/curves.csv")
    (True, False)
    """
    return any(PurePath(file).match(f"{FOLDER}/{kind}") for kind in ("*.json", "sweep-*.csv"))


def measured_changes(root: Path) -> dict[str, Changes]:
    """What has changed since the files of `results/bench` of a repository were measured."""
    files = sorted(path for path in (root / FOLDER).glob("*") if path.is_file())
    named = {file.relative_to(root).as_posix(): file for file in files}
    return {
        name: since_measured(root, name, file.read_bytes())
        for name, file in named.items()
        if is_measured(name)
    }


def since_measured(root: Path, file: str, content: bytes) -> Changes:
    """What has changed since times were measured.

    No version tells whether they would be others now, so they are never outdated.

    Args:
        root: of the repository.
        file: its path there.
        content: what is in it.
    """
    timed = code_state.TIMED if file.endswith(".json") else OF_SWEEP
    now = code_state.current(timed)
    since = (
        (commit, None if state is None else code_state.differing(state, now, timed))
        for commit, state in _code(root, file, content).items()
    )
    return Changes(code=tuple(code_changes(since, "measured")[0]))


def made_by(file: str, content: bytes) -> str:
    """Which commit was measured, and on which machine, in Markdown."""
    commits = ", ".join(f"`{commit}`" for commit in _commits(file, content))
    devices = dict.fromkeys(
        f"{machine['device']} ({machine['processor']})"
        if "processor" in machine
        else machine["device"]
        for machine in _machines(file, content)
    )
    return f"commit {commits} on {', '.join(devices)}"


def how_to_measure(file: str, content: bytes) -> str:
    """The commands that measure the same again, in Markdown."""
    if not file.endswith(".json"):
        runs = " && ".join(f"time {_sweep(row)}" for row in _machines(file, content))
        return (
            f"`{runs}`, with an empty run store (`EIGENPRUNE_STORE`); "
            f"the seconds are entered in `{file}` by hand"
        )
    found = json.loads(content)
    what = f"--dataset {found['dataset']} --hidden {'-'.join(map(str, found['hidden']))}"
    return f"`eigenprune bench {what} --rounds {found['rounds']} --json > {shlex.quote(file)}`"


def _code(root: Path, file: str, content: bytes) -> dict[str, code_state.Fingerprints | None]:
    """The fingerprints of the code of each commit that was measured; None where it is not known.

    A bench keeps them; those of a sweep are in the manifests of the studies that it computed.
    """
    if file.endswith(".json"):
        found = json.loads(content)
        return {found["machine"]["commit"]: found.get("code")}
    states: dict[str, code_state.Fingerprints | None] = {}
    for row in _machines(file, content):
        for study in row["studies"].split(", "):
            its = (manifest.read(root / "results" / "paper" / study) or {}).get("code") or {}
            states[row["commit"]] = states.get(row["commit"]) or its.get(row["commit"])
    return states


def _commits(file: str, content: bytes) -> list[str]:
    return list(dict.fromkeys(machine["commit"] for machine in _machines(file, content)))


def _machines(file: str, content: bytes) -> list[Mapping[str, Any]]:
    """What a file says about the machine: once for a bench, for each command of a sweep."""
    if file.endswith(".json"):
        return [json.loads(content)["machine"]]
    return list(csv.DictReader(content.decode("utf-8").splitlines()))


def _sweep(row: Mapping[str, str]) -> str:
    """The command of one row of a sweep on a GPU."""
    options = {"--activation": "activations", "--methods": "methods", "--seeds": "seeds"}
    narrowed = " ".join(f"{option} {_list(row[key])}" for option, key in options.items())
    studies = row["studies"].replace(",", "")
    return f"eigenprune run {studies} {narrowed} --device cuda --anew"


def _list(cell: str) -> str:
    return cell.replace(" ", "")
