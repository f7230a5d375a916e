"""The entries under `trials:` in params.yaml: how they are checked, and which runs they make."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from eigenprune import compression
from eigenprune.growing import rules
from eigenprune.lab.errors import UserError
from eigenprune.lab.plans import plan as plan_of_study
from eigenprune.lab.runs import Trial
from eigenprune.lab.studies import Params, load_params
from eigenprune.lab.trials.compression import AT_ONCE
from eigenprune.lab.trials.entries import Trials, change_trials, plan
from eigenprune.lab.trials.grids import KINDS, UNTRAINED, points
from eigenprune.lab.trials.kinds import KINDS as FUNCTIONS

Make = Callable[..., Trials]
RowsOf = Callable[[Trial], list[dict[str, Any]]]

Load = Callable[..., Params]

QUANTISED = {"method": ["quantised"], "bits": [8, 4]}
MODULES = {"clustering": ["random"], "modules": [2], "gamma": [0, 1], "sparsity": [0.9]}
GROWING = {
    "algorithm": ["connections"],
    "choice": ["random"],
    "wanted_loss": [0.1],
    "connectivity": [0.1],
    "new_connections": [0.1],
    "tolerance": [0.1],
    "patience": [1],
}
FLOW = {"architecture": ["plain"], "k1": [0.1], "k2": [0], "pruning_ratio": [0.5]}
BY_NODES = {**GROWING, "algorithm": ["nodes"], "first_nodes": [4], "new_nodes": [3]}


@pytest.fixture
def load(tmp_path: Path, values: Mapping[str, Any]) -> Load:
    """Reads a `params.yaml` with the given parts and the defaults of small trials."""

    def loaded(**parts: Any) -> Params:
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump({"defaults": {**values}, **parts}))
        return load_params(path)

    return loaded


def test_every_kind_has_a_function_and_every_name_is_known_to_it() -> None:
    assert set(KINDS) == set(FUNCTIONS)
    assert set(KINDS["compression"].needs) == {*AT_ONCE, "gradual-magnitude"}
    assert set(UNTRAINED) <= set(AT_ONCE)
    for choice in rules.CHOICES:
        assert points("growing", {**GROWING, "choice": [choice]}, "grid")
    for bits in compression.quantisation.BITS:
        assert points("compression", {"method": ["quantised"], "bits": [bits]}, "grid")


def test_a_grid_stands_for_all_combinations() -> None:
    grid = [{"method": ["none"]}, QUANTISED, {"method": ["magnitude"], "sparsity": [0, 1]}]
    assert list(map(dict, points("compression", grid, "grid"))) == [
        {"method": "none"},
        {"method": "quantised", "bits": 8},
        {"method": "quantised", "bits": 4},
        {"method": "magnitude", "sparsity": 0.0},
        {"method": "magnitude", "sparsity": 1.0},
    ]
    found = points("modules", {**MODULES, "sparsity": [0.8, 0.9], "modules": [2, 3]}, "grid")
    assert len(set(found)) == 2 * 2 * 2


def entry(grid: Any = QUANTISED, kind: Any = "compression", **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "grid": grid, **changes}


def without(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in keys}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "trials.x: [] must map keys to values"),
        (entry(kind="compresion"), "trials.x.kind: 'compresion' is not allowed (did you mean"),
        (entry(hiden=[3]), "trials.x: unknown key 'hiden' (did you mean 'hidden'?)"),
        (entry(methods=["post"]), "trials.x: unknown key 'methods'"),
        (entry(seeds=[1, 1]), "trials.x.seeds: [1, 1] is not allowed"),
        (entry(epochs=0), "trials.x.epochs: 0 is not allowed; allowed: a whole number, from 1 to"),
        (without(entry(), "grid"), "trials.x: grid is missing"),
        (entry(grid=[]), "trials.x.grid: [] is not allowed"),
        (entry(grid="all"), "trials.x.grid: 'all' must map keys to values"),
        (entry(grid={"bits": [8]}), "trials.x.grid: method is missing"),
        (entry(grid={"method": ["quantised"]}), "trials.x.grid: bits is missing"),
        (entry(grid={"method": ["quantized"]}), "(did you mean 'quantised'?)"),
        (
            entry(grid={**QUANTISED, "bit": [8]}),
            "trials.x.grid: unknown key 'bit' (did you mean 'bits'?)",
        ),
        (
            entry(grid={**QUANTISED, "bits": [8, 3]}),
            "grid.bits: 3 is not allowed; allowed: a list from 4, 8",
        ),
        (entry(grid={**QUANTISED, "bits": 8}), "grid.bits: 8 is not allowed"),
        (
            entry(grid={**QUANTISED, "sparsity": [0.5]}),
            "grid: method 'quantised' has no sparsity; it has: bits",
        ),
        (entry(grid={"method": ["none", "low-rank"], "rank": [3]}), "method 'none' has no rank"),
        (entry(grid=[QUANTISED, QUANTISED]), "'bits': 8} appears in it twice"),
        (
            entry(grid={"method": ["magnitude"], "sparsity": [1.1]}),
            "grid.sparsity: [1.1] is not allowed; allowed: a list of different fractions",
        ),
        (entry({**MODULES, "gamma": [2]}, "modules"), "grid.gamma: [2] is not allowed"),
        (entry({**MODULES, "modules": [1]}, "modules"), "grid.modules: [1] is not allowed"),
        (
            entry({**MODULES, "modules": [2, 9]}, "modules"),
            "grid.modules: 9 is not allowed; allowed: no more than the nodes of the smallest layer",
        ),
        (
            entry({**MODULES, "modules": [11]}, "modules", hidden=[50]),
            "11 is not allowed; allowed: no more than the nodes of the smallest layer, which is 10",
        ),
        (entry(without(MODULES, "gamma"), "modules"), "grid: gamma is missing"),
        (entry({**GROWING, "tolerance": [1]}, "growing"), "grid.tolerance: [1] is not allowed"),
        (entry({**GROWING, "connectivity": [0]}, "growing"), "connectivity: [0] is not allowed"),
        (entry({**GROWING, "new_connections": [0]}, "growing"), "new_connections: [0] is not"),
        (entry({**GROWING, "choice": ["best"]}, "growing"), "grid.choice: ['best'] is not allowed"),
        (
            entry({**GROWING, "new_nodes": [3]}, "growing"),
            "algorithm 'connections' has no new_nodes",
        ),
        (entry({**GROWING, "algorithm": ["nodes"]}, "growing"), "first_nodes is missing"),
        (
            entry(BY_NODES | {"first_nodes": [13]}, "growing", hidden=[12, 12]),
            "grid.first_nodes: 13 is not allowed; allowed: no more than the hidden width, which is "
            "12",
        ),
        (
            entry(BY_NODES, "growing"),
            "trials.x.hidden: [12, 8] is not allowed with algorithm 'nodes', which adds as many to "
            "each layer; allowed: layers of one width",
        ),
        (entry(FLOW | {"k1": [-1]}, "flow"), "grid.k1: [-1] is not allowed"),
        (entry(FLOW | {"k2": [float("inf")]}, "flow"), "grid.k2: [inf] is not allowed"),
        (entry(without(FLOW, "k2"), "flow"), "grid: k2 is missing"),
        (entry(FLOW, "flow", hidden=[8, 8]), "trials.x.hidden: [8, 8] is not allowed with kind"),
        (
            entry(FLOW, "flow", hidden=[8, 8, 9]),
            "trials.x.hidden: [8, 8, 9] is not allowed with kind 'flow', whose features are points "
            "of one space; allowed: 3 or more layers of one width",
        ),
        (entry(MODULES, "modules", retraining_epochs=0), "retraining_epochs: 0 is not allowed"),
        (
            entry({"method": ["gradual-magnitude"], "sparsity": [0.5]}, retraining_epochs=0),
            "retraining_epochs: 0 is not allowed here; allowed: 1 or more",
        ),
    ],
)
def test_a_mistake_is_told_in_a_sentence(given: Any, sentence: str, load: Load) -> None:
    with pytest.raises(UserError) as refusal:
        load(trials={"x": given})
    told = str(refusal.value)
    assert told.startswith("params.yaml: trials.x") and sentence in told
    assert len(told.splitlines()) == 1


def test_names_of_trials_are_checked(load: Load) -> None:
    methods = {"methods": ["post"], "pruning_ratios": [0.5], "initialisation": "2022"}
    for parts, sentence in (
        ({"trials": {"X!": entry()}}, "trials.X!: the name may hold a-z"),
        ({"trials": [1]}, "trials: [1] must map names to trials"),
        ({"trials": {"x": entry()}, "studies": {"x": methods}}, "there is a study x"),
        ({"trials": {"x": entry()}, "quick_trials": ["y"]}, "'y' is not one of the trials"),
    ):
        with pytest.raises(UserError) as refusal:
            load(**parts)
        assert sentence in str(refusal.value)


def test_what_trials_do_not_say_comes_from_the_defaults(
    load: Load, values: Mapping[str, Any]
) -> None:
    defaults = {**values, "seeds": [7], "methods": ["post"], "batch_size": 9}
    trials = {"x": entry(batch_size=5), "y": entry()}
    params = load(defaults=defaults, trials=trials, quick_trials=["y"])
    found = params.find("x")
    assert found == params.trials["x"] and (found.seeds, found.batch_size) == ((7,), 5)
    assert params.paper_trials == ["x"]
    with pytest.raises(UserError, match=r"study 'z' is not in params.yaml: x, y"):
        params.find("z")
    assert params.trials_named("x") == found
    with pytest.raises(UserError, match=r"trials 'z' are not in params.yaml: x, y"):
        params.trials_named("z")
    with pytest.raises(UserError, match=r"trials\.x: hidden is missing"):
        load(defaults=without(defaults, "hidden"), trials=trials)


def test_a_study_is_not_taken_for_trials(load: Load) -> None:
    study = {"methods": ["post"], "pruning_ratios": [0.5], "initialisation": "2022"}
    params = load(trials={"x": entry()}, studies={"mine": study})
    with pytest.raises(UserError, match="'mine' names a study, and trials are wanted here: x"):
        params.trials_named("mine")


def test_trials_can_be_changed_and_are_checked_again(make: Make) -> None:
    trials = make("compression", QUANTISED)
    assert change_trials(trials, {"seeds": [4, 5]}).seeds == (4, 5)
    with pytest.raises(UserError, match=r"trials tiny.epochs: 0 is not allowed"):
        change_trials(trials, {"epochs": 0})
    with pytest.raises(UserError, match=r"trials tiny.grid.modules: 2 is not allowed; .* is 1"):
        change_trials(make("modules", MODULES), {"hidden": [1]})
    with pytest.raises(UserError, match=r"trials tiny: unknown key 'pruning_ratios'"):
        change_trials(trials, {"pruning_ratios": [0.5]})


@pytest.mark.parametrize(
    ("kind", "grid", "hidden"),
    [
        ("modules", {**MODULES, "modules": [3]}, [3, 3]),
        ("modules", {**MODULES, "modules": [10], "clustering": ["spectral"]}, [10]),
        ("flow", {**FLOW, "architecture": ["residual"], "pruning_ratio": [1]}, [3, 3, 3]),
        ("growing", {**BY_NODES, "first_nodes": [6], "connectivity": [1]}, [6]),
        ("growing", {**BY_NODES, "first_nodes": [6], "new_nodes": [99]}, [6, 6]),
    ],
)
def test_what_is_just_allowed_can_be_done(
    make: Make, rows_of: RowsOf, kind: str, grid: Any, hidden: list[int]
) -> None:
    for run in plan(make(kind, grid, hidden=hidden)):
        assert all(0 <= row["accuracy"] <= 1 for row in rows_of(run))


def test_of_data_that_would_have_to_be_read_the_hidden_layers_alone_are_looked_at(
    load: Load,
) -> None:
    grid, own = {**MODULES, "modules": [11]}, {"mine": {"csv": "not-there.csv", "target": "x"}}
    trials = entry(grid, "modules", dataset="mine", hidden=[11])
    assert load(datasets=own, trials={"x": trials}).trials["x"].points
    with pytest.raises(UserError, match=r"modules: 11 is not allowed; .* is 10"):
        load(datasets=own, trials={"x": {**trials, "hidden": [10]}})


def test_what_is_not_retrained_does_not_depend_on_the_epochs_of_retraining(make: Make) -> None:
    grid = [QUANTISED, {"method": ["magnitude"], "sparsity": [0.5]}]
    first, other = (plan(make("compression", grid, retraining_epochs=epochs)) for epochs in (2, 3))
    assert first[:2] == other[:2] and first[2] != other[2]


def test_the_trials_of_this_project_share_the_networks_of_the_arena(root: Path) -> None:
    """They begin with networks of the arena of the same widths, so that none is trained twice."""
    params = load_params(root / "params.yaml")
    assert {*params.quick_trials, *params.paper_trials} == set(params.trials)
    assert {trials.kind for trials in params.trials.values()} == set(KINDS)
    for name, trials in params.trials.items():
        assert plan(trials)
        study = params.study(f"rivals-{name.partition('-')[2]}")
        arena = {row.run.training for row in plan_of_study(study)}
        if trials.kind != "growing":
            assert {run.training for run in plan(trials)} <= arena, name
