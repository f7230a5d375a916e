"""The strength of a regulariser: chosen on examples that no network of the study is trained with.

Every regularised method has the same budget: the strengths that `params.yaml` gives it, each tried
with one seed. The chosen strength is used for all seeds. The test set plays no part in the choice.
"""

from collections.abc import Mapping
from dataclasses import replace

from eigenprune.lab.runs import Pruning, Run, Training


def candidates(run: Training) -> dict[Training, tuple[Pruning, ...]]:
    """The networks that a strength is chosen among, and the prunings by which they are judged.

    Args:
        run: one with `tuning`.

    Raises:
        ValueError: if its strength is not to be chosen.
    """
    tuning = run.tuning
    if tuning is None:
        raise ValueError("the strength of this run is given, not chosen")
    networks = [
        replace(run, tuning=None, seed=tuning.seed, strength=strength)
        for strength in tuning.strengths
    ]
    return {
        network: tuple(
            Pruning(
                training=network,
                score=tuning.score,
                pruning_ratio=ratio,
                scope=tuning.scope,
                validated=True,
            )
            for ratio in tuning.pruning_ratios
        )
        for network in networks
    }


def search_of(run: Training) -> Training | None:
    """The run that stands for the search for a network's strength; None if the strength is given.

    It is the same for all seeds: the network of the seed that the search is made with.
    """
    return replace(run, seed=run.tuning.seed) if run.tuning else None


def search_runs(run: Training) -> list[Run]:
    """All runs that the choice needs, see `candidates`, in an order in which to compute them."""
    runs: list[Run] = []
    for network, prunings in candidates(run).items():
        runs += [network, *prunings]
    return runs


def best_strength(accuracies: Mapping[float, float]) -> float:
    """The strength with the highest accuracy; if several are equal, the first.

    >>> best_strength({0.1: 0.8, 0.01: 0.9, 0.001: 0.9})
    0.01
    """
    return max(accuracies, key=accuracies.__getitem__)
