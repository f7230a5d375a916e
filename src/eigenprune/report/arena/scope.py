"""What the chapters on the arena are about: some of its studies, and some of their methods."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import pandas as pd

from eigenprune.lab import arena, project, rivals
from eigenprune.lab.methods import METHODS, Method
from eigenprune.lab.studies import Params, Study, change_study, load_params
from eigenprune.report.arena import averages


@dataclass(frozen=True)
class Shown:
    """One study of the arena, narrowed to the methods that a chapter shows.

    Args:
        study: with those methods.
        table: its rows, see `lab.arena.table`; of a recorded study also what was measured.
        recorded: whether they are those of `results/paper`; then what is `averages.settled`.
        controls: what `averages.controls_of` returns of all methods, whichever are shown, so
            that the control is the same in every chapter.
        unsettled: activations that some of the methods have so far; they are left out.
    """

    study: Study
    table: pd.DataFrame
    recorded: bool
    controls: pd.DataFrame
    unsettled: tuple[str, ...] = ()

    @property
    def competing(self) -> pd.DataFrame:
        """Its rows, with one word for what is trained when small, before or after pruning."""
        return self.table.replace(averages.WHEN_SMALL)

    @property
    def networks(self) -> pd.DataFrame:
        """What `averages.over_activations` returns of them."""
        return averages.over_activations(self.competing, self.controls)

    @property
    def plain(self) -> pd.DataFrame:
        """What `averages.plain_network` returns of the controls."""
        return averages.plain_network(averages.over_activations(self.controls))


def of_planned(study: Study, table: pd.DataFrame) -> str:
    """How much of a study is there, in words; a method counts, retrained or not, with one seed.

    Args:
        study: with all that is planned.
        table: what is there of it.
    """
    # The controls of other studies apart, such as `small`.
    planned = {name.removesuffix(rivals.RETRAINED) for name in study.methods} - set(METHODS)
    missing = sorted(planned - set(table["method"]))
    seeds = table.groupby("method")["seed"].nunique()
    said = [
        f"{len(planned) - len(missing)} of {len(planned)} methods",
        " and ".join(name for name in study.activations if name in set(table["activation"]))
        + f" of {' and '.join(study.activations)}",
        f"{int((seeds > 1).sum())} of the methods with more than one seed",
    ]
    lacking = f"; missing: {', '.join(f'`{name}`' for name in missing)}" if missing else ""
    return ", ".join(said) + lacking


@dataclass(frozen=True)
class Arena:
    """The studies of a chapter, those that are there."""

    params: Params
    shown: tuple[Shown, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Arena":
        """The named studies: a quick one is computed if it has to be, others are as recorded.

        Raises:
            UserError: if a name is not that of a study.
        """
        params = load_params(project.root() / "params.yaml")
        shown = []
        for name, table in arena.tables(params, names).items():
            rows = averages.settled(table)
            shown.append(
                Shown(
                    params.study(name),
                    rows,
                    name not in params.quick_arena,
                    averages.controls_of(rows),
                    _lacking(rows, table),
                )
            )
        return cls(params, tuple(shown))

    def only(self, wanted: Callable[[str, Method], bool]) -> "Arena":
        """With those methods alone that a function of name, without `-retrained`, and method wants.

        A study that has none of them, or no row of them yet, is left out.
        """
        narrowed = []
        for shown in self.shown:
            kept = [
                name
                for name in shown.study.methods
                if wanted(name.removesuffix(rivals.RETRAINED), rivals.find(name))
            ]
            names = {name.removesuffix(rivals.RETRAINED) for name in kept}
            table = shown.table[shown.table["method"].isin(names)].reset_index(drop=True)
            if len(table):
                study = change_study(shown.study, {"methods": kept})
                narrowed.append(replace(shown, study=study, table=table))
        return Arena(self.params, tuple(narrowed))

    def named(self, methods: Iterable[str]) -> "Arena":
        """With the named methods alone, retrained or not."""
        names = set(methods)
        return self.only(lambda name, method: name in names)

    def gaps(self) -> list[str]:
        """How much of each recorded study is there, one line each in Markdown."""
        return [
            f"`{shown.study.name}`: {of_planned(shown.study, shown.table)}{_told(shown.unsettled)}"
            for shown in self.shown
            if shown.recorded
        ]

    @property
    def quick(self) -> tuple[Shown, ...]:
        """Those that were computed here."""
        return tuple(shown for shown in self.shown if not shown.recorded)


def _lacking(rows: pd.DataFrame, table: pd.DataFrame) -> tuple[str, ...]:
    """The activations of a table that its rows lack, wholly or with one kind of retraining."""
    found, there = (
        {tuple(pair) for pair in part[["activation", "retraining"]].to_numpy()}
        for part in (table, rows)
    )
    return tuple(sorted({activation for activation, _ in found - there}))


def _told(unsettled: tuple[str, ...]) -> str:
    return (
        f"; with {' and '.join(unsettled)} some methods, which are not shown" if unsettled else ""
    )
