"""How much work a run is, as the basis for progress, shards and the time left."""

import itertools
import math

from eigenprune.lab import datasets
from eigenprune.lab.runs import Run, Training, Trial, training_of

# The overhead of a step, in multiply-accumulates of equal time: Python and short calls.
STEP_OVERHEAD = 4e6


def epochs(run: Run) -> int:
    """Epochs of training that a run takes; for growing, which ends when it has grown, the most."""
    if isinstance(run, Training):
        return run.epochs
    if isinstance(run, Trial) and run.kind == "growing":
        # The grown network and two controls; then one is pruned down.
        return 3 * (run.training.epochs + run.retraining_epochs) + run.retraining_epochs
    if isinstance(run, Trial) and run.kind == "flow":
        return run.training.epochs + run.retraining_epochs
    return run.retraining_epochs


def work(run: Run) -> float:
    """The size of a run, about proportional to its time, in forward multiply-accumulates.

    One thread does some 2e10 of them in a second, gradients and optimiser included.
    """
    training = training_of(run)
    rows, features, classes = datasets.shape(training.dataset)
    widths = [features, *training.hidden, classes]
    size = float(rows * sum(a * b for a, b in itertools.pairwise(widths)))
    overhead = STEP_OVERHEAD * math.ceil(rows / training.batch_size)
    if isinstance(run, Training):
        # Frozen eigenvectors need no gradient, and the first layer's no product (fixed_products).
        frozen = 0.1 if len(training.hidden) == 1 else 0.5
        share = frozen if run.trainable == "eigenvalues" else 1.0
        return (size * share + overhead) * run.epochs
    # Without training, a run only evaluates on the test set, perhaps after a least-squares fit.
    kept = 1.0 if isinstance(run, Trial) else 1 - run.pruning_ratio
    return max((size * kept + overhead) * epochs(run), 0.05 * size)
