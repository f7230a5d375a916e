"""Who is best: all pruning methods ranked where they compete, and who is not told from the best.

Methods compete where dataset, hidden widths and retraining are the same (GROUP), at the same
pruning ratio; each is compared with its rival over the seeds that both have.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from eigenprune.lab.errors import UserError
from eigenprune.lab.rows import COLUMNS
from eigenprune.report.paired import TEST, paired_test, with_verdicts

GROUP = ["dataset", "hidden", "retraining"]
POINT = [*GROUP, "pruning_ratio", "activation"]
METHOD = ["method", "family", "score", "regulariser"]
RIVALS_COLUMNS = (
    *COLUMNS,
    "family",
    "score",
    "regulariser",
    "retraining",
    "hyperparameters",
    "macs_kept",
)
# What a table may have as well: it was measured when the results were recorded, see `lab.arena`.
MEASURED = ("latency", "seconds")
RATIOS = (0.5, 0.8, 0.9, 0.95)
OVER_ACTIVATIONS = "all"
SPECTRAL = "spectral"

_KEPT = ["nodes_kept", "parameters_kept", "macs_kept", "latency", "seconds"]
_WORDS = [*METHOD, "retraining", "hyperparameters"]


def read_rivals(path: Path) -> pd.DataFrame:
    """Read the tidy table of all methods, `rivals.csv`.

    Returns:
        One row per network, with RIVALS_COLUMNS and MEASURED; words that are empty stay empty.

    Raises:
        UserError: if the file is not there or lacks a column.
    """
    try:
        rivals = pd.read_csv(path, dtype={"hidden": str})
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there") from error
    return _checked(rivals, str(path))


def over_activations(rivals: pd.DataFrame) -> pd.DataFrame:
    """The networks of each activation, and the mean over the activations for each seed.

    One seed draws for all activations: their mean counts as one realisation, not as several. Where
    a method or a seed lacks an activation of its group there is no such mean.

    Args:
        rivals: the tidy table, see `read_rivals`.

    Returns:
        One row per method, activation, seed and point; `activation` is OVER_ACTIVATIONS for the
        means. Besides METHOD, POINT, `seed` and what is kept: `accuracy`, and `lost`, the accuracy
        of the plainly trained dense network of that seed, unpruned, less its own; NaN where the
        table has no such network (family `weights`, nothing retrained, ratio 0).

    Raises:
        UserError: if a column is missing or a network stands in the table twice.
    """
    rivals = _checked(rivals)
    network = [*POINT, "method", "seed"]
    if (twice := rivals[rivals.duplicated(network)]).size:
        first = ", ".join(str(value) for value in twice.iloc[0][network])
        raise UserError(f"{first}: this network stands in the table twice")
    # Not the method's own network at ratio 0: some methods have silenced nodes in it already.
    plain = rivals["family"].eq("weights") & rivals["retraining"].eq("none")
    plain &= rivals["regulariser"].eq("") & rivals["pruning_ratio"].eq(0)
    same = ["dataset", "hidden", "activation", "seed"]
    controls = rivals.loc[plain, [*same, "accuracy"]].drop_duplicates(same)
    table = rivals.merge(controls.rename(columns={"accuracy": "unpruned"}), on=same, how="left")
    table = table.assign(lost=table["unpruned"] - table["accuracy"])
    numbers = ["accuracy", "lost", *_KEPT]
    of_activations = table[[*POINT, *METHOD, "seed", *numbers]]
    keys = [*GROUP, "pruning_ratio", *METHOD, "seed"]
    groups = table.groupby(keys, sort=False)
    wanted = table.groupby(GROUP)["activation"].transform("nunique")
    whole = table[groups["activation"].transform("size") == wanted]
    # Not the mean of what is there: a control that lacks one activation is no control of them all.
    means = whole.groupby(keys, sort=False)[numbers].mean(skipna=False)
    means = means.reset_index().assign(activation=OVER_ACTIVATIONS)
    return pd.concat([means[of_activations.columns], of_activations], ignore_index=True)


def points(networks: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds.

    Args:
        networks: what `over_activations` returns.

    Returns:
        One row per method and point, with POINT, METHOD, `n` (seeds), `accuracy_mean`,
        `accuracy_std` (sample standard deviation over the seeds, NaN for one), and the means of
        `lost`, `nodes_kept`, `parameters_kept`, `macs_kept`, `latency` (milliseconds) and
        `seconds` (of compute for one network).
    """
    return (
        networks.groupby([*POINT, *METHOD], sort=False)
        .agg(
            n=("accuracy", "size"),
            accuracy_mean=("accuracy", "mean"),
            accuracy_std=("accuracy", "std"),
            **{name: (name, "mean") for name in ("lost", *_KEPT)},
        )
        .reset_index()
    )


