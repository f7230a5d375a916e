"""The modules that were found in trained networks: which node belongs to which module.

They are a few thousand small numbers, while the weights are a million. `eigenprune record` writes
them to `results/paper/NAME/modules.safetensors`, so that they can be examined in every clone.
"""

from pathlib import Path

import torch
from torch import Tensor

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError
from eigenprune.lab.modules import find_modules
from eigenprune.lab.protocols import initial_network
from eigenprune.lab.records.recorded import folder_of
from eigenprune.lab.runs import Training, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.tidy_csv import MEND
from eigenprune.lab.trials.entries import Trials, plan

FILE = "modules.safetensors"

# By network and number of modules, the numbers (nodes,) of each layer of nodes, from the inputs on.
Found = dict[tuple[Training, int], list[Tensor]]


def stored(trials: Trials, store: Store, known: Found | None = None) -> Found:
    """The modules of the networks of trials that are in the store, and those already known.

    Args:
        trials: of kind `modules`.
        store: where the trained networks are.
        known: modules that need not be found again.
    """
    from threadpoolctl import threadpool_limits

    found = {}
    for training, modules in _asked(trials):
        if known is not None and (training, modules) in known:
            found[training, modules] = known[training, modules]
            continue
        entry = store.get(run_id(training))
        if entry is None or entry.record["result"]["status"] != "done":
            continue
        network = initial_network(training)
        network.load_state_dict(entry.tensors())
        # One thread, as in the trials, so that the clusters are the same everywhere.
        with threadpool_limits(1):
            found[training, modules] = find_modules(network, modules, seed=training.seed)
    return found


def record(trials: Trials, store: Store) -> None:
    """Write the modules that are known; the same modules give the same bytes."""
    from safetensors.torch import save

    found = stored(trials, store, recorded(trials))
    tensors = {
        f"{_name(training, modules)}.{layer}": numbers.to(torch.uint8).contiguous()
        for (training, modules), layers in found.items()
        for layer, numbers in enumerate(layers)
    }
    if tensors:
        write_whole(_path(trials), save(dict(sorted(tensors.items()))))


def recorded(trials: Trials) -> Found:
    """The recorded modules; empty if there are none.

    Raises:
        UserError: if the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not _path(trials).is_file():
        return {}
    try:
        tensors = load_file(_path(trials))
    except SafetensorError as error:
        raise UserError(f"{_path(trials)} is damaged ({error}): {MEND}") from error
    found = {}
    for training, modules in _asked(trials):
        layers = [
            tensors.get(f"{_name(training, modules)}.{layer}")
            for layer in range(len(training.hidden) + 2)
        ]
        if all(layer is not None for layer in layers):
            found[training, modules] = [layer.long() for layer in layers if layer is not None]
    return found


def _asked(trials: Trials) -> list[tuple[Training, int]]:
    """The pairs of network and number of modules in the trials, each once."""
    pairs = ((run.training, int(dict(run.options)["modules"])) for run in plan(trials))
    return list(dict.fromkeys(pairs))


def _name(training: Training, modules: int) -> str:
    return f"{run_id(training)}.{modules}"


def _path(trials: Trials) -> Path:
    return folder_of(trials) / FILE
