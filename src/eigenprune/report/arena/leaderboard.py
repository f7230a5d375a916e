"""Who is best: all pruning methods ranked where they compete, and who is not told from the best.

Methods compete where dataset, hidden widths and retraining are the same (GROUP), at the same
pruning ratio; each is compared with its rival over the seeds that both have.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from eigenprune.files import write_whole
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
# What is pruned or made small before it is trained meets what is trained after it was pruned.
WHEN_SMALL = {"retraining": {"trained": "fine-tuned"}}
# The plainly trained dense network, all its nodes there: the control of every method.
PLAIN = "plain dense network"
# How many times more the unpruned network has, or takes: parameters, MACs and milliseconds.
TIMES = {
    "compression_ratio": "parameters_kept",
    "theoretical_speed_up": "macs_kept",
    "measured_speed_up": "latency",
}

_KEPT = ["nodes_kept", "parameters_kept", "macs_kept", "latency", "seconds", *TIMES]
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


def controls_of(rivals: pd.DataFrame) -> pd.DataFrame:
    """The rows of plainly trained dense networks, unpruned: the control of every method.

    Args:
        rivals: the tidy table, see `read_rivals`.

    Returns:
        One row per dataset, widths, activation and seed, of family `weights`, nothing retrained,
        at ratio 0.
    """
    rivals = _checked(rivals)
    same = ["dataset", "hidden", "activation", "seed"]
    return rivals[_plain(rivals)].drop_duplicates(same)


def settled(rivals: pd.DataFrame) -> pd.DataFrame:
    """The rows of those activations that every method has, with others retrained as it is.

    A study is recorded bit by bit. A mean over an activation that some methods lack would be of the
    others alone, and these would be compared with nobody.

    Args:
        rivals: the tidy table, see `read_rivals`.
    """
    keys = rivals.replace(WHEN_SMALL)[[*GROUP, "activation", "method"]]
    methods = keys.groupby(GROUP)["method"].transform("nunique")
    having = keys.groupby([*GROUP, "activation"])["method"].transform("nunique")
    return rivals[having == methods]


def over_activations(rivals: pd.DataFrame, controls: pd.DataFrame | None = None) -> pd.DataFrame:
    """The networks of each activation, and the mean over the activations for each seed.

    One seed draws for all activations: their mean counts as one realisation, not as several. Where
    a method or a seed lacks an activation of its group there is no such mean.

    Args:
        rivals: the tidy table, see `read_rivals`.
        controls: what `controls_of` returns of a table that this one is a part of; if None, of it.

    Returns:
        One row per method, activation, seed and point; `activation` is OVER_ACTIVATIONS for the
        means. Besides METHOD, POINT, `seed` and what is kept: `accuracy`; `unpruned`, that of the
        control of that seed, NaN where there is none; `lost`, the latter less the former;
        and TIMES, before pruning over after it: parameters (`compression_ratio`), MACs
        (`theoretical_speed_up`) and latency (`measured_speed_up`), NaN where the table has no
        unpruned network.

    Raises:
        UserError: if a column is missing or a network stands in the table twice.
    """
    rivals = _checked(rivals)
    network = [*POINT, "method", "seed"]
    if (twice := rivals[rivals.duplicated(network)]).size:
        first = ", ".join(str(value) for value in twice.iloc[0][network])
        raise UserError(f"{first}: this network stands in the table twice")
    same = ["dataset", "hidden", "activation", "seed"]
    # Not the method's own network at ratio 0: some methods have silenced nodes in it already.
    controls = controls_of(rivals) if controls is None else controls
    unpruned = controls[[*same, "accuracy"]].rename(columns={"accuracy": "unpruned"})
    table = rivals.merge(unpruned, on=same, how="left")
    table = _with_times(table.assign(lost=table["unpruned"] - table["accuracy"]))
    numbers = ["accuracy", "unpruned", "lost", *_KEPT]
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
        `unpruned`, `lost`, `nodes_kept`, `parameters_kept`, `macs_kept`, `latency` (milliseconds),
        `seconds` (of compute for one network) and TIMES. `unpruned` and `lost` are NaN where a
        seed has no control: a mean over the others would be of other networks than `accuracy_mean`.
    """

    def of_all(values: pd.Series) -> float:
        return float(values.mean(skipna=False))

    return (
        networks.groupby([*POINT, *METHOD], sort=False)
        .agg(
            n=("accuracy", "size"),
            accuracy_mean=("accuracy", "mean"),
            accuracy_std=("accuracy", "std"),
            **{name: (name, of_all) for name in ("unpruned", "lost")},
            **{name: (name, "mean") for name in _KEPT},
        )
        .reset_index()
    )


