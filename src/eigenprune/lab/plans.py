"""From a study to the rows of its table, each with the run that gives its numbers."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from eigenprune.counts import nodes_removed
from eigenprune.lab import rivals
from eigenprune.lab.methods import Method
from eigenprune.lab.runs import Pruning, Sequel, Training, Tuning
from eigenprune.lab.studies import Study
from eigenprune.lab.trials import entries
from eigenprune.lab.trials.entries import Trials

# A strength is chosen with these, whichever part of a study is run: the choice must not depend on
# the part.
TUNING_SEED = 1
TUNING_RATIOS = (0.0, 0.5, 0.8, 0.9)


@dataclass(frozen=True)
class PlannedRow:
    """One planned row of the curves: method, pruning ratio and the run that gives its numbers."""

    method: str
    pruning_ratio: float
    run: Pruning


def plan(study: Study) -> list[PlannedRow]:
    """The rows of a study, in the order of the tables; ratio 0, the control, is always there."""
    ratios = sorted({0.0, *study.pruning_ratios})
    rows = []
    methods = rivals.find_all(study.methods)
    for activation, name, seed in itertools.product(study.activations, methods, study.seeds):
        method = methods[name]
        training = _training(study, method, activation, seed)
        more = study.retraining_epochs
        for ratio in ratios:
            if method.from_scratch:
                small = _of_final_size(training, ratio, more)
                run = Pruning(training=small, score=method.score, pruning_ratio=0.0)
            else:
                if method.to_ratio:
                    training = _to_ratio(training, method, ratio)
                after = study.epochs + more if method.starts_small else more * method.retrained
                run = Pruning(
                    training=training,
                    score=method.score,
                    pruning_ratio=ratio,
                    retraining_epochs=after,
                    scope=method.scope,
                    # If nothing is removed, there is nothing to fit.
                    reconstructed=method.reconstructed and ratio > 0,
                    redrawn=method.redrawn,
                )
            rows.append(PlannedRow(name, ratio, run))
    return rows


def networks(study: Study) -> list[tuple[dict[str, object], Training]]:
    """The networks that each method of a study trains: activation, method, seed; and the training.

    A network that two methods share is listed once for each of them.
    """
    by_method = dict.fromkeys((row.method, row.run.training) for row in plan(study))
    return [
        ({"activation": network.activation, "method": method, "seed": network.seed}, network)
        for method, network in by_method
    ]


def runs_of(study: Study | Trials) -> Sequence[Sequel]:
    """The runs that give the rows of a study, or of trials; two rows may share one."""
    if isinstance(study, Trials):
        return entries.plan(study)
    return [row.run for row in plan(study)]


def _training(study: Study, method: Method, activation: str, seed: int) -> Training:
    spectral = method.layer == "spectral"
    several = len(method.strengths) > 1
    return Training(
        dataset=study.dataset,
        hidden=study.hidden,
        activation=activation,
        layer=method.layer,
        trainable=method.trainable,
        seed=seed,
        # A dense layer has one initialisation: the study's is for spectral ones.
        initialisation=(method.initialisation or study.initialisation) if spectral else "2022",
        epochs=0 if method.before else study.epochs,
        batch_size=study.batch_size,
        learning_rate=study.learning_rate,
        eigenvalues_in=method.eigenvalues_in,
        regulariser=method.regulariser,
        strength=method.strengths[0] if len(method.strengths) == 1 else 0.0,
        tuning=_tuning(method) if several else None,
        held_out=study.held_out,
    )


def _tuning(method: Method) -> Tuning:
    return Tuning(
        strengths=method.strengths,
        seed=TUNING_SEED,
        score=method.score,
        scope=method.scope,
        pruning_ratios=TUNING_RATIOS,
    )


def _to_ratio(training: Training, method: Method, ratio: float) -> Training:
    """The network that is trained for one pruning ratio.

    At ratio 0 it is the plainly trained network, which other methods share, unless the regulariser
    does more than prune.
    """
    plain = not ratio and method.regulariser not in rivals.MORE_THAN_PRUNING
    return replace(training, regulariser="" if plain else method.regulariser, strength=ratio)


def _of_final_size(training: Training, pruning_ratio: float, more_epochs: int) -> Training:
    """The network that is as small as a pruned one from the start, and trained as long in total."""
    hidden = tuple(max(1, width - nodes_removed(pruning_ratio, width)) for width in training.hidden)
    return replace(training, hidden=hidden, epochs=training.epochs + more_epochs)
