"""How long the arena's networks take to answer, as recorded: `results/paper/latency.csv`.

Networks of one activation and shape share one time. Whenever a time is missing, all networks of
that dataset are timed in one go, and `latency.json` names the machine: only then does the ratio of
two times say something about the networks. A machine of another kind leaves the times alone and new
networks without one: new times could not be compared with what else was timed on the first machine,
see `trials.costs`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenprune.files import write_all
from eigenprune.lab import datasets, project
from eigenprune.lab.errors import UserError
from eigenprune.lab.tidy_csv import csv_bytes, read_tidy

if TYPE_CHECKING:
    import pandas as pd

NETWORK = ("dataset", "activation", "nodes_by_layer")
TIME = "latency"  # milliseconds, for BATCH examples
BATCH = 1024


def read() -> dict[tuple[str, ...], float]:
    """Milliseconds by NETWORK; empty if nothing is recorded.

    Raises:
        UserError: if the file is no such table.
    """
    if not path().is_file():
        return {}
    table = read_tidy(path(), [*NETWORK, TIME], text=NETWORK)
    *network, times = (table[name] for name in (*NETWORK, TIME))
    return dict(zip(zip(*network, strict=True), times, strict=True))


def machines() -> dict[str, dict[str, Any]]:
    """The machine that timed the networks of each dataset, as `latency.machine` describes it.

    A dataset whose machine is not known is missing.

    Raises:
        UserError: if the file is not what `record` writes.
    """
    file = _machines_path()
    if not file.is_file():
        return {}
    try:
        found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        return {dataset: dict(machine) for dataset, machine in found.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"{file} names no machines ({error}): restore it from Git") from error


def record(
    networks: "pd.DataFrame", on_timing: Callable[[str, int], None] = lambda dataset, count: None
) -> dict[str, int]:
    """Write the times of networks; if one has none, time all networks of its dataset.

    Nothing is timed where another kind of machine timed the others.

    Args:
        networks: all that are recorded, with the columns NETWORK.
        on_timing: called with a dataset and the number of its networks before these are timed,
            which takes a while.

    Returns:
        By dataset, how many networks have no time because another kind of machine timed the others.
    """
    import pandas as pd

    times, known, of_machines, rows, here = read(), machines(), {}, [], _machine()
    untimed: dict[str, int] = {}
    distinct = sorted(set(networks[list(NETWORK)].itertuples(index=False, name=None)))
    for dataset in dict.fromkeys(networks["dataset"]):
        own = [network for network in distinct if network[0] == dataset]
        timed = [network for network in own if network in times]
        timed_by = known.get(dataset)
        elsewhere = timed and timed_by and timed_by.get("processor") != here["processor"]
        if timed_by and (timed == own or elsewhere):
            of_machines[dataset] = timed_by
            if timed != own:
                untimed[dataset] = len(own) - len(timed)
        else:
            on_timing(dataset, len(own))
            timed = own
            times |= _measured(own)
            of_machines[dataset] = here
        rows += [(*network, times[network]) for network in timed]
    table = csv_bytes(pd.DataFrame(rows, columns=[*NETWORK, TIME]))
    said = json.dumps(of_machines, indent=1) + "\n"
    write_all({path(): table, _machines_path(): said.encode()})
    return untimed


def path() -> Path:
    """`results/paper/latency.csv` of the project."""
    return project.root() / "results" / "paper" / "latency.csv"


def _machines_path() -> Path:
    return path().with_suffix(".json")


def _measured(networks: list[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
    """The times of some networks of one dataset."""
    from eigenprune.lab.latency import latencies

    _, features, classes = datasets.shape(networks[0][0])
    shapes = {network: (network[1], tuple(map(int, network[2].split("-")))) for network in networks}
    taken = latencies(list(shapes.values()), features, classes, batch=BATCH)
    return {network: round(taken[shape], 4) for network, shape in shapes.items()}


def _machine() -> dict[str, Any]:
    from eigenprune.lab.latency import machine

    return machine()
