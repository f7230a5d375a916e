"""What the chapters on trials share: which trials there are, and how exhibits are shown.

The exhibits of each kind of trials have a file of their own. A function there shows one exhibit for
each of the trials that are computed here or recorded, and names it after the trials.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from eigenprune.lab import project
from eigenprune.lab.execution import sweep
from eigenprune.lab.studies import Study, load_params
from eigenprune.lab.trials.entries import Trials, plan
from eigenprune.lab.trials.tables import table as table_of
from eigenprune.report import readable
from eigenprune.report.paired import t_tests, with_verdicts
from eigenprune.report.readable import percents, span
from eigenprune.report.shown import show

# From Okabe and Ito's palette, for any kind of colour vision; markers say the same in print.
LOOKS = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
    ("#7F7F7F", "x"),
)


@dataclass(frozen=True)
class ShownTrials:
    """Trials that a chapter shows, their table, and whether the table is recorded."""

    trials: Trials
    table: pd.DataFrame
    recorded: bool

    def scope(self, activation: str) -> str:
        """Dataset, activation, and the number of seeds behind its points."""
        rows = self.table[self.table["activation"] == activation]
        counts = rows.groupby(list(self.trials.options), dropna=False)["seed"].nunique()
        seeds = span(counts)
        return f"{self.trials.dataset}, {activation}, {seeds} seed{'' if seeds == '1' else 's'}"


def there(names: Iterable[str]) -> list[ShownTrials]:
    """Those of the named trials that there are: quick ones computed, others as recorded.

    Raises:
        UserError: if there are no trials of a name.
    """
    params, found = load_params(project.root() / "params.yaml"), []
    for name in names:
        trials, quick = params.trials_named(name), name in params.quick_trials
        table = sweep.run_study(trials) if quick else table_of(trials, recorded_only=True)
        if len(table):
            found.append(ShownTrials(trials, table, not quick))
    return found


def gaps(shown: Iterable[ShownTrials]) -> list[str]:
    """How much of the trials that are recorded in part is there, one line each in Markdown."""
    lines = []
    for its in shown:
        planned, found = its.trials, its.table
        # A run may have several rows.
        runs, wanted = found["run"].nunique(), len(plan(planned))
        if not its.recorded or runs == wanted:
            continue
        activations = [name for name in planned.activations if name in set(found["activation"])]
        lines.append(
            f"`{planned.name}` is not finished: {runs} of {wanted} runs are "
            f"recorded, with {' and '.join(activations)} (planned: "
            f"{' and '.join(planned.activations)}) and {readable.seeds(found['seed'].nunique())} "
            f"(planned: {len(planned.seeds)})"
        )
    return lines


def over_seeds(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Mean over the seeds of all numbers, with `n` and deviations of accuracy and connections.

    The column `by_seed` keeps the accuracies that the mean is of, by seed.

    Args:
        table: of trials.
        keys: columns that tell the points apart; blanks are a value of their own.
    """
    groups = table.groupby(list(keys), sort=False, dropna=False)
    means = groups.mean(numeric_only=True)
    spread = groups["accuracy"].agg(accuracy_std="std", n="size")
    if "connections" in table:
        spread["connections_std"] = groups["connections"].std()
    return means.join(spread).assign(by_seed=by_seed(table, keys)).reset_index()


def by_seed(table: pd.DataFrame, keys: Sequence[str]) -> pd.Series:
    """The accuracies of each point, in a dictionary by seed; the arguments are as in `over_seeds`.

    >>> table = pd.DataFrame({"bits": [8, 8], "seed": [1, 2], "accuracy": [0.5, 0.75]})
    >>> by_seed(table, ["bits"]).tolist()
    [{1: 0.5, 2: 0.75}]
    """
    groups = table.groupby(list(keys), sort=False, dropna=False)[["seed", "accuracy"]]
    return groups.apply(lambda its: dict(zip(its["seed"], its["accuracy"], strict=True)))


def by_activation(
    shown: Iterable[ShownTrials], keys: Sequence[str] = ()
) -> Iterator[tuple[ShownTrials, str, pd.DataFrame]]:
    """Yield trials, one of their activations, and the means over seeds of its points.

    Args:
        shown: the trials.
        keys: columns that tell points apart, besides the options.
    """
    for its in shown:
        means = over_seeds(its.table, ["activation", *its.trials.options, *keys])
        for activation, rows in means.groupby("activation", sort=False):
            yield its, str(activation), rows


def show_one(
    its: ShownTrials,
    activation: str,
    what: Figure | pd.DataFrame,
    name: str,
    caption: str,
    *,
    alt: str = "",
    beside: Sequence[Study] = (),
    folded: str = "",
) -> None:
    """Show a figure or table of trials with one activation, and of the studies beside them.

    The caption begins with the scope of the trials, and the title of a folded exhibit ends with it.
    """
    said = its.scope(activation)
    show(
        what,
        name=f"{name}-{its.trials.name}-{activation}",
        caption=f"{said}: {caption}",
        alt=alt,
        of=[its.trials, *beside],
        recorded=its.recorded,
        folded=f"{folded}: {said}" if folded else "",
    )


def show_together(
    shown: Sequence[ShownTrials], table: pd.DataFrame, name: str, caption: str
) -> None:
    """Show one table for several trials."""
    show(
        table,
        name=name,
        caption=caption,
        of=[its.trials for its in shown],
        recorded=any(its.recorded for its in shown),
    )


def accuracies(rows: pd.DataFrame) -> list[str]:
    """The cells of a table: accuracy in per cent, and its deviation over the seeds."""
    return percents(rows, "accuracy")


def paired(
    table: pd.DataFrame, column: str, one: object, other: object, keys: Sequence[str]
) -> pd.DataFrame:
    """Compare two kinds of network at each point, over the seeds that both have.

    Args:
        table: of trials.
        column: that tells the two kinds apart.
        one: a value of it; the difference is its accuracy minus that of the other.
        other: another value of it.
        keys: columns that tell points apart, without the seed.

    Returns:
        One row per point that both have, with the numbers of `paired.t_tests`.

    Example:
        >>> table = pd.DataFrame({"kind": ["a", "b", "a", "b"], "sparsity": [0.5, 0.5, 0.9, 0.9],
        ...     "seed": 1, "accuracy": [0.75, 0.5, 0.25, 0.5]})
        >>> paired(table, "kind", "a", "b", ["sparsity"])["difference"].tolist()
        [0.25, -0.25]
    """
    wide = table.pivot_table(index=[*keys, "seed"], columns=column, values="accuracy")
    both = wide.reindex(columns=[one, other]).dropna()
    return t_tests([(its[one], its[other]) for _, its in both.groupby(level=list(keys))])


def in_short(comparisons: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Count the settings by verdict for each comparison, with p corrected over all of them.

    Args:
        comparisons: what `paired` returns, by name.
    """
    parts = [tests.assign(comparison=name) for name, tests in comparisons.items()]
    judged = with_verdicts(pd.concat(parts, ignore_index=True))
    return {
        name: readable.verdict_counts(judged.loc[judged["comparison"] == name, "verdict"])
        for name in comparisons
    }
