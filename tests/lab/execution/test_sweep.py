"""A study from end to end: the same on every executor, and nothing computed twice."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch

from eigenprune.lab import fitting, protocols, results
from eigenprune.lab.errors import Failure
from eigenprune.lab.execution import sweep
from eigenprune.lab.execution.executors import EXECUTORS, execute
from eigenprune.lab.execution.shards import networks_of
from eigenprune.lab.execution.tasks import OnUnits, Places
from eigenprune.lab.execution.work import work
from eigenprune.lab.plans import networks, plan
from eigenprune.lab.protocols import compute
from eigenprune.lab.records.recorded import record
from eigenprune.lab.results import COLUMNS
from eigenprune.lab.runs import Training, run_id
from eigenprune.lab.store import Busy, Store
from eigenprune.lab.studies import Study, change_study, load_params, restrict


def left_in(folder: Path) -> dict[str, object]:
    """All that the runs left: the bytes of the arrays and the results of the records."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*.*")):
        if path.suffix == ".json":
            record = json.loads(path.read_bytes())["record"]
            found[path.name] = (record["run"], record["result"])
        else:
            found[path.name] = path.read_bytes()
    return found


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}


class Progress:
    """Takes the place of the progress bar, and adds up the work that is reported."""

    def __init__(self) -> None:
        self.told = 0.0

    def __call__(self, todo: sweep.Outlook) -> OnUnits:
        self.todo = todo
        return self.add

    def add(self, units: float) -> None:
        assert units >= 0
        self.told += units


