"""What the chapters on the arena are about: some of its studies, and some of their methods."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from eigenprune.lab import arena, project, rivals
from eigenprune.lab.execution import sweep
from eigenprune.lab.methods import METHODS, Method
from eigenprune.lab.studies import Params, Study, change_study, load_params
from eigenprune.report.arena import averages, leaderboard


@dataclass(frozen=True)
class Shown:
    """One study of the arena, narrowed to the methods that a chapter shows.

    Args:
        study: with those methods.
        table: its rows, see `lab.arena.table`; for a recorded study also what was measured.
        recorded: whether the rows are those of `results/paper`.
        controls: what `averages.controls_of` returns of all methods, whichever are shown, so
            that the control is the same in every chapter.
    """

    study: Study
    table: pd.DataFrame
    recorded: bool
    controls: pd.DataFrame

    @cached_property
    def competing(self) -> pd.DataFrame:
        """The rows that are `averages.settled`."""
        return averages.settled(self.table)

    @cached_property
    def networks(self) -> pd.DataFrame:
        """What `averages.over_activations` returns for the rows that can be compared."""
        return averages.over_activations(self.competing, self.controls)

    @cached_property
    def leaderboard(self) -> pd.DataFrame:
        """What `leaderboard.leaderboard` returns for the rows that can be compared."""
        return leaderboard.leaderboard(self.competing, controls=self.controls)

    def plain(self, retraining: str) -> pd.DataFrame:
        """What `averages.plain_beside` returns for the methods with this kind of retraining."""
        rows = self.competing
        return averages.plain_beside(rows[rows["retraining"] == retraining], self.controls)

    @property
    def unsettled(self) -> list[str]:
        """The activations that some of the methods lack, with one kind of retraining or both."""
        found, compared = (
            {tuple(pair) for pair in rows[["activation", "retraining"]].to_numpy()}
            for rows in (averages.rankable(self.table), self.competing)
        )
        return sorted({activation for activation, _ in found - compared})


def of_planned(study: Study, table: pd.DataFrame) -> str:
    """How much of a study is there, in words; one seed of any retraining makes a method count.

    Args:
        study: with all that is planned.
        table: what is there of it.
    """
    # Without the controls of other studies, such as `small`.
    planned = set(map(rivals.entry_of, study.methods)) - set(METHODS)
    missing = sorted(planned - set(table["method"]))
    rows = table[table["method"].isin(planned)]
    # Unpruned, a reconstructed network is the method's own.
    pruned = rows[rows["pruning_ratio"] > 0]
    seeds = pruned.groupby(["retraining", "method"])["seed"].nunique()
    several = seeds[seeds > 1].groupby("retraining").size()
    as_they_are, reconstructed, retrained = (
        sum(int(several.get(kind, 0)) for kind in kinds)
        for kinds in ([rivals.AS_PRUNED, rivals.TRAINED], [rivals.FITTED], [rivals.FINE_TUNED])
    )
    said = [
        f"{len(planned) - len(missing)} of {len(planned)} methods",
        f"with {' and '.join(n for n in study.activations if n in set(table['activation']))} "
        f"(planned: {' and '.join(study.activations)})",
        f"more than one seed for {as_they_are} methods as they are, {reconstructed} "
        f"reconstructed and {retrained} retrained",
    ]
    lacking = f"; missing: {', '.join(f'`{name}`' for name in missing)}" if missing else ""
    return ", ".join(said) + lacking


@dataclass(frozen=True)
class Arena:
    """Those studies of a chapter that are there."""

    params: Params
    shown: tuple[Shown, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Arena":
        """The named studies: a quick one is computed if it has to be, others are as recorded.

        Raises:
            UserError: if a name is not that of a study.
        """
        params = load_params(project.root() / "params.yaml")
        return cls(
            params,
            tuple(
                Shown(
                    params.study(name),
                    table,
                    name not in params.quick_arena,
                    averages.controls_of(table),
                )
                for name, table in arena.tables(params, names).items()
            ),
        )

    def only(self, wanted: Callable[[str, Method], bool]) -> "Arena":
        """The arena with only the methods that `wanted` accepts by the rival's name and method.

        A study that has none of them, or no row of them yet, is left out.
        """
        narrowed = []
        for shown in self.shown:
            kept = [
                name
                for name in shown.study.methods
                if wanted(rivals.entry_of(name), rivals.find(name))
            ]
            names = set(map(rivals.entry_of, kept))
            table = shown.table[shown.table["method"].isin(names)].reset_index(drop=True)
            if len(table):
                study = change_study(shown.study, {"methods": kept})
                narrowed.append(replace(shown, study=study, table=table))
        return Arena(self.params, tuple(narrowed))

    def named(self, methods: Iterable[str]) -> "Arena":
        """The arena with only the named methods, also retrained and reconstructed."""
        names = set(methods)
        return self.only(lambda name, method: name in names)

    def with_seeds(self, seeds: Sequence[int]) -> "Arena":
        """The arena with other seeds of its quick studies; missing runs are computed."""

        def changed(shown: Shown) -> Shown:
            if shown.recorded:
                return shown
            study = change_study(shown.study, {"seeds": list(seeds)})
            sweep.run_study(study)
            table = arena.table(study)
            return replace(shown, study=study, table=table, controls=averages.controls_of(table))

        return Arena(self.params, tuple(map(changed, self.shown)))

    def so_far(self) -> dict[str, "Arena"]:
        """For each activation that some methods of a study lack, the methods that have it."""
        names = sorted({name for shown in self.shown for name in shown.unsettled})
        return {
            name: Arena(
                self.params,
                tuple(
                    replace(shown, table=shown.table[shown.table["activation"] == name])
                    for shown in self.shown
                    if name in shown.unsettled
                ),
            )
            for name in names
        }

    def gaps(self) -> list[str]:
        """How much of each recorded study is there, one line each in Markdown."""
        return [
            f"`{shown.study.name}`: {of_planned(shown.study, shown.table)}{_told(shown.unsettled)}"
            for shown in self.shown
            if shown.recorded
        ]

    @property
    def quick(self) -> tuple[Shown, ...]:
        """The studies that were computed here."""
        return tuple(shown for shown in self.shown if not shown.recorded)


def _told(unsettled: Sequence[str]) -> str:
    """The note on activations that only some methods have."""
    names = " and ".join(unsettled)
    return f"; {names} not there for all methods yet, and so in no mean or ranking" if names else ""
