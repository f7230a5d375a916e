"""Tables of what `eigenprune bench` measured, from its recorded JSON.

The figures are in `speed_figures`, because the commands print these tables where matplotlib may be
missing.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from eigenprune.lab import datasets
from eigenprune.lab.errors import UserError
from eigenprune.lab.tidy_csv import read_tidy

# Ways to use the cores, see `bench.EpochTime`, as tables and figures name them.
CORES = {"alone": "all cores for one network", "side_by_side": "a network on each core"}


def read_measured(path: Path) -> dict[str, Any]:
    """Read what `eigenprune bench --json` printed.

    Raises:
        UserError: if the file is something else.
    """
    try:
        measured: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        measured["machine"], measured["training"], measured["inference"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not the output of `eigenprune bench --json`") from error
    return measured


def read_all(folder: Path, pattern: str = "*.json") -> dict[str, dict[str, Any]]:
    """Read all measurements in a folder; keys are the file names without suffix.

    Raises:
        UserError: if no file matches, or one is something else.
    """
    files = sorted(folder.glob(pattern))
    if not files:
        raise UserError(f"{folder} has no {pattern}: `eigenprune bench --json > FILE` makes one")
    return {file.stem: read_measured(file) for file in files}


def where(measured: dict[str, Any]) -> str:
    """Device, threads, version, commit, network and number of processes in one line."""
    machine = measured["machine"]
    _, features, classes = datasets.shape(measured["dataset"])
    network = "-".join(map(str, [features, *measured["hidden"], classes]))
    return (
        f"{machine['device']} ({machine['processor']}), {machine['threads']} threads, torch "
        f"{machine['torch']}, commit {machine['commit']}; {measured['dataset']}, {network}, relu, "
        f"medians over {measured['rounds']} processes"
    )


def training_table(measured: dict[str, Any]) -> pd.DataFrame:
    """Seconds per epoch and network and, in brackets, the multiple of the plain network's.

    The multiple is followed by its range over single processes, where the file has it.
    """
    rows: list[dict[str, Any]] = measured["training"]
    return pd.DataFrame(
        {
            words: [
                f"{row[key]:.3f} ({row[f'{key}_times_plain']:.2f} x{_range(row, key)})"
                for row in rows
            ]
            for key, words in CORES.items()
        },
        index=pd.Index([row["network"] for row in rows], name="network"),
    )


def _range(row: dict[str, Any], key: str) -> str:
    low, high = row.get(f"{key}_range", (1, 1))  # files of earlier versions have none
    return "" if low == high else f", {low:.2f} to {high:.2f}"


def _unresolved(row: dict[str, Any], key: str, target: float) -> str:
    low, high = row.get(f"{key}_range", (target, target))
    return ", not resolved" if low < target < high else ""


# The targets: the longest epoch of a network, as a multiple of the plain network's; the speed-up of
# training the eigenvalues alone over training everything; and the speed-up of a compacted network
# over the unpruned one.
MOST_TIMES_PLAIN = {"spectral, lambda_out": 1.05, "spectral, lambda_in and lambda_out": 1.25}
EIGENVALUES_ONLY_FASTER = 5.0
COMPACTED_FASTER = 7.0  # at ratio 0.9, batch 1024


def aims(measured: dict[str, Any]) -> pd.DataFrame:
    """The targets, and whether they were reached.

    Returns:
        Index `aim`, in words; columns as in `training_table`. Latency is measured with all cores.
    """
    training: dict[str, dict[str, Any]] = {row["network"]: row for row in measured["training"]}
    every = training["spectral, lambda_out"]
    rows: dict[str, dict[str, str]] = {}
    for network, most in MOST_TIMES_PLAIN.items():
        row = training[network]
        ratios = {key: row[f"{key}_times_plain"] for key in CORES}
        rows[f"{network}: at most {most:g} x plain"] = {
            CORES[key]: _held(ratio, ratio <= most, _range(row, key)) + _unresolved(row, key, most)
            for key, ratio in ratios.items()
        }
    few = training["eigenvalues only"]
    gains = {words: every[key] / few[key] for key, words in CORES.items()}
    rows[f"eigenvalues only: {EIGENVALUES_ONLY_FASTER:g} x faster than spectral, lambda_out"] = {
        words: _held(gain, gain >= EIGENVALUES_ONLY_FASTER) for words, gain in gains.items()
    }
    [faster] = (
        row["speed_up"]
        for row in measured["inference"]
        if (row["network"], row["pruning_ratio"], row["batch_size"]) == ("compacted", 0.9, 1024)
    )
    rows[f"compacted at 0.9, batch 1024: {COMPACTED_FASTER:g} x faster than unpruned"] = {
        CORES["alone"]: _held(faster, faster >= COMPACTED_FASTER),
        CORES["side_by_side"]: "",
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("aim")


def _held(measured: float, holds: bool, between: str = "") -> str:
    return f"{measured:.3f} x{between}: {'reached' if holds else 'missed'}"


def sweep(path: Path) -> tuple[pd.DataFrame, str]:
    """Wall-clock time of the parts of a sweep, and a sentence on the whole sweep.

    Args:
        path: a file `sweep-*.csv` of `results/bench`, one row for each command.

    Raises:
        UserError: if the file is no such table.
    """
    made, numbers = ["device", "torch", "commit"], ["runs", "seconds"]
    table = read_tidy(path, [*made, "studies", *numbers], text=["commit"], numbers=numbers)
    on = "; ".join(
        f"{device}, torch {torch}, commit {commit}"
        for device, torch, commit in table[made].drop_duplicates().itertuples(index=False)
    )
    told = f"{on}: {table['runs'].sum()} runs in {table['seconds'].sum():.0f} seconds."
    return table.drop(columns=made).set_index("studies"), told


def inference_table(measured: dict[str, Any]) -> pd.DataFrame:
    """Milliseconds for one batch and, in brackets, the speed-up over the unpruned network."""
    table = pd.DataFrame(measured["inference"])
    cells = [
        f"{1000 * seconds:.3f} ({speed_up:.1f} x)"
        for seconds, speed_up in zip(table["seconds"], table["speed_up"], strict=True)
    ]
    table = table.assign(cell=cells, batch="batch " + table["batch_size"].astype(str))
    return table.pivot_table(
        index=["network", "pruning_ratio"],
        columns="batch",
        values="cell",
        aggfunc="first",
        sort=False,
    )