def means_alone(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are means over the activations, see `over_activations`."""
    return table[table["activation"] == OVER_ACTIVATIONS]


def plain_network(networks: pd.DataFrame) -> pd.DataFrame:
    """The plainly trained dense network, unpruned and not retrained: the control of all methods.

    Args:
        networks: what `over_activations` returns, of the controls alone or with others.

    Returns:
        What `points` returns, with PLAIN for a `method`: one row per dataset, widths and
        activation; none where the table has no such network.
    """
    rows = networks[_plain(networks)].assign(method=PLAIN, score="")
    return points(rows.drop_duplicates([*POINT, "seed"]))


def leaderboard(
    rivals: pd.DataFrame,
    ratios: Sequence[float] = RATIOS,
    confidence: float = 0.95,
    *,
    controls: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """All methods by falling mean accuracy, each compared with the best of its group.

    The rival of a method is the best one, and of the best one the next. Which is best is read off
    the same test accuracies that the comparison uses, so that the best looks a little too good.

    Args:
        rivals: the tidy table, see `read_rivals`.
        ratios: pruning ratios to rank at.
        confidence: of intervals and verdicts, between 0 and 1.
        controls: see `over_activations`.

    Returns:
        What `points` returns at these ratios, sorted by rank within each point, with `rank` (equal
        means share the better one), `of` (methods ranked), `rival`, the paired difference to it,
        see `paired.paired_test` (`shared` seeds, `difference`, `low` and `high` of the single
        interval, `p` corrected for all tests of the table), and `verdict`: `worse` than the best,
        `not told apart` from it, or `best`, if it is told apart from the next; `not tested` where
        the two share fewer than two seeds, `no rival` where a method stands alone.

    Raises:
        UserError: see `over_activations`; and if there is no row at these ratios.
    """
    networks = over_activations(rivals, controls)
    board = _ranked(networks, ratios)
    methods = board.groupby(POINT, sort=False)["method"]
    best, second = methods.transform("first"), methods.transform(_second)
    leads = board["method"] == best
    board = _compared(board.assign(rival=best.where(~leads, second)), networks, confidence)
    better, worse = board["verdict"] == "better", board["verdict"] == "worse"
    verdict = np.select(
        [board["rival"] == "", board["p"].isna(), leads & better, ~leads & worse],
        ["no rival", "not tested", "best", "worse"],
        "not told apart",
    )
    return board.assign(verdict=verdict)


def spectral_standing(
    rivals: pd.DataFrame,
    ratios: Sequence[float] = RATIOS,
    confidence: float = 0.95,
    *,
    controls: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Where the spectral methods stand: their ranks, and each against the best that is not one.

    Args:
        rivals: the tidy table, see `read_rivals`.
        ratios: pruning ratios to look at.
        confidence: of intervals and verdicts, between 0 and 1.
        controls: see `over_activations`.

    Returns:
        The rows of `leaderboard` whose family is SPECTRAL, with the same ranks, but with the best
        method of another family for a `rival`, p corrected for the tests of this table alone, and
        the `verdict` `better`, `worse`, `open`, `not tested` or `no rival`.

    Raises:
        UserError: see `leaderboard`.
    """
    networks = over_activations(rivals, controls)
    board = _ranked(networks, ratios)
    others = board[board["family"] != SPECTRAL].drop_duplicates(POINT)
    rival = others[[*POINT, "method"]].rename(columns={"method": "rival"})
    standing = board[board["family"] == SPECTRAL].merge(rival, on=POINT, how="left")
    standing["rival"] = standing["rival"].fillna("")
    standing = _compared(standing, networks, confidence)
    standing.loc[standing["rival"] == "", "verdict"] = "no rival"
    return standing


def write_leaderboard(path: Path, rivals: pd.DataFrame) -> int:
    """Write the leaderboard of each study as the book shows it, and return its number of rows.

    One row per method and point, the best of each point first:

    - where: `study`, `dataset`, `hidden`, `retraining` (`none`, or `fine-tuned`: trained when
      small, before or after pruning), `pruning_ratio` (one of RATIOS), `activation` (or `all`: the
      mean over them, seed by seed);
    - which: `method`, `family`, `score`, `regulariser`;
    - how good: `rank` and `of` (methods ranked), `n` (seeds), `accuracy_mean`, `accuracy_std` (of
      the sample, empty for one seed), `unpruned` (the plainly trained dense network, unpruned, in
      the mean over the same seeds) and `lost` (the latter less the method's), from 0 to 1;
    - against `rival` (the best of the point; for the best the next), paired over `shared` seeds:
      `difference`, its 95 % confidence interval from `low` to `high`, `p` (Benjamini and Hochberg,
      over all tests of the study) and `verdict`, see `leaderboard`;
    - what is left, means over the seeds: `nodes_kept`, `parameters_kept`, `macs_kept`, `latency`
      (milliseconds), `compression_ratio`, `theoretical_speed_up` and `measured_speed_up` (before
      pruning over after it), and `seconds` of compute for one network.

    Args:
        path: `results/paper/leaderboard.csv`.
        rivals: the tidy table, see `read_rivals`, of which it takes what is `settled`. A study
            without a row at RATIOS is left out.
    """
    boards = []
    for study, rows in settled(rivals).groupby("study", sort=False):
        if rows["pruning_ratio"].isin(RATIOS).any():
            board = leaderboard(rows.replace(WHEN_SMALL))
            board.insert(0, "study", study)
            boards.append(board)
    found = pd.concat(boards, ignore_index=True) if boards else pd.DataFrame(columns=_WRITTEN)
    text = found[_WRITTEN].to_csv(index=False, lineterminator="\n", float_format="%.6g")
    write_whole(path, text.encode())
    return len(found)


_WRITTEN = [
    *("study", *POINT, *METHOD, "rank", "of", "n", "accuracy_mean", "accuracy_std", "unpruned"),
    *("lost", "rival", "shared", "difference", "low", "high", "p", "verdict"),
    *("nodes_kept", "parameters_kept", "macs_kept", "latency", *TIMES, "seconds"),
]


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


def _plain(table: pd.DataFrame) -> pd.Series:
    """Which rows are of plainly trained dense networks, unpruned."""
    plain = table["family"].eq("weights") & table["regulariser"].eq("")
    return plain & table["retraining"].eq("none") & table["pruning_ratio"].eq(0)


def _with_times(table: pd.DataFrame) -> pd.DataFrame:
    """With TIMES: what the unpruned network of the same shape and activation has, over its own."""
    network = ["dataset", "hidden", "activation"]
    kept = list(TIMES.values())
    unpruned = table[table["pruning_ratio"] == 0].groupby(network)[kept].max().add_suffix("_before")
    table = table.join(unpruned, on=network)
    times = {name: table[f"{of}_before"] / table[of] for name, of in TIMES.items()}
    return table.assign(**times)


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
    # By seed, as arrays: there are thousands of pairs, and a Series takes its time for each.
    accuracies = {
        key: {
            method: of_seeds.to_numpy()
            for method, of_seeds in point.pivot(
                index="seed", columns="method", values="accuracy"
            ).items()
        }
        for key, point in networks.groupby(POINT, sort=False)
    }
    nothing = {"n": 0, **dict.fromkeys(TEST[1:], np.nan)}
    tests = []
    for row in board.to_dict("records"):
        if row["rival"]:
            wide = accuracies[tuple(row[name] for name in POINT)]
            one, other = wide[row["method"]], wide[row["rival"]]
            shared = ~np.isnan(one - other)
            tests.append(paired_test(one[shared], other[shared], confidence))
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
