"""Where the points that do not agree lie, and whether other training settings make them agree."""

from collections.abc import Iterable, Iterator

import pandas as pd

from eigenprune.report.readable import of

SETTING = ["dataset", "hidden", "activation"]


def conclusions(points: pd.DataFrame, others: pd.DataFrame) -> list[str]:
    """What can be said about the points that do not agree, and what remains unknown.

    Args:
        points: what `agreement.compare_study` returns, of studies with the published settings.
        others: the same, of studies with other settings.

    Returns:
        Sentences without a full stop.

    Example:
        >>> point = {"dataset": "mnist", "hidden": "2000", "activation": "tanh", "method": "post"}
        >>> points = pd.DataFrame([point]).assign(agrees=False, other_settings="")
        >>> for said in conclusions(points, points.assign(agrees=True, other_settings="epochs 50")):
        ...     print(said)
        1 of 1 points compared do not agree, all in one setting: mnist, 2000, tanh (1)
        mnist, 2000, tanh, with epochs 50: 1 of 1 points compared (post) agree
        settings other than the published ones were tried with mnist tanh alone
        what else may cause the disagreement is not known
    """
    off = points[~points["agrees"].astype(bool)]
    if off.empty:
        return ["every point that is compared agrees"]
    where = off[SETTING].value_counts(sort=False).reset_index().to_numpy()
    told = "; ".join(f"{_named(setting)} ({count})" for *setting, count in where)
    settings = "all in one setting" if len(where) == 1 else f"in {len(where)} settings"
    [counted] = of([len(off)], [len(points)])
    tried = [
        f"{dataset} {activation}"
        for dataset, activation in others[["dataset", "activation"]].drop_duplicates().to_numpy()
    ]
    return [
        f"{counted} points compared do not agree, {settings}: {told}",
        *(said for *setting, _ in where for said in _elsewhere(setting, others)),
        *(said for setting in _agreeing(points, others) for said in _elsewhere(setting, others)),
        f"settings other than the published ones were tried with {' and '.join(tried)} alone"
        if tried
        else "no settings other than the published ones were tried",
        "what else may cause the disagreement is not known",
    ]


def _agreeing(points: pd.DataFrame, others: pd.DataFrame) -> list[list[str]]:
    """The settings where every point agrees, and that were tried with other training settings.

    If an explanation holds, these must agree with it, too.
    """
    agree = points.groupby(SETTING, sort=False)["agrees"].all()
    tried = others[SETTING].drop_duplicates().to_numpy().tolist()
    return [setting for setting in tried if agree.get(tuple(setting), False)]


def _elsewhere(setting: list[str], others: pd.DataFrame) -> Iterator[str]:
    """How many points of a setting agree with each of the other training settings."""
    rows = others[(others[SETTING] == setting).all(axis=1)]
    if rows.empty:
        yield f"{_named(setting)}: no other settings were tried"
    for changed, its in rows.groupby("other_settings", sort=False):
        [agree] = of([int(its["agrees"].sum())], [len(its)])
        methods = " and ".join(its["method"].unique())
        yield f"{_named(setting)}, with {changed}: {agree} points compared ({methods}) agree"


def _named(setting: Iterable[object]) -> str:
    return ", ".join(map(str, setting))
