"""What compressed networks cost to compute with: operations, and time where it was measured.

The cost depends on the shapes of the layers, on how many weights are zero and, for the time, on
the activation, but not on the values of the weights. One untrained network stands for all that are
alike in these.

`eigenprune record` measures, and keeps the findings in `results/paper/NAME/costs.csv`. Times differ
from one measurement to the next, so nothing that is computed again may depend on them.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from eigenprune import seeds
from eigenprune.connections import select_connections
from eigenprune.lab import datasets
from eigenprune.lab.machine import processor
from eigenprune.lab.protocols import one_thread
from eigenprune.lab.records.latencies import BATCH
from eigenprune.lab.records.recorded import folder_of
from eigenprune.lab.runs import Point, run_id
from eigenprune.lab.tidy_csv import read_tidy, write_csv
from eigenprune.lab.timing import milliseconds
from eigenprune.lab.trials.compression import AT_ONCE
from eigenprune.lab.trials.entries import Trials, plan
from eigenprune.lab.trials.grids import UNTRAINED
from eigenprune.networks import ACTIVATIONS, FullyConnected, fully_connected, mlp

if TYPE_CHECKING:
    import pandas as pd

FILE = "costs.csv"
# Milliseconds; the faster kernel, `dense` or `sparse`; and the processor they were measured on.
MEASURED = ("latency", "kernel", "processor")

Compute = Callable[[Tensor], Tensor]


def with_costs(trials: Trials, table: "pd.DataFrame", *, recorded: bool) -> "pd.DataFrame":
    """The table of trials of compression with what each network costs.

    Args:
        trials: of kind `compression`.
        table: see `tables.table`.
        recorded: whether to add what was measured when the trials were recorded.

    Returns:
        The table and the column `macs`: multiply-accumulate operations for one example, without
        those with a weight of zero. If all its points were measured, also the columns MEASURED.
    """
    points = {run_id(run): (run.training.activation, run.options) for run in plan(trials)}
    which = [points[run] for run in table["run"]]
    found = read(trials) if recorded else {}
    if found.keys() >= set(which):
        return table.assign(
            **{name: [found[one][name] for one in which] for name in ("macs", *MEASURED)}
        )
    macs = {
        point: nonzero_weights(_network(trials, _alike(point)))
        for point in dict.fromkeys(point for _, point in which)
    }
    return table.assign(macs=[macs[point] for _, point in which])


def record(trials: Trials) -> None:
    """Measure, unless all points have been measured, and write `costs.csv`.

    Either all points are measured together or none: times of two sessions could not be compared.
    """
    import pandas as pd

    every = [(activation, point) for activation in trials.activations for point in trials.points]
    if read(trials).keys() >= set(every):
        return
    made = {one: _network(trials, one) for one in dict.fromkeys(map(_alike, trials.points))}
    timed = [(activation, one) for activation in trials.activations for one in made]
    taken = fastest_latencies([_activated(made[one], activation) for activation, one in timed])
    found = dict(zip(timed, taken, strict=True))
    rows = [
        {
            "dataset": trials.dataset,
            "hidden": trials.widths,
            "activation": activation,
            **dict.fromkeys(trials.options),
            **dict(point),
            "macs": nonzero_weights(made[_alike(point)]),
            "latency": round(found[activation, _alike(point)][0], 4),
            "kernel": found[activation, _alike(point)][1],
            "processor": processor(),
            "torch": torch.__version__,
        }
        for activation, point in every
    ]
    write_csv(pd.DataFrame(rows, dtype=object), folder_of(trials) / FILE)


def read(trials: Trials) -> dict[tuple[str, Point], dict[str, Any]]:
    """The measurements by activation and point; empty if none has this dataset and these widths.

    They are the rows of `costs.csv`, see `record`.

    Raises:
        UserError: if the file is no such table.
    """
    import pandas as pd

    path = folder_of(trials) / FILE
    if not path.is_file():
        return {}
    rows = read_tidy(path, ["dataset", "hidden", "activation", *MEASURED], text=["hidden"])
    its = rows[(rows["dataset"] == trials.dataset) & (rows["hidden"] == trials.widths)]
    points = {frozenset(point): point for point in trials.points}
    found = {}
    for row in its.to_dict("records"):
        options = frozenset((name, row[name]) for name in trials.options if pd.notna(row.get(name)))
        if row["activation"] in trials.activations and options in points:
            cells = {str(name): cell for name, cell in row.items()}
            found[row["activation"], points[options]] = cells
    return found


def nonzero_weights(network: nn.Sequential) -> int:
    """How many weights are not zero: as many multiply-accumulates as one example needs.

    `metrics.multiply_accumulates` counts those of a kernel that does not look for zeros.
    """
    return sum(int(layer.weight.count_nonzero()) for layer in fully_connected(network))


@torch.inference_mode()
def fastest_latencies(networks: Sequence[nn.Sequential]) -> list[tuple[float, str]]:
    """Median milliseconds for a batch of `latencies.BATCH` on one thread, and with which kernel.

    Each network is timed as it is stored, with float32 matrices. If a layer is mostly zeros, the
    network is also timed with torch's kernel for compressed sparse rows (CSR), and the faster of
    the two counts. The networks take turns, so that other load on the machine slows all of them
    down alike.

    Args:
        networks: with the same number of inputs each.

    Returns:
        For each network the time and `dense` or `sparse`.
    """
    features = fully_connected(networks[0])[0].in_features
    inputs = torch.rand(BATCH, features, generator=torch.Generator().manual_seed(0))
    ways: list[list[tuple[str, Compute]]] = [[("dense", network)] for network in networks]
    for network, its in zip(networks, ways, strict=True):
        if (sparse := in_sparse_rows(network)) is not None:
            its.append(("sparse", sparse))
    with one_thread():
        taken = iter(milliseconds([compute for its in ways for _, compute in its], inputs))
    return [min((next(taken), kernel) for kernel, _ in its) for its in ways]


def in_sparse_rows(network: nn.Sequential) -> Compute | None:
    """The network with its mostly empty layers in compressed sparse rows; None if it has none.

    Example:
        >>> model = mlp([64, 20, 10], layer="dense")
        >>> in_sparse_rows(model) is None
        True
    """
    layers = fully_connected(network)
    if not any(map(_mostly_empty, layers)):
        return None
    steps = [_from_left(module) for module in network]

    def compute(inputs: Tensor) -> Tensor:
        values = inputs.T  # (features, rows): the kernel needs the sparse matrix on the left
        for step in steps:
            values = step(values)
        return values.T

    return compute


def _from_left(module: nn.Module) -> Compute:
    if not isinstance(module, nn.Linear):
        return module
    weight = module.weight.detach()
    if _mostly_empty(module):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch calls the layout a beta
            weight = weight.to_sparse_csr()
    bias = 0 if module.bias is None else module.bias[:, None]
    return lambda values: weight @ values + bias


def _mostly_empty(layer: FullyConnected) -> bool:
    return 2 * int(layer.weight.count_nonzero()) < layer.weight.numel()


def _alike(point: Point) -> Point:
    """A point, the same for all points whose networks cost the same to compute with."""
    options = dict(point)
    if options["method"] in UNTRAINED:  # other values, but as many of them
        return (("method", "none"),)
    if options["method"] == "gradual-magnitude":
        return (("method", "magnitude"), ("sparsity", options["sparsity"]))
    return point


def _network(trials: Trials, point: Point) -> nn.Sequential:
    """An untrained network compressed as a point says.

    Which weights `magnitude` removes depends on training; here they are drawn at random.
    """
    options: dict[str, Any] = dict(point)
    method = options.pop("method")
    _, features, classes = datasets.shape(trials.dataset)
    network = mlp([features, *trials.hidden, classes], layer="dense")
    if method == "magnitude":
        return _emptied(network, options["sparsity"])
    with one_thread():
        return AT_ONCE[method](network, **options)[0]


@torch.no_grad()
def _emptied(network: nn.Sequential, sparsity: float) -> nn.Sequential:
    generator = seeds.generator(0, "costs")
    layers = fully_connected(network)
    drawn = [torch.rand(layer.weight.shape, generator=generator) for layer in layers]
    for layer, mask in zip(layers, select_connections(drawn, sparsity), strict=True):
        layer.weight.mul_(mask)
    return network


def _activated(network: nn.Sequential, activation: str) -> nn.Sequential:
    """The same layers with another activation between them."""
    between = ACTIVATIONS[activation]
    return nn.Sequential(*(m if isinstance(m, nn.Linear) else between() for m in network))
