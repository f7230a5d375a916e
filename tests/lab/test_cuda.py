"""A study on a GPU, compared with the same study on the CPU."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from eigenprune.lab.execution import sweep
from eigenprune.lab.execution.status import study_status
from eigenprune.lab.plans import plan
from eigenprune.lab.runs import run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study

if not torch.cuda.is_available():
    pytest.skip("no CUDA device: a study can be tried on a GPU only", allow_module_level=True)

METHODS = ["direct", "post", "pre", "random", "pre-random", "post-retrained", "small"]


@pytest.mark.parametrize("hidden", [[8], [8, 6]])
def test_agrees_with_the_cpu(
    tiny: Study,
    hidden: list[int],
    store_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = change_study(tiny, {"hidden": hidden, "methods": METHODS, "seeds": [1, 2, 3]})
    there = sweep.run_study(study, device="cuda")
    store = Store(store_folder)
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "cpu"))
    here = sweep.run_study(study, executor="inline")

    numbers = ["accuracy", "loss"]
    pd.testing.assert_frame_equal(there.drop(columns=numbers), here.drop(columns=numbers))
    assert there["accuracy"].to_numpy() == pytest.approx(here["accuracy"].to_numpy(), abs=0.01)
    assert there["loss"].to_numpy() == pytest.approx(here["loss"].to_numpy(), rel=1e-2)
    for row in plan(study):
        made = store.get(run_id(row.run)).record["made_with"]
        assert made["device"] == torch.cuda.get_device_name()
        trained = store.get(run_id(row.run.training)).record["made_with"]
        assert trained["device"] == made["device"] and trained["together"] == 3
        assert made.get("together", 1) == (6 if row.run.retraining_epochs else 1)


def test_a_second_time_it_gives_the_same_and_what_is_left_goes_on(
    tiny: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = change_study(tiny, {"seeds": [1, 2]})
    first = sweep.run_study(study, device="auto")
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "again"))
    endless = change_study(study, {"epochs": 10**6})
    assert sweep.run_study(endless, device="cuda", max_seconds=3).empty
    pd.testing.assert_frame_equal(sweep.run_study(study, device="cuda:0"), first)
    more = change_study(study, {"seeds": [1, 2, 3]})
    assert study_status(more, Store(tmp_path / "again")).seconds_left > 0
    assert len(sweep.run_study(more, device="cuda")) == 24


def test_stacks_side_by_side_give_what_they_give_one_after_another(
    tiny: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"seeds": [1, 2, 3], "activations": ["relu", "tanh"], "epochs": 5, "hidden": [30, 20]}
    study = change_study(tiny, changes)
    together = sweep.run_study(study, device="cuda", workers=5)
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "one-after-another"))
    pd.testing.assert_frame_equal(together, sweep.run_study(study, device="cuda", workers=1))


def test_worker_processes_share_the_gpu(tiny: Study, store_folder: Path) -> None:
    rows = sweep.run_study(tiny, device="cuda", executor="process", workers=2)
    assert len(rows) == 8
    made = [Store(store_folder).get(run_id(row.run)).record["made_with"] for row in plan(tiny)]
    assert {each["device"] for each in made} == {torch.cuda.get_device_name()}
