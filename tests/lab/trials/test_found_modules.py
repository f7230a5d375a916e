"""The modules that were found are recorded, and so known without the networks."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import sweep
from eigenprune.lab.modules import find_modules
from eigenprune.lab.protocols import trained_network
from eigenprune.lab.store import Store
from eigenprune.lab.trials import found_modules
from eigenprune.lab.trials.entries import Trials, change_trials
from eigenprune.lab.trials.tables import record

Make = Callable[..., Trials]

GRID = {"clustering": ["spectral", "random"], "modules": [2, 3], "gamma": [0], "sparsity": [0.5]}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)


def test_they_are_recorded_as_the_trials_found_them(
    make: Make, store_folder: Path, tmp_path: Path
) -> None:
    trials = make("modules", GRID, seeds=[1, 2])
    here = change_trials(trials, {"seeds": [1]})
    assert found_modules.recorded(trials) == {}
    sweep.run_study(here, executor="inline")
    path = record(trials, Store(store_folder)).folder / found_modules.FILE
    written = path.read_bytes()
    found = found_modules.recorded(trials)
    assert [(training.seed, modules) for training, modules in found] == [(1, 2), (1, 3)]
    for (training, modules), layers in found.items():
        network = trained_network(training, Store(store_folder), Path("no-data"))
        assert network is not None
        assert list(map(len, layers)) == [64, 12, 8, 10]
        for numbers, again in zip(
            layers, find_modules(network, modules, seed=training.seed), strict=True
        ):
            torch.testing.assert_close(numbers, again)
    # Another machine, which lacks the networks, leaves them as they are.
    record(trials, Store(tmp_path / "empty"))
    assert path.read_bytes() == written
    path.write_bytes(written[:-1])
    with pytest.raises(UserError, match=r"modules\.safetensors is damaged .* restore it from Git"):
        found_modules.recorded(trials)