@pytest.fixture(scope="module")
def undisturbed(
    tiny: Study, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, pd.DataFrame]]:
    """The store and the rows of the tiny study, computed in this process in one go."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("undisturbed")
        patch.setenv("EIGENPRUNE_STORE", str(folder))
        patch.setenv("EIGENPRUNE_DATA", "no-data")
        yield folder, sweep.run_study(tiny, executor="inline")


Undisturbed = tuple[Path, pd.DataFrame]


def test_the_table(tiny: Study, undisturbed: Undisturbed) -> None:
    _, rows = undisturbed
    assert tuple(rows.columns) == COLUMNS
    keys = rows[["activation", "method", "seed", "pruning_ratio"]]
    expected = [
        (row.run.training.activation, row.method, 1, row.pruning_ratio) for row in plan(tiny)
    ]
    assert list(keys.itertuples(index=False, name=None)) == expected
    assert (rows["study"] == "tiny").all() and (rows["hidden"] == "8").all()
    assert rows["accuracy"].between(0, 1).all() and (rows["loss"] > 0).all()
    assert rows["nodes_kept"].tolist() == [8, 4] * 4
    assert rows["parameters_kept"].tolist() == [8 * 74, 4 * 74] * 4


def test_direct_and_random_share_their_network(undisturbed: Undisturbed) -> None:
    folder, rows = undisturbed
    assert len(list(folder.rglob("*.safetensors"))) == 3
    unpruned = rows[rows["pruning_ratio"] == 0].set_index("method")["accuracy"]
    assert unpruned["direct"] == unpruned["random"]


def test_a_shared_network_is_listed_once_and_its_spectrum_with_each_method(
    tiny: Study, store_folder: Path
) -> None:
    methods = ["direct", "post", "random", "post-retrained"]
    study = change_study(tiny, {"methods": methods})
    sweep.run_study(study, executor="inline")
    assert [key["method"] for key, _ in networks(study)] == methods
    assert results.trainings(study)["method"].tolist() == ["direct", "post"]
    assert set(results.histories(study)["method"]) == {"direct", "post"}
    values = {
        method: rows.drop(columns="method").reset_index(drop=True)
        for method, rows in results.eigenvalues(study).groupby("method", sort=False)
    }
    assert list(values) == ["post", "post-retrained"]
    pd.testing.assert_frame_equal(values["post"], values["post-retrained"])


def test_worker_processes_give_the_same_bytes(
    tiny: Study, undisturbed: Undisturbed, store_folder: Path
) -> None:
    folder, rows = undisturbed
    progress = Progress()
    again = sweep.run_study(tiny, executor="process", workers=2, on_start=progress)
    pd.testing.assert_frame_equal(again, rows)
    assert left_in(store_folder) == left_in(folder)
    assert progress.told == pytest.approx(progress.todo.work)


def test_a_second_time_nothing_is_computed(
    tiny: Study, undisturbed: Undisturbed, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, rows = undisturbed
    trained = []
    train = fitting.train
    monkeypatch.setattr(fitting, "train", lambda *a, **o: trained.append(1) or train(*a, **o))
    first = Progress()
    sweep.run_study(tiny, executor="inline", on_start=first)
    assert len(trained) == 3 + 2  # three networks, and `pre` once more at each of two ratios
    assert (first.todo.runs_done, first.todo.runs_to_compute) == (0, 11)
    assert first.told == pytest.approx(first.todo.work)
    written = times(store_folder)

    second = Progress()
    pd.testing.assert_frame_equal(sweep.run_study(tiny, executor="inline", on_start=second), rows)
    assert len(trained) == 5 and times(store_folder) == written
    assert (second.todo.runs_done, second.todo.runs_to_compute) == (11, 0)
    assert second.todo.jobs == [] and second.told == second.todo.work == 0


def test_more_of_a_study_computes_only_what_is_new(
    tiny: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep.run_study(tiny, executor="inline")
    written = times(store_folder)
    trained = []
    train = fitting.train
    monkeypatch.setattr(fitting, "train", lambda *a, **o: trained.append(1) or train(*a, **o))
    more, progress = change_study(tiny, {"pruning_ratios": [0.25, 0.5]}), Progress()
    rows = sweep.run_study(more, executor="inline", on_start=progress)
    assert len(rows) == 12 and len(trained) == 1  # `pre` at the new ratio
    assert times(store_folder).items() >= written.items()
    assert progress.todo.runs_to_compute == 4
    # A network that is there already is no work: it is neither announced nor reported.
    assert progress.told == pytest.approx(progress.todo.work)


@pytest.mark.parametrize("suffix", ["json", "safetensors", "history"])
@pytest.mark.parametrize("damage", ["byte", "half", "gone"])
def test_damaged_entries_are_made_again(
    tiny: Study, undisturbed: Undisturbed, store_folder: Path, suffix: str, damage: str
) -> None:
    folder, rows = undisturbed
    study = change_study(tiny, {"methods": ["post", "pre"]})
    sweep.run_study(study, executor="inline")
    good = left_in(store_folder)
    paths = sorted(store_folder.rglob(f"*.{suffix}"))
    for path in paths:
        content = bytearray(path.read_bytes())
        if damage == "byte":
            at = content.find(b"sha256") + 12 if suffix == "json" else len(content) - 1
            content[at] ^= 1
        path.write_bytes(content[: len(content) // 2] if damage == "half" else content)
        if damage == "gone":
            path.unlink()
    store = Store(store_folder)
    assert all(store.get(path.stem) is None for path in paths)

    again = sweep.run_study(study, executor="inline")
    wanted = rows[rows["method"].isin(["post", "pre"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, wanted)
    assert left_in(store_folder) == good
    assert left_in(folder).items() >= good.items()


def test_only_the_damaged_network_is_made_again(tiny: Study, store_folder: Path) -> None:
    """Results of prunings stay valid, since the same seed gives the same network."""
    sweep.run_study(tiny, executor="inline")
    written = times(store_folder)
    arrays = sorted(store_folder.rglob("*.history"))[0].with_suffix(".safetensors")
    arrays.write_bytes(b"")
    sweep.run_study(tiny, executor="inline")
    changed = {path for path, when in times(store_folder).items() if when != written[path]}
    assert changed == {arrays, arrays.with_suffix(".json"), arrays.with_suffix(".history")}


def test_runs_that_diverge_have_no_row(tiny: Study) -> None:
    assert sweep.run_study(change_study(tiny, {"learning_rate": 1e30}), executor="inline").empty
    second = sweep.run_study(change_study(tiny, {"learning_rate": 1e30}), executor="inline")
    assert list(second.columns) == list(COLUMNS)


@pytest.mark.parametrize("size", [2**50, 2**62])  # more than there is, and than can be counted
def test_networks_larger_than_the_memory_are_named(
    tiny: Study, store_folder: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(protocols, "compute", lambda *_: torch.empty(size))
    with pytest.raises(Failure, match="hidden 8: such networks need more memory than there is"):
        sweep.run_study(tiny, executor="inline")


def test_a_study_without_its_data_is_refused_before_anything_is_done(
    tiny: Study, store_folder: Path
) -> None:
    with pytest.raises(ValueError, match="`eigenprune data fetch`"):
        sweep.run_study(change_study(tiny, {"dataset": "mnist"}), executor="inline")
    assert not store_folder.exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"executor": "procces"}, ", ".join(EXECUTORS)),
        ({"executor": "process", "workers": 0}, "workers=0"),
        ({"executor": "process", "workers": -1}, "workers=-1"),
    ],
)
def test_bad_options_are_refused(
    tiny: Study, store_folder: Path, options: dict[str, object], named: str
) -> None:
    jobs = sweep.outlook(tiny, Store(store_folder)).jobs
    with pytest.raises(ValueError, match=named):
        execute(jobs, Places(store_folder, Path("no-data")), **options)
    assert not store_folder.exists()


def test_the_outlook_counts_every_run_once(tiny: Study, store_folder: Path) -> None:
    study = change_study(tiny, {"seeds": [1, 2]})
    rows = plan(study)
    todo = sweep.outlook(study, Store(store_folder))
    runs = {run_id(row.run) for row in rows} | {run_id(row.run.training) for row in rows}
    assert (todo.runs_done, todo.runs_to_compute) == (0, len(runs))
    tasks = [run for job in todo.jobs for task in job.followers() for run in task.runs]
    trainings = [job.training for job in todo.jobs]
    assert {run_id(run) for run in [*tasks, *trainings]} == runs
    assert len(tasks) + len(trainings) == len(runs)
    assert todo.work == pytest.approx(sum(map(work, [*tasks, *trainings])))


def test_work_grows_with_what_there_is_to_do() -> None:
    run = Training(dataset="digits", hidden=(8,), activation="relu", layer="dense", seed=1)
    longer = Training(
        dataset="digits", hidden=(8,), activation="relu", layer="dense", seed=1, epochs=200
    )
    wider = Training(dataset="digits", hidden=(80,), activation="relu", layer="dense", seed=1)
    assert 0 < work(run) < min(work(longer), work(wider))


def test_shards_are_the_whole_and_do_not_overlap(tiny: Study, store_folder: Path) -> None:
    study = change_study(tiny, {"seeds": [1, 2]})
    store = Store(store_folder)
    parts = [networks_of([study], part, 4) for part in (1, 2, 3, 4)]
    jobs = [sweep.outlook(study, store, part).jobs for part in parts]
    trainings = [job.training for those in jobs for job in those]
    whole = [job.training for job in sweep.outlook(study, store).jobs]
    assert sorted(map(run_id, trainings)) == sorted(map(run_id, whole))
    assert len(set(trainings)) == len(trainings)
    sweep.run_study(study, executor="inline", part=parts[1])
    # A network stays in its part when others are done.
    assert sweep.outlook(study, store, parts[2]).jobs == jobs[2]
    assert sweep.outlook(study, store, parts[1]).jobs == []
    with pytest.raises(ValueError, match="part 5 of 4: from 1 to the number of parts"):
        networks_of([study], 5, 4)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_time_is_up_and_the_same_call_goes_on(
    tiny: Study, store_folder: Path, executor: str
) -> None:
    study = change_study(tiny, {"epochs": 100_000, "methods": ["direct"]})
    curves = sweep.run_study(study, executor=executor, workers=1, max_seconds=0.5)
    assert len(curves) == 0
    assert not list(store_folder.rglob("*.json"))
    study = change_study(study, {"epochs": 2})
    assert len(sweep.run_study(study, executor="inline", max_seconds=100)) == 2


def test_two_sweeps_share_a_store(tiny: Study, store_folder: Path) -> None:
    """What another sweep has claimed comes last, and is not computed twice."""
    store = Store(store_folder)
    [first, *_] = sweep.outlook(tiny, store).jobs
    other, order = threading.Event(), []
    claimed = threading.Event()

    def another_sweep() -> None:
        with store.claim(run_id(first.training)):
            claimed.set()
            other.wait(30)
            compute(first.training, store, Path("no-data"))

    thread = threading.Thread(target=another_sweep)
    thread.start()
    claimed.wait(30)
    assert store.claimed(run_id(first.training))

    def on_start(todo: sweep.Outlook) -> OnUnits:
        def on_units(units: float) -> None:
            order.append(sorted(path.stem for path in store_folder.rglob("*.json")))
            done = {run_id(job.training) for job in todo.jobs[1:]}
            if done <= set(order[-1]):  # all else is done: now the other sweep may finish
                other.set()

        return on_units

    curves = sweep.run_study(tiny, executor="inline", on_start=on_start)
    thread.join()
    assert len(curves) == 8
    before_the_last = next(names for names in order if run_id(first.training) in names)
    assert {
        run_id(job.training) for job in sweep.outlook(tiny, Store(store_folder / "x")).jobs
    } <= (set(before_the_last))
    assert not list((store_folder / "claims").iterdir())


def test_a_claim_is_refused_while_it_is_held(store_folder: Path) -> None:
    store = Store(store_folder)
    with store.claim("ab"):
        assert store.claimed("ab")
        with pytest.raises(Busy), store.claim("ab"):
            pass
        with pytest.raises(Busy), store.claim("ab", wait=True, stopped=lambda: True):
            pass
    assert not store.claimed("ab")
    with store.claim("ab"):
        pass


def test_processes_where_they_are_worth_their_start(root: Path, store_folder: Path) -> None:
    """Checked for the README's command on real data, and for the quick studies."""
    params = load_params(root / "params.yaml")
    store = Store(store_folder)
    one_seed = {"activations": ["relu"], "methods": ["direct"], "seeds": [99]}
    real = change_study(params.study("fashion-mnist-1x500"), one_seed)
    assert sweep.outlook(real, store).work > sweep.WORTH_PROCESSES
    for name in params.quick:
        after = restrict(params.study(name), trained_small=False)
        assert sweep.outlook(after, store).work < sweep.WORTH_PROCESSES


def test_weights_are_made_again_where_only_results_are_recorded(
    tiny: Study, store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    sweep.run_study(tiny, executor="inline")
    record(tiny, Store(store_folder))
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "empty"))
    assert len(results.trainings(tiny)) == 0
    curves = sweep.run_study(tiny, executor="inline", weights=True)
    assert len(results.trainings(tiny)) == 3
    assert not results.eigenvalues(tiny).empty
    assert len(curves) == 8
    assert len(list((tmp_path / "empty").rglob("*.json"))) == 3
