"""The eigenvalues of hidden nodes, before and after training, recorded although weights are not.

They are a few thousand numbers, while the weights are a million. `eigenprune record` writes them to
Git, so that spectra and rankings can be examined in every clone.

Eigenvalues by epoch are only in the run store, see `spectral_history`.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from eigenprune.files import write_whole
from eigenprune.lab import rivals
from eigenprune.lab.errors import UserError
from eigenprune.lab.plans import networks
from eigenprune.lab.runs import Training, run_id
from eigenprune.lab.store import Entry, Store
from eigenprune.lab.studies import Study

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

FILE = "eigenvalues.safetensors"
ALIKE = "alike"  # in its metadata, as JSON: a name, and that of an equal tensor that is stored

# One spectrum: tensors (nodes,) named `LAYER.before` and `LAYER.after`, layers from 1.
Spectrum = dict[str, "Tensor"]


def stored(study: Study, store: Store, among: Collection[str] | None = None) -> dict[str, Spectrum]:
    """The spectra, by run id, of the networks of a study that are in the store.

    Args:
        study: any.
        store: where the networks are.
        among: run ids of the networks wanted; all of the study if None.
    """
    from eigenprune.lab.protocols import initial_network
    from eigenprune.networks import hidden_layers

    spectra: dict[str, Spectrum] = {}
    for training in dict.fromkeys(training for _, training in _spectral_networks(study)):
        if among is not None and run_id(training) not in among:
            continue
        entry: Entry | None = store.get(run_id(training))
        if entry is None or entry.record["result"]["status"] != "done":
            continue
        network, spectrum = initial_network(training), {}
        for when in ("before", "after"):
            if when == "after":
                network.load_state_dict(entry.tensors())
            for number, layer in enumerate(hidden_layers(network), start=1):
                spectrum[f"{number}.{when}"] = layer.eigenvalues_out.detach().clone()  # type: ignore[operator]
        spectra[run_id(training)] = spectrum
    return spectra


def read(folder: Path) -> dict[str, Spectrum]:
    """The spectra recorded in a folder, by run id; empty if there are none.

    Raises:
        UserError: if the file is damaged.
    """
    if not (folder / FILE).is_file():
        return {}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / FILE, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            alike = json.loads((file.metadata() or {}).get(ALIKE, "{}"))
            tensors |= {name: tensors[first] for name, first in alike.items()}
    except (SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{folder / FILE} is damaged ({error}): restore it from Git") from error
    spectra: dict[str, Spectrum] = {}
    for name, tensor in tensors.items():
        run, _, rest = name.partition(".")
        spectra.setdefault(run, {})[rest] = tensor
    return spectra


def write(folder: Path, spectra: Mapping[str, Spectrum]) -> None:
    """Record spectra in a folder; the same spectra give the same bytes.

    Equal tensors, such as the initial ones of networks with one seed, are in the file only once.
    """
    from safetensors.torch import save

    names: dict[bytes, str] = {}
    tensors, alike = {}, {}
    for run, spectrum in sorted(spectra.items()):
        for name, tensor in sorted(spectrum.items()):
            own = f"{run}.{name}"
            first = names.setdefault(tensor.numpy().tobytes(), own)
            if first == own:
                tensors[own] = tensor.contiguous()
            else:
                alike[own] = first
    write_whole(folder / FILE, save(tensors, {ALIKE: json.dumps(alike)}))


def tidy(study: Study, spectra: Mapping[str, Spectrum]) -> "pd.DataFrame":
    """The spectra of a study as a table, one row per node and moment.

    Columns: activation, method, seed, layer (from 1), node, when (`before`, `after`), eigenvalue.
    """
    import pandas as pd

    rows = [
        {**key, "layer": int(layer), "node": node, "when": when, "eigenvalue": value}
        for key, training in _spectral_networks(study)
        for name, tensor in sorted(spectra.get(run_id(training), {}).items())
        for layer, _, when in [name.partition(".")]
        for node, value in enumerate(tensor.tolist())
    ]
    columns = ["activation", "method", "seed", "layer", "node", "when", "eigenvalue"]
    return pd.DataFrame(rows, columns=columns)


def tidy_by_epoch(study: Study, store: Store) -> "pd.DataFrame":
    """The spectra of a study by epoch, as far as they are in the store: a row per node and epoch.

    Columns: activation, method, seed, layer (from 1), node, epoch (0: before training), eigenvalue.
    """
    import numpy as np
    import pandas as pd

    tables = []
    for key, training in _spectral_networks(study):
        entry = store.get(run_id(training))
        past = None if entry is None else entry.past()
        if past is None:
            continue
        epochs = past.pop("epoch").numpy()
        for layer, values in sorted(past.items(), key=lambda item: int(item[0])):
            steps, nodes = values.shape
            rows = {
                **key,
                "layer": int(layer),
                "node": np.tile(np.arange(nodes), steps),
                "epoch": np.repeat(epochs, nodes),
                "eigenvalue": values.flatten().numpy(),
            }
            tables.append(pd.DataFrame(rows))
    columns = ["activation", "method", "seed", "layer", "node", "epoch", "eigenvalue"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def kept(study: Study) -> set[str]:
    """The run ids of the networks of a study whose spectra are recorded."""
    return {run_id(training) for _, training in _spectral_networks(study)}


def _spectral_networks(study: Study) -> list[tuple[dict[str, object], Training]]:
    # A method that trains a network for each ratio is left out: in the tables its networks of one
    # seed would look like one network, and they would take most of the space.
    return [
        (key, network)
        for key, network in networks(study)
        if network.layer == "spectral" and not rivals.find(str(key["method"])).network_per_ratio
    ]
