"""Parts of a study, one for each machine: what would be computed twice stays together."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from eigenprune.lab.execution.work import work
from eigenprune.lab.runs import Run, Sequel, Training
from eigenprune.lab.tuning import search_runs


def trainings_of(
    wanted: Mapping[Training, Iterable[Sequel]], part: int, parts: int
) -> list[Training]:
    """The networks of one part of several, in the order in which they are given.

    A network goes with all that is made of it, and with every other one for which a strength is
    searched among the same networks. The part with the least work takes the largest group that is
    left. What is done already does not matter: a network stays in its part.

    Args:
        wanted: the networks of a study, and what is made of each.
        part: which one, from 1 to `parts`.
        parts: how many, 1 or more.

    Raises:
        ValueError: if there is no such part.
    """
    if not 1 <= part <= parts:
        raise ValueError(f"shard={(part, parts)}: (i, n) with i from 1 to n")
    groups = [(_work(group, wanted), group) for group in _groups(wanted)]
    loads, owners = [0.0] * parts, {}
    for size, group in sorted(groups, key=lambda sized: -sized[0]):
        owner = loads.index(min(loads))
        loads[owner] += size
        owners.update(dict.fromkeys(group, owner + 1))
    return [training for training in wanted if owners[training] == part]


def _groups(trainings: Iterable[Training]) -> list[list[Training]]:
    """Networks that a search, or what it was made among, has in common, or one network alone."""
    searched = {_form(training) for training in trainings if training.tuning}
    groups: dict[Training, list[Training]] = {}
    for training in trainings:
        form = _form(training)
        groups.setdefault(form if form in searched else training, []).append(training)
    return list(groups.values())


def _form(training: Training) -> Training:
    """The same for all seeds and strengths, however the strength is chosen."""
    return replace(training, seed=0, strength=0.0, tuning=None)


def _work(group: Iterable[Training], wanted: Mapping[Training, Iterable[Sequel]]) -> float:
    runs: dict[Run, None] = {}
    for training in group:
        searched = search_runs(training) if training.tuning else ()
        runs |= dict.fromkeys([*searched, training, *wanted[training]])
    return sum(map(work, runs))
