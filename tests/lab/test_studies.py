"""All of params.yaml is checked: errors name the key, its value, and what is allowed."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from eigenprune import layers, networks
from eigenprune.lab import studies, values
from eigenprune.lab.errors import UserError
from eigenprune.lab.methods import METHODS
from eigenprune.lab.params_file import KEYS
from eigenprune.lab.plans import plan
from eigenprune.lab.studies import Params, Study, change_study, load_params

DEFAULTS: dict[str, Any] = {
    "activations": ["tanh"],
    "methods": ["direct", "pre"],
    "seeds": [1, 2],
    "pruning_ratios": [0.5],
    "epochs": 3,
    "retraining_epochs": 1,
    "batch_size": 10,
    "learning_rate": 0.01,
    "initialisation": "2022",
}
STUDY = {"dataset": "digits", "hidden": [8]}


def load(folder: Path, text: str | bytes) -> Params:
    path = folder / "params.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_params(path)


def document(**study: Any) -> str:
    return yaml.safe_dump(
        {"quick": ["one"], "defaults": DEFAULTS, "studies": {"one": {**STUDY, **study}}}
    )


def test_the_parameters_of_this_project_are_valid(root: Path) -> None:
    params = load_params(root / "params.yaml")
    assert params.quick and set(params.quick) <= set(params.studies)
    assert all(plan(study) for study in params.studies.values())


def test_what_a_study_does_not_say_comes_from_the_defaults(tmp_path: Path) -> None:
    study = load(tmp_path, document(epochs=7)).study("one")
    assert study == Study(
        name="one",
        dataset="digits",
        hidden=(8,),
        activations=("tanh",),
        methods=("direct", "pre"),
        seeds=(1, 2),
        pruning_ratios=(0.5,),
        epochs=7,
        retraining_epochs=1,
        batch_size=10,
        learning_rate=0.01,
        initialisation="2022",
    )


NUMBERS_THAT_ARE_NONE = [True, "3", None, [3], {"a": 1}]
NOT_FINITE = [float("nan"), float("inf"), float("-inf")]
# Each key of a study: values that are refused, and words from the list of what is allowed.
BAD: dict[str, tuple[list[Any], str]] = {
    "dataset": (["cifar", "Digits", 3, None, ["digits"]], "digits, fashion-mnist, mnist"),
    "hidden": (
        [8, [], [0], [-8], [8.0], [1.5], [True], ["8"], "8-8", None, [[8]], [2**31]],
        "a list of widths, each from 1 to 2147483647",
    ),
    "activations": (
        ["relu", [], ["sigmoid"], ["relu", "relu"], [None], [["relu"]], None],
        "elu, gelu, leaky_relu, relu, selu, silu, tanh",
    ),
    "methods": ([[], ["prune"], ["post", "post"], "post", [1], None], "direct, post, pre, random"),
    "seeds": (
        [1, [], [1, 2, 1], [-1], [1.0], [True], ["1"], None, [2**31]] + [[x] for x in NOT_FINITE],
        "different whole numbers, from 0 to 2147483647",
    ),
    "pruning_ratios": (
        [0.5, [], [0.5, 0.5], [0, 0.0], [-0.1], [1.1], [50], ["half"], [True], [None]]
        + [[x] for x in NOT_FINITE],
        "fractions of nodes removed, from 0 to 1",
    ),
    "epochs": ([0, -1, 1.5, 3.0, 2**31, *NUMBERS_THAT_ARE_NONE, *NOT_FINITE], "from 1 to 2147"),
    "retraining_epochs": ([-1, 1.5, 2**31, *NUMBERS_THAT_ARE_NONE, *NOT_FINITE], "from 0 to 2147"),
    "batch_size": ([0, -1, 1.5, 10**21, *NUMBERS_THAT_ARE_NONE, *NOT_FINITE], "from 1 to 2147"),
    "learning_rate": (
        [0, 0.0, -0.1, True, "fast", None, [0.1], 10**400, *NOT_FINITE],
        "a number above 0",
    ),
    "initialisation": ([2022, "2021", "one", None, ["2022"]], '"2022", ones'),
    "held_out": ([1, 1.0, -0.1, True, None, [0.1], *NOT_FINITE], "from 0 to less than 1"),
}


def test_every_key_is_in_the_table_above() -> None:
    assert set(BAD) == {field.name for field in dataclasses.fields(Study)} - {"name"}


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [(key, value, allowed) for key, (values, allowed) in BAD.items() for value in values],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_value_is_refused(tmp_path: Path, key: str, value: Any, allowed: str) -> None:
    with pytest.raises(UserError) as refusal:
        load(tmp_path, document(**{key: value}))
    sentence = str(refusal.value)
    assert f"params.yaml: studies.one.{key}: {value!r} is not allowed" in sentence
    assert allowed in sentence.split("; allowed: ")[1]
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("activations", ["relu", "swish", "tahn"], "'swish', 'tahn' are not allowed; allowed"),
        ("activations", ["relu", "tahn"], "'tahn' is not allowed (did you mean 'tanh'?); allowed"),
        ("methods", ["post", "rivals", "psot"], "'psot' is not allowed (did you mean 'post'?)"),
        ("hidden", [500, 0], "0 is not allowed; allowed"),
        ("seeds", [1, "two", 3, None], "'two', None are not allowed; allowed"),
    ],
)
def test_of_a_list_only_what_is_refused_is_named(
    tmp_path: Path, key: str, value: list[object], told: str
) -> None:
    with pytest.raises(UserError) as refusal:
        load(tmp_path, document(**{key: value}))
    assert f"studies.one.{key}: {told}" in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden", [1]),
        ("hidden", [500, 500, 500]),
        ("seeds", [0, 2**31 - 1]),
        ("batch_size", 2**31 - 1),
        ("pruning_ratios", [0, 1]),
        ("retraining_epochs", 0),
        ("learning_rate", 1),
        ("initialisation", "ones"),
    ],
)
def test_values_at_the_edge_are_allowed(tmp_path: Path, key: str, value: Any) -> None:
    study = load(tmp_path, document(**{key: value})).study("one")
    assert getattr(study, key) == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize("key", ["learning_rate", "pruning_ratios"])
def test_small_numbers_may_be_written_as_dvc_writes_them(tmp_path: Path, key: str) -> None:
    """`dvc exp run -S ...=0.00001` writes `1e-05` to the file, which is text in YAML 1.1."""
    text = document().replace("learning_rate: 0.01", "learning_rate: 1e-05")
    text = text.replace("- 0.5", "- 1e-05")
    assert text.count("1e-05") == 2
    value = getattr(load(tmp_path, text).study("one"), key)
    assert value == (1e-05 if key == "learning_rate" else (1e-05,))


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        ({"activations": ["rleu"]}, "'relu'"),
        ({"methods": ["posts"]}, "'post'"),
        ({"dataset": "fashion_mnist"}, "'fashion-mnist'"),
        ({"initialisation": "Ones"}, "'ones'"),
        ({"activations": ["Relu"]}, "'relu'"),
        ({"epoch": 3}, "'epochs'"),
        ({"learningrate": 3}, "'learning_rate'"),
    ],
)
def test_a_near_word_is_offered(tmp_path: Path, change: dict[str, Any], meant: str) -> None:
    with pytest.raises(UserError, match=rf"did you mean {meant}\?"):
        load(tmp_path, document(**change))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "is empty and must map keys to values; allowed: datasets, "),
        ("- a\n", "must map keys to values"),
        ("studys: {}\n", "unknown key 'studys' (did you mean 'studies'?)"),
        ("studies: {one: 3}\n", "studies.one: 3 must map keys to values"),
        ("studies: []\n", "studies: [] must map names to studies"),
        ("datasets: []\n", "datasets: [] must map names to datasets"),
        ("rivals: 0\n", "rivals: 0 must map names to methods"),
        ("trials: ''\n", "trials: '' must map names to trials"),
        ("defaults: []\n", "defaults: [] must map keys to values"),
        ("quick: {}\n", "quick: {} must be a list"),
        ("studies: [one]\n", "studies: ['one'] must map names to studies"),
        ("defaults: [1]\n", "defaults: [1] must map keys to values"),
        ("defaults: {name: a}\n", "defaults: unknown key 'name'"),
        ("defaults: {epochs: 0}\n", "defaults.epochs: 0 is not allowed; allowed: a whole number"),
        ("defaults: {methods: [a]}\n", "defaults.methods: ['a'] is not allowed"),
        ("studies: {one: {dataset: digits}}\n", "studies.one: hidden is missing; allowed: a list"),
        ("studies: {One_1: {}}\n", "studies.One_1: the name may hold"),
        ("studies: {../up: {}}\n", "studies.../up: the name may hold"),
        ("quick: one\n", "quick: 'one' must be a list"),
        ("quick: [one]\n", "quick: 'one' is not one of the studies"),
        ("quick: [[one]]\n", "quick: [['one']]"),
        ("a: [\n", "not valid YAML"),
        ("a: 2022-13-45\n", "not valid YAML"),
        ("studies:\n  one: {}\n  one: {}\n", "line 3: the key 'one' appears twice"),
        (b"a: \xff\n", "not valid YAML"),
    ],
)
def test_a_bad_document_is_refused(tmp_path: Path, text: str | bytes, named: str) -> None:
    with pytest.raises(UserError) as refusal:
        load(tmp_path, text)
    assert named in str(refusal.value) and "params.yaml" in str(refusal.value)


def test_what_is_anchored_can_be_merged(tmp_path: Path) -> None:
    defaults = yaml.safe_dump({"defaults": DEFAULTS})
    one = "studies:\n  one: &one {dataset: digits, hidden: [8, 6]}\n"
    params = load(tmp_path, f"{defaults}{one}  two:\n    <<: *one\n    epochs: 7\n")
    two = params.study("two")
    assert (two.hidden, two.epochs) == ((8, 6), 7) and params.study("one").epochs != 7


def test_a_number_where_a_word_is_wanted_gets_the_word_in_quotes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'2022 is not allowed; allowed: "2022", ones$'):
        load(tmp_path, document(initialisation=2022))


def test_a_part_may_be_left_empty(tmp_path: Path) -> None:
    empty = "".join(f"{key}:\n" for key in sorted(KEYS))
    assert load(tmp_path, empty) == load(tmp_path, "studies: {}\n")


def test_quick_names_studies_that_there_are_and_each_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"quick: 'onee' is not one.*did you mean 'one'\?"):
        load(tmp_path, document().replace("- one", "- onee"))
    with pytest.raises(UserError, match="twice"):
        load(tmp_path, document().replace("- one", "- one\n- one"))


@pytest.mark.parametrize("methods", [["pre", "small"], ["direct", "small"]])
def test_a_quick_study_has_methods_for_every_notebook(tmp_path: Path, methods: list[str]) -> None:
    text = document(methods=methods)
    with pytest.raises(UserError, match=r"studies\.one\.methods: .*it needs `pre`"):
        load(tmp_path, text)
    assert load(tmp_path, text.replace("- one", "")).study("one").methods == tuple(methods)


def test_a_missing_file_or_study_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params\.yaml: cannot be read"):
        load_params(tmp_path / "params.yaml")
    with pytest.raises(UserError, match=r"study 'onee'.*did you mean 'one'\?"):
        load(tmp_path, document()).study("onee")


def test_a_study_may_have_a_number_for_a_name(tmp_path: Path) -> None:
    params = load(tmp_path, document().replace("one", "'1'"))
    assert load(tmp_path, document().replace("one:", "1:").replace("- one", "- '1'")) == params
    assert params.study("1").name == "1"


def test_the_lists_of_names_are_those_of_the_core() -> None:
    """The lab repeats them so that checking a file does not have to import torch."""
    assert set(values.ACTIVATIONS) == set(networks.ACTIVATIONS)
    assert studies.INITIALISATIONS == layers.INITIALISATIONS


def test_a_study_can_be_changed_and_is_checked_again(tiny: Study) -> None:
    changed = change_study(tiny, {"seeds": [4], "learning_rate": 0.5})
    assert changed == dataclasses.replace(tiny, seeds=(4,), learning_rate=0.5)
    assert change_study(tiny, {}) == tiny
    with pytest.raises(UserError, match=r"study tiny\.epochs: 0 is not allowed"):
        change_study(tiny, {"epochs": 0})
    with pytest.raises(UserError, match="unknown key 'name'"):
        change_study(tiny, {"name": "other"})


@pytest.mark.parametrize("ratios", [[0.5], [0, 0.5], [-0.0, 0.5]])
def test_the_plan_always_holds_the_unpruned_control(tiny: Study, ratios: list[float]) -> None:
    changes = {"methods": list(METHODS), "pruning_ratios": ratios, "seeds": [1, 2]}
    rows = plan(change_study(tiny, changes))
    assert len(rows) == len(METHODS) * 2 * 2
    for method in METHODS:
        planned = [row.pruning_ratio for row in rows if row.method == method]
        assert planned == [0.0, 0.5] * 2 and all(str(ratio) != "-0.0" for ratio in planned)


def test_the_plan_says_what_each_method_is(tiny: Study) -> None:
    every = change_study(tiny, {"methods": list(METHODS), "pruning_ratios": [0]})
    by_method = {row.method: row.run for row in plan(every)}
    facts = {
        name: (run.training.layer, run.training.trainable, run.score, run.retraining_epochs)
        for name, run in by_method.items()
    }
    assert facts == {
        "direct": ("dense", "all", "connectivity", 0),
        "post": ("spectral", "all", "eigenvalue", 0),
        "pre": ("spectral", "eigenvalues", "eigenvalue", tiny.retraining_epochs),
        "random": ("dense", "all", "random", 0),
        "pre-random": ("spectral", "eigenvalues", "random", tiny.retraining_epochs),
        "post-retrained": ("spectral", "all", "eigenvalue", tiny.retraining_epochs),
        "small": ("dense", "all", "connectivity", 0),
    }
    assert by_method["direct"].training == by_method["random"].training
    assert by_method["post"].training == by_method["post-retrained"].training
    assert by_method["pre"].training == by_method["pre-random"].training


def test_small_is_trained_at_the_size_of_the_pruned_and_as_long_in_all(tiny: Study) -> None:
    study = change_study(tiny, {"methods": ["small"], "pruning_ratios": [0.3, 1]})
    study = change_study(study, {"hidden": [8, 5], "activations": ["relu"]})
    rows = [(row.pruning_ratio, row.run) for row in plan(study)]
    assert [ratio for ratio, _ in rows] == [0.0, 0.3, 1.0]
    assert [run.training.hidden for _, run in rows] == [(8, 5), (6, 3), (1, 1)]
    for _, run in rows:
        assert (run.pruning_ratio, run.retraining_epochs, run.training.layer) == (0, 0, "dense")
        assert run.training.epochs == tiny.epochs + tiny.retraining_epochs


def test_the_initialisation_of_spectral_layers_leaves_dense_runs_as_they_are(tiny: Study) -> None:
    def trainings(initialisation: str, layer: str) -> set[Any]:
        rows = plan(change_study(tiny, {"initialisation": initialisation}))
        return {row.run.training for row in rows if row.run.training.layer == layer}

    assert trainings("2022", "dense") == trainings("ones", "dense")
    assert trainings("2022", "spectral").isdisjoint(trainings("ones", "spectral"))


@pytest.mark.parametrize(
    ("experiments", "sentence"),
    [
        (["two"], "experiments: 'two' is not one of the studies"),
        (["one"], "experiments: 'one' is listed in quick as well"),
        (["lone", "lone"], "names one of the studies twice"),
        ("lone", "experiments: 'lone' must be a list of names of studies"),
    ],
)
def test_experiments_are_studies_and_not_quick(
    tmp_path: Path, experiments: object, sentence: str
) -> None:
    text = yaml.safe_load(document())
    text["studies"]["lone"] = {**STUDY, "methods": ["post"]}  # none of the four notebooks shows it
    with pytest.raises(UserError) as refusal:
        load(tmp_path, yaml.safe_dump({**text, "experiments": experiments}))
    assert sentence in str(refusal.value)
    params = load(tmp_path, yaml.safe_dump({**text, "experiments": ["lone"]}))
    assert params.experiments == ("lone",) and params.paper == []
    assert load(tmp_path, yaml.safe_dump(text)).paper == ["lone"]


def test_an_experiment_in_quick_is_told_as_such_before_its_methods_are(tmp_path: Path) -> None:
    text = yaml.safe_load(document())
    text["studies"]["lone"] = {**STUDY, "methods": ["post"]}
    text |= {"quick": ["one", "lone"], "experiments": ["lone"]}
    with pytest.raises(UserError, match="'lone' is listed in quick as well: take it out of one"):
        load(tmp_path, yaml.safe_dump(text))
