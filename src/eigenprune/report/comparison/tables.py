"""Readable tables of published points and ours: what is compared, what agrees, what does not."""

import pandas as pd

from eigenprune.report.comparison import coverage
from eigenprune.report.comparison.agreement import NAMED, agrees_by_spread, by_curve
from eigenprune.report.comparison.coverage import COUNTS
from eigenprune.report.readable import of, percent, percents, share


def agreement(points: pd.DataFrame) -> pd.DataFrame:
    """How much of each published curve agrees; differences in points of accuracy.

    Args:
        points: what `agreement.compare` returns, of one or more studies.

    Returns:
        Index NAMED; columns `seeds` (ours), `agree`, `share`, `median |difference|`, and for the
        worst point `worst` (its difference) and `at ratio`.
    """
    curves = by_curve(points)
    return pd.DataFrame(
        {
            **{name: curves[name] for name in NAMED},
            "seeds": curves["n"],
            "agree": of(curves["agree"], curves["points"]),
            "share": curves["share"].map("{:.0%}".format),
            "median |difference|": curves["median"].mul(100).map("{:.2f}".format),
            "worst": curves["worst"].mul(100).map("{:+.2f}".format),
            "at ratio": curves["worst_ratio"].map("{:g}".format),
        }
    ).set_index(NAMED)


def shares(covered: pd.DataFrame, exchanged: pd.DataFrame | None = None) -> pd.DataFrame:
    """How many published points are compared and agree, at each width of ours.

    Args:
        covered: what `coverage.coverage` returns.
        exchanged: the same for points that were compared with `agreement.exchanged_methods`.

    Returns:
        Index `published curves`; columns `compared`, `agree`, `share`, and with `exchanged` also
        `without pre`, the share over the curves that can be exchanged, and `exchanged`, the share
        once they are exchanged, against which `without pre` is judged.
    """
    found = coverage.shares(covered, exchanged)
    told = {name: found[name].map(share) for name in found.columns.drop(["hidden", *COUNTS])}
    table = pd.DataFrame(
        {
            "compared": of(found["compared"], found["published"]),
            "agree": of(found["agree"], found["compared"]),
            **{name.replace("_", " "): shares for name, shares in told.items()},
        }
    )
    return table.set_index(found["hidden"].map(coverage.of_layers).rename("published curves"))


def by_spread(points: pd.DataFrame) -> pd.DataFrame:
    """How many points agree without the fixed error of the rule, by method and width of ours.

    Args:
        points: what `agreement.compare_study` returns, of one or more studies.

    Returns:
        Index `published curves`; a column for each method, cells such as `3 of 19`.
    """
    ours = points[points["other_settings"] == ""]
    counted = coverage.once(ours, agrees_by_spread(ours))
    close = counted.groupby(["hidden", "method"], sort=False).agg(["sum", "size"])
    told = pd.Series(of(close["sum"], close["size"]), index=close.index)
    table = told.unstack(sort=False).fillna("")
    table.index = table.index.map(coverage.of_layers).rename("published curves")
    return table.rename_axis(columns=None)


def beside_published(points: pd.DataFrame) -> pd.DataFrame:
    """Every point that was published and that we have, with a column for each width of ours.

    Args:
        points: what `agreement.compare_study` returns, of studies of one dataset.

    Returns:
        Index activation, method and ratio; columns `published` and our widths, accuracies in per
        cent as `percent` writes them, ours with a star where the two do not agree.
    """
    index = ["activation", "method", "ratio"]
    stars = points["agrees"].astype(bool).map({True: "", False: " *"})
    table = points[["hidden", "activation", "method"]].assign(
        ratio=points["pruning_ratio"].map("{:g}".format),
        published=percents(points, "published_mean", "published_std"),
        ours=percents(points, "mean", "std") + stars,
    )
    published = table.drop_duplicates(index).set_index(index)["published"]
    ours = table.set_index([*index, "hidden"])["ours"].unstack("hidden", sort=False)
    return published.to_frame().join(ours.rename_axis(columns=None)).fillna("")


def disagreements(points: pd.DataFrame) -> pd.DataFrame:
    """The points that do not agree; accuracies in per cent, differences in points.

    Args:
        points: what `agreement.compare` returns, of one or more studies.

    Returns:
        Index NAMED and `ratio`; columns `ours`, `seeds`, `published`, `difference`, `tolerance`.
    """
    rows = [
        {
            **{name: point[name] for name in NAMED},
            "ratio": f"{point['pruning_ratio']:g}",
            "ours": percent(point["mean"], point["std"]),
            "seeds": point["n"],
            "published": percent(point["published_mean"], point["published_std"]),
            "difference": f"{100 * point['difference']:+.2f}",
            "tolerance": f"{100 * point['tolerance']:.2f}",
        }
        for point in points[~points["agrees"].astype(bool)].to_dict("records")
    ]
    names = ["ours", "seeds", "published", "difference", "tolerance"]
    return pd.DataFrame(rows, columns=[*NAMED, "ratio", *names]).set_index([*NAMED, "ratio"])
