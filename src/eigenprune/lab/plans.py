"""From a study to the rows of its table: for each row the run that gives its numbers."""

import itertools
from dataclasses import dataclass, replace

from eigenprune.counts import nodes_removed
from eigenprune.lab.methods import METHODS
from eigenprune.lab.runs import Pruning, Training
from eigenprune.lab.studies import Study


@dataclass(frozen=True)
class PlannedRow:
    """One row of the curves to be: its method, pruning ratio and the run that gives its numbers."""

    method: str
    pruning_ratio: float
    run: Pruning


def plan(study: Study) -> list[PlannedRow]:
    """The rows of a study, in the order of the tables; ratio 0, the control, is always there."""
    ratios = sorted({0.0, *study.pruning_ratios})
    rows = []
    for activation, name, seed in itertools.product(study.activations, study.methods, study.seeds):
        method = METHODS[name]
        training = Training(
            dataset=study.dataset,
            hidden=study.hidden,
            activation=activation,
            layer=method.layer,
            trainable=method.trainable,
            seed=seed,
            # A dense layer has one initialisation: the study's is for spectral ones.
            initialisation=study.initialisation if method.layer == "spectral" else "2022",
            epochs=study.epochs,
            batch_size=study.batch_size,
            learning_rate=study.learning_rate,
        )
        for ratio in ratios:
            if method.from_scratch:
                small = _of_final_size(training, ratio, study.retraining_epochs)
                run = Pruning(training=small, score=method.score, pruning_ratio=0.0)
            else:
                run = Pruning(
                    training=training,
                    score=method.score,
                    pruning_ratio=ratio,
                    retraining_epochs=study.retraining_epochs if method.retrained else 0,
                )
            rows.append(PlannedRow(name, ratio, run))
    return rows


def _of_final_size(training: Training, pruning_ratio: float, more_epochs: int) -> Training:
    """The network that is as small as a pruned one from the start, and trained as long in all."""
    hidden = tuple(max(1, width - nodes_removed(pruning_ratio, width)) for width in training.hidden)
    return replace(training, hidden=hidden, epochs=training.epochs + more_epochs)
