"""The methods of the arena: their lines in params.yaml are checked and become runs of a study."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eigenprune import importance, regularisers, saliency
from eigenprune.lab import rivals
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution.stacks import in_stacks
from eigenprune.lab.execution.sweep import run_by_run, run_study
from eigenprune.lab.execution.tasks import Job
from eigenprune.lab.methods import METHODS, Method
from eigenprune.lab.plans import TUNING_RATIOS, TUNING_SEED, plan
from eigenprune.lab.runs import Training
from eigenprune.lab.score_names import regulariser_names, score_names
from eigenprune.lab.studies import Params, Study, change_study, load_params
from eigenprune.regularisers import AveragedGradientPruning


def test_the_names_are_those_of_the_package() -> None:
    for module in (importance, saliency):
        name = module.__name__.rpartition(".")[2]
        assert list(score_names(name)) == sorted(module.SCORES)
    assert list(rivals.SCORES) == sorted({**importance.SCORES, **saliency.SCORES})
    assert list(regulariser_names()) == sorted(regularisers.REGULARISERS)
    shares = [name for name, its in regularisers.REGULARISERS.items() if its.LIMIT == 1]
    assert sorted(rivals.OF_SHARES) == sorted(shares)


def test_a_line_makes_a_method_as_it_is_one_fitted_anew_and_one_that_is_retrained() -> None:
    made = rivals.named({"norm": {"score": "weight_norm", "scope": "layer"}}, "params.yaml")
    assert made == {
        "norm": Method(label="norm", score="weight_norm", scope="layer"),
        "norm-reconstructed": Method(
            label="norm, reconstructed", score="weight_norm", scope="layer", reconstructed=True
        ),
        "norm-retrained": Method(
            label="norm, retrained", score="weight_norm", scope="layer", retrained=True
        ),
    }


def test_what_is_pruned_before_training_is_trained_once() -> None:
    made = rivals.named({"snip": {"score": "snip", "before": True}}, "params.yaml")
    assert list(made) == ["snip"] and made["snip"].trained_small


def test_the_small_network_averages_as_the_prunings_do(root: Path) -> None:
    own = load_params(root / "params.yaml").rivals["averaged-small"]
    assert own.strengths == (AveragedGradientPruning.AVERAGE,)


def test_what_is_small_from_the_start_is_trained_once_and_ranks_nothing() -> None:
    entry = {"from_scratch": True, "regulariser": "averaging", "strengths": [0.99]}
    made = rivals.named({"small-too": entry}, "params.yaml")
    assert list(made) == ["small-too"] and made["small-too"].network_per_ratio
    assert rivals.retraining(made["small-too"]) == rivals.TRAINED
    assert rivals.family(made["small-too"]) == "control"


def test_what_is_redrawn_is_trained_once_whatever_it_was_before() -> None:
    entry = {"score": "weight_norm", "regulariser": "l2", "strengths": [0.1], "redrawn": True}
    made = rivals.named({"anew": entry}, "params.yaml")
    assert list(made) == ["anew"]
    assert made["anew"].trained_small and made["anew"].network_per_ratio
    assert rivals.retraining(made["anew"]) == rivals.TRAINED
    assert rivals.family(made["anew"]) == "control", "a score chooses widths, and no nodes"


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"score": "taylr"}, "rivals.x.score: 'taylr' is not allowed (did you mean 'taylor'?)"),
        ({}, "rivals.x: score is missing"),
        ({"score": "random", "before": "yes"}, "rivals.x.before: 'yes' is not allowed"),
        ({"score": "random", "scop": "layer"}, "rivals.x: unknown key 'scop'"),
        ({"score": "eigenvalue"}, "rivals.x.score: 'eigenvalue' needs layer: spectral"),
        ({"score": "random", "initialisation": "ones"}, "initialisation: needs layer: spectral"),
        ({"score": "random", "strengths": [0.1]}, "regulariser and strengths belong together"),
        ({"score": "random", "regulariser": "l2"}, "regulariser and strengths belong together"),
        (
            {"score": "random", "regulariser": "dropout", "strengths": "ratio"},
            "rivals.x.strengths: 'ratio' is not allowed; allowed: a list of different numbers, "
            "0 or more and below 1",
        ),
        (
            {"score": "random", "regulariser": "norm_pruning", "strengths": "ratios"},
            "'ratios' is not allowed; allowed: a list of different numbers, 0 or more and below 1, "
            "or ratio",
        ),
        (
            {"score": "random", "regulariser": "l2", "strengths": [0.1, 0.1]},
            "rivals.x.strengths: [0.1, 0.1] is not allowed",
        ),
        (
            {"score": "random", "regulariser": "l2", "strengths": 0.1},
            "rivals.x.strengths: 0.1 is not allowed",
        ),
        (
            {"score": "random", "regulariser": "dropout", "strengths": [0.5, 1]},
            "a list of different numbers, 0 or more and below 1",
        ),
        (
            {"score": "random", "regulariser": "l3", "strengths": [0.1]},
            "rivals.x.regulariser: 'l3' is not allowed",
        ),
        (
            {"score": "snip", "before": True, "regulariser": "l2", "strengths": [0.1]},
            "what is pruned before training has no regulariser",
        ),
        (
            {"score": "snip", "before": True, "redrawn": True},
            "rivals.x.redrawn: what is pruned before training has learned nothing yet",
        ),
        (
            {"from_scratch": True, "redrawn": True},
            "rivals.x.redrawn: what is trained from scratch prunes no nodes",
        ),
        (
            {"score": "random", "from_scratch": True},
            "rivals.x.score: what is trained from scratch prunes no nodes",
        ),
        (
            {"from_scratch": True, "regulariser": "averaging", "strengths": [0.9, 0.99]},
            "rivals.x.strengths: [0.9, 0.99] is not allowed from scratch",
        ),
        (
            {"from_scratch": True, "regulariser": "gradient_pruning", "strengths": [0.5]},
            "rivals.x.regulariser: 'gradient_pruning' removes nodes",
        ),
        ({"score": "random", "from_scratch": "yes"}, "rivals.x.from_scratch: 'yes' is not allowed"),
        (
            {"score": "weight_norm", "regulariser": "eigenvalue_l1", "strengths": [1]},
            "rivals.x.regulariser: 'eigenvalue_l1' needs layer: spectral",
        ),
        (
            {"score": "eigenvalue", "layer": "spectral", "trainable": "eigenvalues"}
            | {"regulariser": "group_lasso", "strengths": [1]},
            "rivals.x.regulariser: 'group_lasso' needs trainable: all",
        ),
        ([], "rivals.x: [] must map keys to values"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(entry: Any, sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        rivals.named({"x": entry}, "params.yaml")
    assert sentence in str(refusal.value)


def test_numbers_may_be_written_as_yaml_reads_them_and_as_words() -> None:
    entry = {"score": "weight_norm", "regulariser": "l2", "strengths": ["1e-05", 0.1]}
    assert rivals.named({"x": entry}, "params.yaml")["x"].strengths == (1e-5, 0.1)


def test_no_two_methods_have_one_name() -> None:
    taken = (
        {"post": {"score": "random"}},
        {"a-retrained": {"score": "random"}},
        {"a-reconstructed": {"score": "random"}},
    )
    for entries in taken:
        with pytest.raises(UserError, match="take another name"):
            rivals.named(entries, "params.yaml")


RIVALS = {
    "norm": {"score": "weight_norm"},
    "snip": {"score": "snip", "before": True},
    "decayed": {"score": "weight_norm", "regulariser": "l2", "strengths": [0.01, 0.1]},
    "fixed": {"score": "weight_norm", "regulariser": "l2", "strengths": [0.01]},
    "aimed": {"score": "weight_norm", "regulariser": "norm_pruning", "strengths": "ratio"},
    "meant": {
        "score": "weight_norm",
        "regulariser": "averaged_taylor_pruning",
        "strengths": "ratio",
    },
    "anew": {"score": "weight_norm", "redrawn": True},
}
MakeParams = Callable[..., Params]


@pytest.fixture
def study(arena_project: MakeParams) -> Study:
    studies = {"all": {"methods": ["rivals", "direct"], "epochs": 3, "retraining_epochs": 2}}
    return arena_project(studies=studies, rivals=RIVALS).study("all")


def test_one_word_stands_for_all_rivals(study: Study) -> None:
    assert study.methods == (
        *("norm", "norm-reconstructed", "norm-retrained", "snip"),
        *("decayed", "decayed-retrained"),
        *("fixed", "fixed-retrained", "aimed", "aimed-retrained"),
        *("meant", "meant-retrained", "anew", "direct"),
    )
    assert change_study(study, {"methods": ["snip", "post"]}).methods == ("snip", "post")
    with pytest.raises(UserError, match="did you mean 'snip'"):
        change_study(study, {"methods": ["snipp"]})


def test_what_the_methods_make_of_a_study(study: Study) -> None:
    runs = {
        row.method: row.run
        for row in plan(study)
        if row.run.training.seed == 2 and row.pruning_ratio
    }
    assert all(run.training.held_out == 0.2 and not run.validated for run in runs.values())
    assert runs["norm"].training == runs["norm-retrained"].training == runs["direct"].training
    assert (runs["norm"].retraining_epochs, runs["norm-retrained"].retraining_epochs) == (0, 2)
    assert runs["norm-reconstructed"] == replace(runs["norm"], reconstructed=True)
    unpruned = {row.method: row.run for row in plan(study) if not row.pruning_ratio}
    assert unpruned["norm-reconstructed"] == unpruned["norm"], "there is nothing to fit"
    assert (runs["snip"].training.epochs, runs["snip"].retraining_epochs) == (0, 3 + 2)
    assert runs["anew"] == replace(runs["norm"], redrawn=True, retraining_epochs=3 + 2)
    fixed = runs["fixed"].training
    assert (fixed.regulariser, fixed.strength, fixed.tuning) == ("l2", 0.01, None)
    tuning = runs["decayed"].training.tuning
    assert tuning is not None and tuning.strengths == (0.01, 0.1) and tuning.seed == TUNING_SEED
    assert tuning.pruning_ratios == TUNING_RATIOS and tuning.score == "weight_norm"


def test_the_pruning_ratio_may_be_the_strength(study: Study) -> None:
    """Each ratio has its own network, without a search; at ratio 0 the training is plain."""
    part = change_study(
        study, {"methods": ["aimed", "meant", "norm"], "pruning_ratios": [0.3, 0.5]}
    )
    runs = {(row.method, row.pruning_ratio): row.run for row in plan(part)}
    assert runs["aimed", 0.0] == runs["norm", 0.0]
    # With a regulariser that does more than prune, training is not plain even at ratio 0.
    assert runs["meant", 0.0].training.regulariser == "averaged_taylor_pruning"
    for method, ratio in itertools.product(("aimed", "meant"), (0.3, 0.5)):
        run = runs[method, ratio]
        assert (run.pruning_ratio, run.training.strength, run.training.tuning) == (
            *(ratio, ratio), None,
        )  # fmt: skip
    assert change_study(part, {"held_out": 0}).held_out == 0


def test_a_strength_does_not_depend_on_what_part_of_a_study_is_asked_for(study: Study) -> None:
    def trainings(changed: Study) -> set[Training]:
        return {row.run.training for row in plan(changed)}

    part = change_study(study, {"methods": ["decayed"], "seeds": [2], "pruning_ratios": [0.3]})
    assert trainings(part) < trainings(study)


@pytest.mark.parametrize(
    ("name", "family"),
    [("direct", "weights"), ("post", "spectral"), ("random", "control"), ("small", "control")],
)
def test_families(name: str, family: str) -> None:
    assert rivals.family(METHODS[name]) == family


def test_random_nodes_while_training_are_a_control() -> None:
    dense = METHODS["direct"]
    drawn = {
        name
        for name in rivals.REGULARISERS
        if rivals.family(replace(dense, regulariser=name)) == "control"
    }
    assert drawn == {"random_pruning", "averaged_random_pruning", "averaged_shuffled_pruning"}
    spectral = replace(METHODS["post"], regulariser="averaged_shuffled_pruning")
    assert rivals.family(spectral) == "control", "in a spectral network, too"


def test_a_strength_is_not_chosen_without_examples_held_out(study: Study) -> None:
    """Otherwise the test set would choose the strength."""
    with pytest.raises(UserError, match="held_out: 0 is not allowed with decayed"):
        change_study(study, {"held_out": 0})
    assert change_study(study, {"held_out": 0, "methods": ["fixed"]}).held_out == 0


@pytest.mark.parametrize("hidden", [[8, 8], [8, 8, 9]])
def test_features_flow_through_layers_of_one_width(
    arena_project: MakeParams, hidden: list[int]
) -> None:
    line = {"score": "weight_norm", "regulariser": "flow_curvature", "strengths": [0.1]}
    studies = {"all": {"methods": ["flow"], "hidden": hidden}}
    with pytest.raises(UserError, match="3 or more layers of one width"):
        arena_project(rivals={"flow": line}, studies=studies)


def test_no_ratio_of_one_where_the_ratio_is_the_strength(arena_project: MakeParams) -> None:
    line = {"score": "weight_norm", "regulariser": "norm_pruning", "strengths": "ratio"}
    studies = {"all": {"methods": ["while"], "pruning_ratios": [0.5, 1]}}
    with pytest.raises(UserError, match=r"pruning_ratios: 1 is not allowed with while, .* below 1"):
        arena_project(rivals={"while": line}, studies=studies)


def test_what_a_stack_cannot_do_is_done_run_by_run(study: Study) -> None:
    """Also on a GPU: held-out examples, regularisers, and pruning before training."""
    jobs = [Job(row.run.training, (row.run,)) for row in plan(study)]
    assert not any(task.together for task in in_stacks(jobs))
    plain = change_study(study, {"held_out": 0, "methods": ["norm", "snip"]})
    tasks = list(in_stacks(Job(row.run.training, (row.run,)) for row in plan(plain)))
    assert {task.together for task in tasks} == {True, False}
    for task in tasks:
        trainings = [run for run in task.runs if isinstance(run, Training)]
        assert all(run.epochs for run in trainings if task.together)


def test_the_arena_stays_on_the_cpu_whatever_is_asked_for(study: Study) -> None:
    part = change_study(study, {"methods": ["fixed"], "seeds": [1]})
    curves = run_study(part, device="cuda:7", executor="inline")
    assert len(curves) == 2
    assert not run_by_run(change_study(study, {"held_out": 0, "methods": ["norm"]}))
