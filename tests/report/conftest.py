"""What the tests of tables and figures share: a made-up table of rivals, no figure left open."""

import itertools
import random
from collections.abc import Iterator

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from eigenprune.report.arena.averages import MEASURED, RIVALS_COLUMNS

# Family, score, regulariser, and the accuracy lost when all but a tenth of the nodes are removed.
METHODS = {
    "eigenvalue": ("spectral", "eigenvalue", "", 0.05),
    "eigenvalue, lasso": ("spectral", "eigenvalue", "lasso", 0.02),
    "weight norm": ("weights", "weight_norm", "", 0.02),
    "connectivity": ("weights", "connectivity", "", 0.06),
    "taylor": ("data", "taylor", "", 0.03),
    "random": ("control", "random", "", 0.5),
}
ACTIVATIONS = {"relu": 0.0, "tanh": 0.01}
SEEDS = (1, 2, 3, 4, 5)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Figures are closed after each test, as after each cell of a notebook."""
    yield
    plt.close("all")


@pytest.fixture
def rivals() -> pd.DataFrame:
    """Six methods; `eigenvalue, lasso` and `weight norm` are equal up to noise."""
    luck = random.Random(1)
    rows = []
    for retraining, method, (activation, offset), seed in itertools.product(
        ("none", "fine-tuned"), METHODS, ACTIVATIONS.items(), SEEDS
    ):
        family, score, regulariser, loss = METHODS[method]
        # Networks of one seed are good or bad together: only a paired test removes this effect.
        common = 0.01 * seed + offset
        for ratio in (0.0, 0.5, 0.8, 0.9, 0.95):
            lost = loss * ratio / 0.9 * (0.5 if retraining == "fine-tuned" else 1.0)
            own = luck.uniform(-1e-3, 1e-3) if ratio else 0.0
            kept = round(100 * (1 - ratio))
            rows.append(
                {
                    "study": "rivals-digits",
                    "dataset": "digits",
                    "hidden": "100",
                    "activation": activation,
                    "method": method,
                    "seed": seed,
                    "pruning_ratio": ratio,
                    "nodes_kept": kept,
                    "parameters_kept": 74 * kept,
                    "accuracy": 0.9 + common - lost + own,
                    "loss": 0.1 + lost,
                    "family": family,
                    "score": score,
                    "regulariser": regulariser,
                    "retraining": retraining,
                    "hyperparameters": "strength=0.001" if regulariser else "",
                    "macs_kept": 74 * kept,
                    "latency": 0.01 * kept,
                    "seconds": (20.0 if regulariser else 10.0) + 5 * (retraining != "none"),
                }
            )
    return pd.DataFrame(rows, columns=[*RIVALS_COLUMNS, *MEASURED])
