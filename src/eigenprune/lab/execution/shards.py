"""Parts of studies, one for each machine; what would otherwise be computed twice stays together."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace

from eigenprune.lab.execution.work import work
from eigenprune.lab.plans import runs_of
from eigenprune.lab.runs import Run, Sequel, Training
from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials
from eigenprune.lab.tuning import search_runs


def networks_of(studies: Iterable[Study | Trials], part: int, parts: int) -> set[Training]:
    """The networks of one part of studies, and of trials, that are divided all at once.

    Studies share networks. Divided one by one, they would have some of these trained in two parts.

    Args:
        studies: the same ones, in the same order, for every part.
        part: see `trainings_of`.
        parts: see `trainings_of`.
    """
    wanted: dict[Training, dict[Sequel, None]] = {}
    for run in itertools.chain.from_iterable(map(runs_of, studies)):
        wanted.setdefault(run.training, {})[run] = None
    return {*trainings_of(wanted, part, parts)}


def trainings_of(
    wanted: Mapping[Training, Iterable[Sequel]], part: int, parts: int
) -> list[Training]:
    """The networks of one part of several, in the order in which they are given.

    A network stays together with all that is made from it, and with every other network whose
    strength is searched for among the same networks. The largest group that is left goes to the
    part with the least work. Whether runs are done already makes no difference: a network stays in
    its part.

    Args:
        wanted: all networks, and what is made from each.
        part: which one, from 1 to `parts`.
        parts: how many, 1 or more.

    Raises:
        ValueError: if there is no such part.
    """
    if not 1 <= part <= parts:
        raise ValueError(f"part {part} of {parts}: from 1 to the number of parts")
    groups = [(_work(group, wanted), group) for group in _groups(wanted)]
    loads, owners = [0.0] * parts, {}
    for size, group in sorted(groups, key=lambda sized: -sized[0]):
        owner = loads.index(min(loads))
        loads[owner] += size
        owners.update(dict.fromkeys(group, owner + 1))
    return [training for training in wanted if owners[training] == part]


def _groups(trainings: Iterable[Training]) -> list[list[Training]]:
    """Groups of networks that share a search or are among its candidates; all others are alone."""
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