def leaderboard(
    rivals: pd.DataFrame, ratios: Sequence[float] = RATIOS, confidence: float = 0.95
) -> pd.DataFrame:
    """All methods by falling mean accuracy, each compared with the best of its group.

    The rival of a method is the best one, and of the best one the next. Which is best is read off
    the same test accuracies that the comparison uses, so that the best looks a little too good.

    Args:
        rivals: the tidy table, see `read_rivals`.
        ratios: pruning ratios to rank at.
        confidence: of intervals and verdicts, between 0 and 1.

    Returns:
        What `points` returns at these ratios, sorted by rank within each point, with `rank` (equal
        means share the better one), `of` (methods ranked), `rival`, the paired difference to it,
        see `paired.paired_test` (`shared` seeds, `difference`, `low` and `high` of the single
        interval, `p` corrected for all tests of the table), and `verdict`: `worse` than the best,
        `not told apart` from it, or `best`, if it is told apart from the next; `no rival` where a
        method stands alone.

    Raises:
        UserError: see `over_activations`; and if there is no row at these ratios.
    """
    networks = over_activations(rivals)
    board = _ranked(networks, ratios)
    methods = board.groupby(POINT, sort=False)["method"]
    best, second = methods.transform("first"), methods.transform(_second)
    leads = board["method"] == best
    board = _compared(board.assign(rival=best.where(~leads, second)), networks, confidence)
    better, worse = board["verdict"] == "better", board["verdict"] == "worse"
    verdict = np.select(
        [board["rival"] == "", leads & better, ~leads & worse],
        ["no rival", "best", "worse"],
        "not told apart",
    )
    return board.assign(verdict=verdict)


def spectral_standing(
    rivals: pd.DataFrame, ratios: Sequence[float] = RATIOS, confidence: float = 0.95
) -> pd.DataFrame:
    """Where the spectral methods stand: their ranks, and each against the best that is not one.

    Args:
        rivals: the tidy table, see `read_rivals`.
        ratios: pruning ratios to look at.
        confidence: of intervals and verdicts, between 0 and 1.

    Returns:
        The rows of `leaderboard` whose family is SPECTRAL, with the same ranks, but with the best
        method of another family for a `rival`, p corrected for the tests of this table alone, and
        the `verdict` `better`, `worse`, `open` or `no rival`.

    Raises:
        UserError: see `leaderboard`.
    """
    networks = over_activations(rivals)
    board = _ranked(networks, ratios)
    others = board[board["family"] != SPECTRAL].drop_duplicates(POINT)
    rival = others[[*POINT, "method"]].rename(columns={"method": "rival"})
    standing = board[board["family"] == SPECTRAL].merge(rival, on=POINT, how="left")
    standing["rival"] = standing["rival"].fillna("")
    standing = _compared(standing, networks, confidence)
    standing.loc[standing["rival"] == "", "verdict"] = "no rival"
    return standing


def compute_spent(rivals: pd.DataFrame) -> pd.DataFrame:
    """What the results of each method cost.

    Args:
        rivals: the tidy table, see `read_rivals`.

    Returns:
        One row per group and method, the most expensive first, with GROUP, METHOD, `networks`
        (rows), `seconds` (sum over them, a training that several rows share counted once) and
        `seconds_per_network`. NaN where nothing was measured.

    Raises:
        UserError: if a column is missing.
    """
    rivals = _checked(rivals)
    keys = [*GROUP, *METHOD]
    if "training" in rivals:
        again = rivals.duplicated([*keys, "training"])
        shared = rivals["training_seconds"].where(again, 0)
        rivals = rivals.assign(seconds=rivals["seconds"] - shared)
    groups = rivals.groupby(keys, sort=False)["seconds"]
    spent = groups.agg(networks="size", seconds=lambda s: s.sum(min_count=1)).reset_index()
    spent["seconds_per_network"] = spent["seconds"] / spent["networks"]
    return spent.sort_values("seconds", ascending=False, ignore_index=True)


def _ranked(networks: pd.DataFrame, ratios: Sequence[float]) -> pd.DataFrame:
    at = networks[networks["pruning_ratio"].round(9).isin([round(ratio, 9) for ratio in ratios])]
    if at.empty:
        raise UserError(
            f"ratios: no network of the table is pruned by {', '.join(map(str, ratios))}"
        )
    board = points(at)
    groups = board.groupby(POINT, sort=False)
    board = board.assign(
        place=groups.ngroup(),
        # Means of the same accuracies in another order differ in their last digits.
        rank=board["accuracy_mean"].round(9).groupby([board[name] for name in POINT]).rank(
            method="min", ascending=False
        ).astype(int),
        of=groups["method"].transform("size"),
    )  # fmt: skip
    order = board.sort_values(["place", "rank", "method"], ignore_index=True)
    return order.drop(columns="place")


def _second(methods: pd.Series) -> str:
    return methods.iloc[1] if len(methods) > 1 else ""


def _compared(board: pd.DataFrame, networks: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The board with the paired test of each method against its `rival`, where it has one."""
    accuracies = {
        key: point.pivot(index="seed", columns="method", values="accuracy")
        for key, point in networks.groupby(POINT, sort=False)
    }
    nothing = {"n": 0, **dict.fromkeys(TEST[1:], np.nan)}
    tests = []
    for row in board.to_dict("records"):
        if row["rival"]:
            wide = accuracies[tuple(row[name] for name in POINT)]
            pairs = wide[[row["method"], row["rival"]]].dropna()
            tests.append(paired_test(pairs[row["method"]], pairs[row["rival"]], confidence))
        else:
            tests.append(nothing)
    found = pd.DataFrame(tests, columns=TEST, index=board.index).rename(columns={"n": "shared"})
    return with_verdicts(board.join(found), confidence)


def _checked(rivals: pd.DataFrame, where: str = "the table of rivals") -> pd.DataFrame:
    """The table, if it has all columns; words that are empty in its file are empty, not NaN."""
    if missing := [name for name in RIVALS_COLUMNS if name not in rivals]:
        raise UserError(f"{where}: no column {missing[0]!r}; needed: {', '.join(RIVALS_COLUMNS)}")
    unknown = {name: np.nan for name in MEASURED if name not in rivals}
    return rivals.fillna(dict.fromkeys(_WORDS, "")).assign(**unknown)
