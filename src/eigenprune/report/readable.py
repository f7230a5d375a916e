"""Tables for readers of notebooks and book: numbers rounded and formatted, and nothing random."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

import pandas as pd

from eigenprune.lab.studies import Study

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NO_VERDICT = "fewer than two shared seeds are recorded"


def percent(mean: float, std: float) -> str:
    """A mean and its standard deviation in per cent; the latter is left out if NaN (a single seed).

    >>> percent(0.9753, 0.0028), percent(0.9753, float("nan"))
    ('97.53 ± 0.28', '97.53')
    """
    return f"{100 * mean:.2f}" + ("" if pd.isna(std) else f" ± {100 * std:.2f}")


def share(part: float) -> str:
    """A share in per cent, with a digit after the point; nothing if it is NaN.

    >>> share(0.9496), share(float("nan"))
    ('95.0 %', '')
    """
    return "" if pd.isna(part) else f"{100 * part:.1f} %"


def percents(
    rows: pd.DataFrame, mean: str = "accuracy_mean", std: str = "accuracy_std"
) -> list[str]:
    """`percent` of each row, given the names of the columns of mean and standard deviation."""
    return [percent(m, s) for m, s in zip(rows[mean], rows[std], strict=True)]


def span(counts: pd.Series) -> str:
    """The smallest and the largest of some counts, or their common value.

    >>> span(pd.Series([2, 1, 2])), span(pd.Series([5, 5]))
    ('1–2', '5')
    """
    least, most = (f"{count:,.0f}" for count in (counts.min(), counts.max()))
    return most if least == most else f"{least}–{most}"


def layers(count: int) -> str:
    """A number of hidden layers in words.

    >>> layers(1), layers(3), layers(12)
    ('one hidden layer', 'three hidden layers', '12 hidden layers')
    """
    number = _NUMBERS[count] if count < len(_NUMBERS) else count
    return f"{number} hidden layer{'' if count == 1 else 's'}"


def seeds(count: int) -> str:
    """A number of seeds with its noun: `1 seed`, `5 seeds`."""
    return f"{count} seed{'' if count == 1 else 's'}"


def accuracies(means: pd.DataFrame) -> pd.DataFrame:
    """Accuracies by activation and pruning ratio, a column per method, cells as from `percent`.

    Args:
        means: what `over_seeds` returns, for one study.
    """
    return means.assign(cell=percents(means)).pivot_table(
        index=["activation", "pruning_ratio"],
        columns="method",
        values="cell",
        aggfunc="first",
        sort=False,
    )


def settings(study: Study) -> pd.DataFrame:
    """The parameters of a study, one per row: index `parameter`, column `value`."""
    rows = {
        key.replace("_", " "): ", ".join(map(str, value)) if isinstance(value, tuple) else value
        for key, value in asdict(study).items()
        if key != "name"
    }
    values = pd.Series(rows | {"hidden": study.widths}, name="value", dtype=object)
    return values.rename_axis("parameter").to_frame()


def networks(trained: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of trained networks over the seeds.

    Args:
        trained: what `results.trainings` returns.

    Returns:
        Index activation and method; columns `accuracy` (per cent, as `percent` writes it) and
        `seeds`.
    """
    groups = trained.groupby(["activation", "method"], sort=False)["accuracy"]
    found = groups.agg(["mean", "std", "count"])
    return found.assign(accuracy=percents(found, "mean", "std"))[["accuracy", "count"]].rename(
        columns={"count": "seeds"}
    )


def below(curves: pd.DataFrame, control: str) -> pd.DataFrame:
    """At how many pruning ratios the mean of each method lies below that of a control.

    This is no test: it shows a direction where there are too few seeds for a test.

    Args:
        curves: the tidy table, of one or more studies.
        control: the method that the others are compared with, over the seeds that both have.

    Returns:
        Index `dataset`, `hidden` and `activation`; columns `seeds` (how many the control has) and
        one per other method, e.g. `3 of 4` ratios. Cells without data are empty.

    Example:
        >>> where = {"dataset": "d", "hidden": "9", "activation": "relu", "pruning_ratio": 0.9}
        >>> rows = pd.DataFrame({"method": ["post", "random"], "seed": 1, "accuracy": [0.7, 0.8]})
        >>> below(rows.assign(**where), "random").to_dict("index")
        {('d', '9', 'relu'): {'seeds': 1, 'post': '1 of 1'}}
    """
    keys = ["dataset", "hidden", "activation"]
    pruned = curves[curves["pruning_ratio"] > 0]
    wide = pruned.pivot_table(
        index=[*keys, "pruning_ratio", "seed"], columns="method", values="accuracy", sort=False
    )
    rows, found = [], dict[str, None]()
    if control not in wide:  # then nothing is compared
        wide[control] = float("nan")
    for key, those in wide[wide[control].notna()].groupby(keys, sort=False):
        cells = {}
        for method in wide.columns.drop(control):
            both = those[[method, control]].dropna().groupby("pruning_ratio").mean()
            if len(both):
                cells[method] = f"{(both[method] < both[control]).sum()} of {len(both)}"
        if cells:
            seeds = those.index.get_level_values("seed").nunique()
            rows.append({**dict(zip(keys, key, strict=True)), "seeds": seeds, **cells})
            found |= dict.fromkeys(cells)
    return pd.DataFrame(rows, columns=[*keys, "seeds", *found]).fillna("").set_index(keys)


