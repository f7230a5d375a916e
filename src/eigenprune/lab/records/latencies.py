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
MACHINE = ("device", "processor", "threads", "torch")  # what is recorded of who timed


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
    """The machine that timed the networks of each dataset, with MACHINE of each.

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
    """Median milliseconds of untrained networks of one dataset on one thread of the CPU.

    Neither the weights nor the method that gave a network its shape matter for the time.
    Milliseconds hold for one machine at one moment, so all are timed in one session.
    """
    import torch

    from eigenprune.lab.protocols import one_thread
    from eigenprune.lab.timing import milliseconds
    from eigenprune.networks import mlp

    _, features, classes = datasets.shape(networks[0][0])
    inputs = torch.rand(BATCH, features, generator=torch.Generator().manual_seed(0))
    times = {}
    with one_thread(), torch.inference_mode():
        for network in networks:
            _, activation, hidden = network
            widths = [features, *map(int, hidden.split("-")), classes]
            [taken] = milliseconds([mlp(widths, activation=activation, layer="dense")], inputs)
            times[network] = round(taken, 4)
    return times


def _machine() -> dict[str, Any]:
    """MACHINE of this process, as networks are timed in it."""
    from eigenprune.lab.machine import made_with
    from eigenprune.lab.protocols import one_thread

    with one_thread():
        made = made_with()
    return {key: made[key] for key in MACHINE}
