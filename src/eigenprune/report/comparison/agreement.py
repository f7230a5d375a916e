"""Compare our curves with the published ones, point by point."""

import numpy as np
import pandas as pd

from eigenprune.lab.studies import Study
from eigenprune.report.comparison.published import other_settings, published_curves
from eigenprune.report.statistics import over_seeds

# Two implementations of one method differ a little for reasons that no list of settings covers
# (the order of the data, the rounding of a framework). Half a point of accuracy counts as one more
# standard error, so means that differ by less than one and a half points always agree.
GRANTED = 0.005
# This many neighbouring ratios that disagree make a slope.
SLOPE = 3
# Includes the study: two studies may differ in a setting that the other columns do not show.
CURVE = ["study", "dataset", "hidden", "activation", "method"]
NAMED = ["study", "activation", "method"]  # enough to tell curves apart in a table
POINT = [*CURVE, "pruning_ratio"]
_SIDES = ["mean", "std", "n", "published_mean", "published_std", "published_n"]
COMPARED = [*POINT, "published_hidden", *_SIDES, "difference", "tolerance", "agrees"]
OF_STUDY = [*COMPARED, "other_settings"]


def compare(curves: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    r"""Compare the means at every point that was published and that we have.

    Two means agree where

    .. math:: |\bar a - \bar a_p| \le 3 \sqrt{s^2 / n + s_p^2 / n_p + 0.005^2}

    with sample standard deviations s over n realisations; s is taken as 0 where n is 1, which makes
    the test stricter.

    Args:
        curves: the tidy table of one study.
        published: what `published.published_curves` returns for it.

    Returns:
        One row per point, in the order of the table, with the columns COMPARED. `hidden`,
        `mean`, `std` and `n` are ours, `difference` is ours minus published, and `tolerance` is
        the right-hand side above.
    """
    ours = over_seeds(curves).rename(columns={"accuracy_mean": "mean", "accuracy_std": "std"})
    theirs = published.rename(
        columns={
            "hidden": "published_hidden",
            "accuracy_mean": "published_mean",
            "accuracy_std": "published_std",
            "n": "published_n",
        }
    )
    # 0.15 read from one file and 0.15 computed elsewhere need not be the same float.
    points = pd.merge(
        ours.assign(ratio=ours["pruning_ratio"].astype(float).round(6)),
        theirs.assign(ratio=theirs["pruning_ratio"].astype(float).round(6)).drop(
            columns="pruning_ratio"
        ),
        on=["dataset", "activation", "method", "ratio"],
    )
    points["difference"] = points["mean"] - points["published_mean"]
    spread = points["std"].fillna(0) ** 2 / points["n"]
    spread += points["published_std"].fillna(0) ** 2 / points["published_n"]
    points["tolerance"] = 3 * np.sqrt(spread + GRANTED**2)
    points["agrees"] = points["difference"].abs() <= points["tolerance"]
    return points[COMPARED].reset_index(drop=True)


def compare_study(study: Study, curves: pd.DataFrame, *, exchanged: bool = False) -> pd.DataFrame:
    """Compare a study with everything that was published at its width, see `compare`.

    Args:
        study: the one that made the curves.
        curves: its tidy table, which may be incomplete.
        exchanged: compare with the curves of the other method, see `exchanged_methods`.

    Returns:
        The columns OF_STUDY. `other_settings` names the settings of the study that differ from the
        published ones. Only points where it is empty count towards shares, see `coverage`.
    """
    published = published_curves(study, same_width=True)
    points = compare(curves, exchanged_methods(published) if exchanged else published)
    return points.assign(other_settings=other_settings(study))[OF_STUDY]


# The published methods whose names are exchanged, see `exchanged_methods`.
EXCHANGED = {"direct": "post", "post": "direct"}


def exchanged_methods(published: pd.DataFrame) -> pd.DataFrame:
    """The published `direct` and `post` curves under each other's name, without other methods.

    Our curves are compared with these to see how many points would agree if the method were the
    wrong one. A share of agreeing points must be judged against that share.

    Args:
        published: what `published.published_curves` returns.
    """
    return published[published["method"].isin(EXCHANGED)].replace({"method": EXCHANGED})


def by_curve(points: pd.DataFrame) -> pd.DataFrame:
    """How much of each curve agrees.

    Args:
        points: what `compare` returns, of one or more studies.

    Returns:
        One row per curve, with CURVE, `published_hidden`, `n` (the smallest number of our seeds),
        `points`, `agree`, `share` (0 to 1), `median` (of the absolute differences), and for the
        worst point `worst_ratio` and `worst`, the difference there.
    """
    rows = []
    for key, curve in points.groupby([*CURVE, "published_hidden"], sort=False):
        worst = curve.iloc[curve["difference"].abs().argmax()]
        rows.append(
            dict(zip([*CURVE, "published_hidden"], key, strict=True))
            | {
                "n": int(curve["n"].min()),
                "points": len(curve),
                "agree": int(curve["agrees"].sum()),
                "share": float(curve["agrees"].mean()),
                "median": float(curve["difference"].abs().median()),
                "worst_ratio": float(worst["pruning_ratio"]),
                "worst": float(worst["difference"]),
            }
        )
    names = ["n", "points", "agree", "share", "median", "worst_ratio", "worst"]
    return pd.DataFrame(rows, columns=[*CURVE, "published_hidden", *names])


def agrees_by_spread(points: pd.DataFrame) -> pd.Series:
    """Whether the means agree without GRANTED: they differ by at most three standard errors.

    Where the spreads are small, this asks for more than can be expected of two implementations. It
    distinguishes points that are close from points that agree only because of GRANTED.

    Args:
        points: what `compare` returns.

    Example:
        >>> points = pd.DataFrame({"difference": [0.01, 0.01], "tolerance": [0.016, 0.03]})
        >>> agrees_by_spread(points).tolist()
        [False, True]
    """
    by_spread = (points["tolerance"] / 3) ** 2 - GRANTED**2
    return points["difference"] ** 2 <= 9 * by_spread


def agreement_summary(points: pd.DataFrame) -> str:
    """How many points agree, in words.

    >>> agreement_summary(pd.DataFrame({"agrees": [True, True, False]}))
    '2 of 3 points agree (67 %)'
    """
    if points.empty:
        return "no published point is recorded yet"
    agree = points["agrees"]
    return f"{agree.sum()} of {len(agree)} points agree ({100 * agree.mean():.0f} %)"


def along_slopes(points: pd.DataFrame) -> str:
    """The curves that disagree at several ratios in a row, in words.

    At a single steep point a few seeds can be off by chance, but not along a slope.

    Args:
        points: what `compare` returns, of one or more studies.

    Example:
        >>> points = pd.DataFrame({"study": "mine", "activation": "tanh", "method": "post",
        ...     "pruning_ratio": [0.1, 0.2, 0.3, 0.4], "agrees": [True, False, False, False]})
        >>> along_slopes(points)
        'mine tanh post (0.2 to 0.4)'
        >>> along_slopes(points[:3])
        'none'
    """
    told = []
    for key, curve in points.groupby(NAMED, sort=False):
        curve = curve.sort_values("pruning_ratio")
        runs = curve["agrees"].astype(bool).cumsum()  # the same along each run of disagreement
        off = curve[~curve["agrees"].astype(bool)]
        for _, run in off.groupby(runs[off.index])["pruning_ratio"]:
            if len(run) >= SLOPE:
                told.append(f"{' '.join(map(str, key))} ({run.min():g} to {run.max():g})")
    return ", ".join(told) or "none"
