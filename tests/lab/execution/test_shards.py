"""Parts of studies: disjoint, complete, even, and no search for a strength is made twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eigenprune.lab.execution import sweep
from eigenprune.lab.execution.shards import networks_of, trainings_of
from eigenprune.lab.execution.work import work
from eigenprune.lab.plans import plan
from eigenprune.lab.rivals import entry_of
from eigenprune.lab.runs import Pruning, Training, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params, Study, change_study
from eigenprune.lab.tuning import search_runs

L2 = {"regulariser": "l2", "strengths": [0.001, 0.1]}
RIVALS = {
    "norm": {"score": "weight_norm"},
    "gain": {"score": "eigenvalue", "layer": "spectral"},
    "decayed": {"score": "weight_norm", **L2},
    "decayed-connectivity": {"score": "connectivity", **L2},
    "decayed-so-much": {"score": "weight_norm", "regulariser": "l2", "strengths": [0.1]},
    "lasso": {"score": "weight_norm", "regulariser": "group_lasso", "strengths": [0.1, 1]},
    "fixed": {"score": "weight_norm", "regulariser": "dropout", "strengths": [0.1]},
}
L2_METHODS = ("decayed", "decayed-connectivity", "decayed-so-much")


@pytest.fixture
def study(arena_project: Callable[..., Params]) -> Study:
    """Two methods share the networks of their searches, and a third uses one of these itself."""
    values = {"methods": ["rivals"], "activations": ["relu", "tanh"], "epochs": 1}
    return arena_project(studies={"tuned": values}, rivals=RIVALS).study("tuned")


def wanted_of(study: Study) -> dict[Training, list[Pruning]]:
    wanted: dict[Training, list[Pruning]] = {}
    for row in plan(study):
        wanted.setdefault(row.run.training, []).append(row.run)
    return wanted


def test_parts_with_stores_of_their_own_compute_nothing_twice(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = change_study(study, {"activations": ["relu"], "methods": [*L2_METHODS, "lasso"]})

    def computed(place: str, shard: tuple[int, int]) -> list[str]:
        monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / place))
        sweep.run_study(study, executor="inline", part=networks_of([study], *shard))
        return [path.stem for path in (tmp_path / place).rglob("*.json")]

    first, second = computed("first", (1, 2)), computed("second", (2, 2))
    assert first and second and not set(first) & set(second)
    assert {*first, *second} == set(computed("whole", (1, 1)))
    for training in filter(lambda training: training.tuning, wanted_of(study)):
        assert {run_id(run) for run in search_runs(training)} < {*first, *second}


def test_all_that_shares_a_search_is_in_one_part(study: Study) -> None:
    wanted = wanted_of(study)
    owner = {t: part for part in range(1, 5) for t in trainings_of(wanted, part, 4)}
    assert set(owner) == set(wanted)
    for activation in study.activations:
        for methods in (L2_METHODS, ("lasso",)):
            owners = {
                owner[row.run.training]
                for row in plan(study)
                if row.run.training.activation == activation and entry_of(row.method) in methods
            }
            assert len(owners) == 1
    # Networks without a search may be in different parts, seed by seed.
    assert len({owner[training] for training in wanted if training.regulariser == "dropout"}) > 1


@pytest.mark.parametrize("parts", [1, 2, 3, 50])
def test_no_part_has_more_than_its_share_and_one_group(study: Study, parts: int) -> None:
    wanted = wanted_of(study)
    trainings = [trainings_of(wanted, part, parts) for part in range(1, parts + 1)]
    together = [training for part in trainings for training in part]
    assert sorted(together, key=list(wanted).index) == list(wanted)
    loads = [part_work(part, wanted) for part in trainings]
    largest = max(part_work(group, wanted) for group in groups_of(study))
    assert max(loads) <= sum(loads) / parts + largest


@pytest.mark.parametrize("parts", [2, 3])
def test_a_network_that_studies_share_is_in_one_part(study: Study, parts: int) -> None:
    """Whatever else each of them has, and though each of them alone would be divided otherwise."""
    few, more = (
        change_study(study, {"methods": methods, "seeds": seeds})
        for methods, seeds in ((["norm", "fixed"], [1, 2, 3]), (["rivals"], [2, 3]))
    )
    shared = wanted_of(few).keys() & wanted_of(more).keys()
    assert shared
    divided = [networks_of([few, more], part, parts) for part in range(1, parts + 1)]
    every = wanted_of(few).keys() | wanted_of(more).keys()
    assert sum(map(len, divided)) == len(every) and set().union(*divided) == every
    alone = [
        {
            training: part
            for part in range(1, parts + 1)
            for training in networks_of([s], part, parts)
        }
        for s in (few, more)
    ]
    assert any(alone[0][training] != alone[1][training] for training in shared)
    # And no part has more than its share of all, and one group.
    wanted = {t: [*wanted_of(few).get(t, []), *wanted_of(more).get(t, [])] for t in every}
    loads = [part_work([*part], wanted) for part in divided]
    groups = (networks_of([few, more], part, len(every)) for part in range(1, len(every) + 1))
    assert max(loads) <= sum(loads) / parts + max(part_work([*g], wanted) for g in groups)


def groups_of(study: Study) -> list[list[Training]]:
    """With as many parts as networks, each group is a part."""
    wanted = wanted_of(study)
    return [trainings_of(wanted, part, len(wanted)) for part in range(1, len(wanted) + 1)]


def part_work(trainings: list[Training], wanted: dict[Training, list[Pruning]]) -> float:
    searched = {run for t in trainings if t.tuning for run in search_runs(t)}
    return sum(map(work, {*searched, *trainings, *(run for t in trainings for run in wanted[t])}))


def test_a_network_stays_in_its_part_when_others_are_done(study: Study, store_folder: Path) -> None:
    store = Store(store_folder)
    first, second = (networks_of([study], part, 3) for part in (1, 2))
    before = sweep.outlook(study, store, second).jobs
    sweep.run_study(study, executor="inline", part=first)
    assert sweep.outlook(study, store, second).jobs == before
    assert sweep.outlook(study, store, first).runs_to_compute == 0
