"""How many of the published points our results cover, and how many of those agree."""

from collections.abc import Iterable

import pandas as pd

from eigenprune.report.comparison.agreement import EXCHANGED
from eigenprune.report.comparison.published import (
    UNCERTAIN,
    at_ratio_one,
    layer_count,
    points_at,
)
from eigenprune.report.readable import layers

# The published widths of three layers are not known, so each of our widths is compared with the
# same points and has its own share.
CURVE = ["hidden", "dataset", "activation", "method"]
COUNTS = ["published", "compared", "agree"]
AIM = 0.95  # share of the points with one hidden layer that should agree


def coverage(points: pd.DataFrame, settings: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """For every published curve, count the points that are compared and those that agree.

    Points of studies with other settings than the published ones do not count. A point that several
    studies have agrees only if it agrees in all of them.

    Args:
        points: what `agreement.compare_study` returns, of one or more studies.
        settings: datasets and hidden widths whose published curves are to be compared; those for
            which nothing was published are left out.

    Returns:
        One row per published curve and width of ours, with CURVE (`hidden` is ours) and COUNTS:
        the `published` points, how many of them are `compared`, and how many of these `agree`.
    """
    published = [points_at(*setting) for setting in dict.fromkeys(settings)]
    published = [those for those in published if len(those)]
    if not published:
        return pd.DataFrame(columns=[*CURVE, *COUNTS])
    counted = pd.concat(published).groupby(CURVE, sort=False)["pruning_ratio"].count()
    ours = points[points["other_settings"] == ""].astype({"agrees": bool})
    found = (
        once(ours, ours["agrees"])
        .groupby(CURVE)
        .agg(["size", "sum"])
        .set_axis(["compared", "agree"], axis=1)
    )
    found = found.reindex(counted.index, fill_value=0).astype(int)
    return found.assign(published=counted).reset_index()[[*CURVE, *COUNTS]]


def once(points: pd.DataFrame, agrees: pd.Series) -> pd.Series:
    """Whether each point agrees; one that several studies have agrees if it does in all of them.

    Args:
        points: what `agreement.compare_study` returns, of one or more studies.
        agrees: for each of its rows.

    Returns:
        Index CURVE and `pruning_ratio`, in the order of the points.
    """
    named = points.assign(agrees=agrees)
    return named.groupby([*CURVE, "pruning_ratio"], sort=False)["agrees"].all()


def shares(covered: pd.DataFrame, exchanged: pd.DataFrame | None = None) -> pd.DataFrame:
    """The counts of `coverage` and shares for each of our widths, over all its curves.

    Args:
        covered: what `coverage` returns.
        exchanged: the same for points that were compared with `agreement.exchanged_methods`.

    Returns:
        Columns `hidden`, COUNTS and `share` (0 to 1, of the points compared; NaN if there is none);
        with `exchanged` also `without_pre`, the share over the curves that can be exchanged, and
        `exchanged`, the share once they are exchanged, against which `without_pre` is judged.
    """
    table = covered.groupby("hidden", sort=False)[COUNTS].sum().astype(int)
    table["share"] = table["agree"] / table["compared"]
    if exchanged is not None:
        alike = covered[covered["method"].isin(EXCHANGED)]
        for name, counts in (("without_pre", alike), ("exchanged", exchanged)):
            table[name] = shares(counts).set_index("hidden")["share"]
    return table.reset_index()


def on_shared_points(points: pd.DataFrame) -> str:
    """How many points agree at each width of three layers, among those that all widths have.

    Some widths are recorded more fully than others, and some curves are easier to match: shares
    over different points cannot be compared.

    Args:
        points: what `agreement.compare_study` returns, of several studies.

    Returns:
        A sentence without a full stop; empty with fewer than two widths or no shared point.

    Example:
        >>> points = pd.DataFrame({"other_settings": "", "hidden": ["5-5-5", "8-8-8", "8-8-8"],
        ...     "dataset": "mnist", "activation": "relu", "method": "post",
        ...     "pruning_ratio": [0.5, 0.5, 0.9], "agrees": [False, True, True]})
        >>> on_shared_points(points)
        'on the 1 points that all widths have, 0 agree at 5-5-5 and 1 at 8-8-8'
    """
    ours = points[points["other_settings"].eq("") & points["hidden"].map(layer_count).eq(3)]
    once = ours.groupby([*CURVE[1:], "pruning_ratio", "hidden"])["agrees"].all()
    wide = once.unstack().dropna()
    if wide.shape[1] < 2 or wide.empty:
        return ""
    told = [
        f"{int(count)} {'agree ' * (not n)}at {hidden}"
        for n, (hidden, count) in enumerate(wide.astype(bool).sum().items())
    ]
    return f"on the {len(wide)} points that all widths have, {' and '.join(told)}"


def of_layers(hidden: str) -> str:
    """Hidden widths in words.

    >>> of_layers("2000"), of_layers("300-100")
    ('one hidden layer, 2000', 'two hidden layers, 300-100')
    """
    return f"{layers(layer_count(hidden))}, {'no width yet' if hidden == UNCERTAIN else hidden}"


def gaps(covered: pd.DataFrame) -> list[str]:
    """A sentence for each of our widths at which some published points are not compared yet.

    Args:
        covered: what `coverage` returns.

    Example:
        >>> rows = [["2000", "mnist", "relu", method, 19, n, n] for method, n in
        ...         (("direct", 19), ("post", 9), ("pre", 0))]
        >>> gaps(pd.DataFrame(rows, columns=[*CURVE, *COUNTS]))[0].split(": ")[1]
        'nothing of ours yet for mnist relu pre; a part for mnist relu post (9 of 19 points)'
    """
    lines = []
    for hidden, curves in covered.groupby("hidden", sort=False):
        none, part = [], []
        for curve in curves[curves["compared"] < curves["published"]].to_dict("records"):
            name = f"{curve['dataset']} {curve['activation']} {curve['method']}"
            if curve["compared"]:
                part.append(f"{name} ({curve['compared']} of {curve['published']} points)")
            else:
                none.append(name)
        said = [("nothing of ours yet for", none), ("a part for", part)]
        told = "; ".join(f"{words} {', '.join(names)}" for words, names in said if names)
        if told:
            lines.append(f"{of_layers(str(hidden))}: {told}")
    return lines


def not_compared(covered: pd.DataFrame) -> list[str]:
    """A sentence for each of our widths on the published points that cannot be compared.

    Args:
        covered: what `coverage` returns.
    """
    lines = []
    for hidden, curves in covered.groupby("hidden", sort=False):
        datasets = curves["dataset"].unique()
        points = pd.concat([at_ratio_one(name, str(hidden)) for name in datasets])
        if count := len(points.merge(curves[CURVE], on=CURVE)):
            lines.append(
                f"{of_layers(str(hidden))}: {count} published points at ratio 1 are not compared, "
                "because it is not published what is left of a network there"
            )
    return lines


def aim_sentence(covered: pd.DataFrame) -> str:
    """Whether the share of agreeing points with one hidden layer reaches AIM.

    Args:
        covered: what `coverage` returns.

    Example:
        >>> rows = [["2000", "mnist", "relu", "direct", 19, 10, 9]]
        >>> aim_sentence(pd.DataFrame(rows, columns=[*CURVE, *COUNTS])).partition(": ")[2]
        '90.0 % of the 10 points compared agree; the aim is 95 %, not reached so far'
    """
    one = covered[covered["hidden"].map(layer_count) == 1][COUNTS].sum()
    if not one["compared"]:
        return "one hidden layer: no published point is compared yet"
    share = one["agree"] / one["compared"]
    verdict = "reached" if share >= AIM else "not reached"
    so_far = "" if one["compared"] == one["published"] else " so far"
    return (
        f"one hidden layer: {100 * share:.1f} % of the {one['compared']} points compared agree; "
        f"the aim is {100 * AIM:.0f} %, {verdict}{so_far}"
    )