def of(some: Iterable[int], whole: Iterable[int]) -> list[str]:
    """Counts, each with its total.

    >>> of([3, 0], [4, 9])
    ['3 of 4', '0 of 9']
    """
    return [f"{part} of {count}" for part, count in zip(some, whole, strict=True)]


def nodes_by_layer(shares: pd.DataFrame, hidden: Sequence[int]) -> pd.DataFrame:
    """How many nodes are kept in each hidden layer, mean over the seeds.

    Args:
        shares: what `results.layer_shares` returns.
        hidden: the widths before pruning.

    Returns:
        Index activation, method and ratio; a column for each layer, from `layer 1` on.
    """
    table = shares[["activation", "method"]].assign(
        ratio=shares["pruning_ratio"].map("{:g}".format),
        layer=shares["layer"].map("layer {}".format),
        nodes=(shares["share"] * shares["layer"].map(lambda n: hidden[n - 1])).map("{:.0f}".format),
    )
    index = ["activation", "method", "ratio", "layer"]
    return table.set_index(index)["nodes"].unstack("layer", sort=False).rename_axis(columns=None)


def verdicts(
    differences: pd.DataFrame, by: Sequence[str] = ("dataset", "hidden", "activation")
) -> pd.DataFrame:
    """How many pruning ratios above 0 have each verdict; 0 is the unpruned control.

    Args:
        differences: what `paired.paired_differences` returns.
        by: the columns whose values get a row each, in the order in which they occur.

    Returns:
        Index `by`; columns `better`, `worse`, `open` and any other verdicts that occur.

    >>> table = pd.DataFrame({
    ...     "data": ["b", "a", "b"], "pruning_ratio": 0.5, "verdict": ["open", "better", "worse"]})
    >>> verdicts(table, by=["data"]).to_dict("index")
    {'b': {'better': 0, 'worse': 1, 'open': 1}, 'a': {'better': 1, 'worse': 0, 'open': 0}}
    """
    pruned = differences[differences["pruning_ratio"] > 0]
    groups = pd.get_dummies(pruned["verdict"]).groupby([pruned[name] for name in by], sort=False)
    counts = groups.sum()
    names = dict.fromkeys(["better", "worse", "open", *counts.columns])
    return counts.reindex(columns=list(names), fill_value=0)


def verdict_summary(differences: pd.DataFrame) -> str:
    """How many settings have each verdict, in words.

    >>> verdict_summary(pd.DataFrame({
    ...     "pruning_ratio": [0, 0.5, 0.9], "verdict": ["worse", "better", "open"]}))
    'better in 1 of 2 settings, worse in 0, open in 1'
    >>> verdict_summary(pd.DataFrame({"pruning_ratio": [], "verdict": []}))
    'fewer than two shared seeds are recorded'
    """
    verdicts = differences.loc[differences["pruning_ratio"] > 0, "verdict"]
    if verdicts.empty:
        return NO_VERDICT
    (better, count), *others = verdict_columns(verdicts).items()
    settings = f"{len(verdicts)} setting{'' if len(verdicts) == 1 else 's'}"
    return ", ".join(
        [f"{better} in {count} of {settings}", *(f"{name} in {n}" for name, n in others)]
    )


def verdict_counts(verdicts: pd.Series) -> str:
    """How many settings have each verdict, for the cell of a table.

    >>> verdict_counts(pd.Series(["open", "better", "open"]))
    'better 1, worse 0, open 2'
    """
    # The word comes first: a cell that begins with a number is set like numbers, on one line.
    counts = ", ".join(f"{name} {count}" for name, count in verdict_columns(verdicts).items())
    return NO_VERDICT if verdicts.empty else counts


def verdict_columns(verdicts: pd.Series) -> dict[str, int]:
    """How many settings have each verdict; the first three are always there.

    >>> verdict_columns(pd.Series(["open", "better", "as unpruned"]))
    {'better': 1, 'worse': 0, 'open': 1, 'as unpruned': 1}
    """
    counts = {str(verdict): int(count) for verdict, count in verdicts.value_counts().items()}
    return {"better": 0, "worse": 0, "open": 0, **counts}
