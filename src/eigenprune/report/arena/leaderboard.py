"""All pruning methods ranked where they compete, and which are not told apart from the best.

Each is compared with its rival over the seeds that both have; `averages` says where methods
compete.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError
from eigenprune.report.arena.averages import (
    CONTROL,
    METHOD,
    POINT,
    SPECTRAL,
    TIMES,
    over_activations,
    points,
    settled,
)
from eigenprune.report.paired import holm, t_tests, with_verdicts

RATIOS = (0.5, 0.8, 0.9, 0.95)


def at_ratios(table: pd.DataFrame, ratios: Sequence[float] = RATIOS) -> pd.DataFrame:
    """The rows of a table at these pruning ratios, those of the leaderboard if not given."""
    return table[table["pruning_ratio"].round(9).isin([round(ratio, 9) for ratio in ratios])]


def leaderboard(
    rivals: pd.DataFrame,
    ratios: Sequence[float] = RATIOS,
    *,
    controls: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """All methods by falling mean accuracy, each compared with the best of its group.

    The rival of a method is the best one, and the rival of the best one is the next. The best is
    selected by the same test accuracies that the comparison uses, so it looks a little too good.

    Args:
        rivals: the tidy table, see `lab.arena`.
        ratios: pruning ratios to rank at.
        controls: see `averages.over_activations`.

    Returns:
        What `points` returns at these ratios, sorted by rank within each point, with `rank` (equal
        means share the better rank), `of` (methods ranked), `rival`, the paired difference to it,
        see `paired.t_tests` (`shared` seeds, `difference`, `low` and `high` of the uncorrected
        interval, `p` corrected by `paired.holm` for all tests of the point), and `verdict`: `worse`
        than the best, `not told apart` from it, or `best`, if it is told apart from the next; `not
        tested` where the two share fewer than two seeds, `no rival` where a method stands alone.

    Raises:
        UserError: see `averages.over_activations`; and if there is no row at these ratios.
    """
    networks = over_activations(rivals, controls)
    board = _ranked(networks, ratios)
    methods = board.groupby(POINT, sort=False)["method"]
    best, second = methods.transform("first"), methods.transform(_second)
    leads = board["method"] == best
    board = _compared(board.assign(rival=best.where(~leads, second)), networks)
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
    *,
    controls: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The ranks of the spectral methods, and each compared with the best that is not spectral.

    Args:
        rivals: the tidy table, see `lab.arena`.
        ratios: pruning ratios to look at.
        controls: see `averages.over_activations`.

    Returns:
        The rows of `leaderboard` whose family is SPECTRAL, with the same ranks. But `rival` is the
        best method that is neither spectral nor a control, `rival_parameters` are those that it
        keeps (NaN without a rival), p is corrected for the tests of these methods, and `verdict` is
        `better`, `worse`, `open`, `not tested` or `no rival`.

    Raises:
        UserError: see `leaderboard`.
    """
    networks = over_activations(rivals, controls)
    board = _ranked(networks, ratios)
    others = board[~board["family"].isin([SPECTRAL, CONTROL])].drop_duplicates(POINT)
    named = {"method": "rival", "parameters_kept": "rival_parameters"}
    rival = others[[*POINT, *named]].rename(columns=named)
    standing = board[board["family"] == SPECTRAL].merge(rival, on=POINT, how="left")
    standing["rival"] = standing["rival"].fillna("")
    standing = _compared(standing, networks)
    standing.loc[standing["rival"] == "", "verdict"] = "no rival"
    return standing


def write_leaderboard(path: Path, rivals: pd.DataFrame) -> int:
    """Write the leaderboard of each study as the book shows it, and return its number of rows.

    One row per method and point, the best of each point first:

    - where: `study`, `dataset`, `hidden`, `retraining` (`none`, or `fine-tuned`: trained at
      the final size, pruned before or after training), `pruning_ratio` (one of RATIOS),
      `activation` (or `all`: the mean over them, seed by seed);
    - which: `method`, `family`, `score`, `regulariser`;
    - how good: `rank` and `of` (methods ranked), `n` (seeds), `accuracy_mean`, `accuracy_std` (of
      the sample, empty for one seed), `unpruned` (the plainly trained dense network, unpruned, in
      the mean over the same seeds) and `lost` (`unpruned` minus the method's), from 0 to 1;
    - against `rival` (the best of the point; for the best the next), paired over `shared` seeds:
      `difference`, its 95 % confidence interval from `low` to `high`, `p` (corrected by
      Holm for all tests of the point) and `verdict`, see `leaderboard`;
    - what is left, means over the seeds: `nodes_kept`, `parameters_kept`, `macs_kept`, `latency`
      (milliseconds), `compression_ratio`, `theoretical_speed_up` and `measured_speed_up` (before
      pruning over after it), and `seconds` of compute for one network, see
      `averages.timed_alike`.

    Args:
        path: `results/paper/leaderboard.csv`.
        rivals: the tidy table, see `lab.arena`, of which only the rows that are `averages.settled`
            are used. A study without a row at RATIOS is left out.
    """
    boards = []
    for study, rows in settled(rivals).groupby("study", sort=False):
        if len(at_ratios(rows)):
            board = leaderboard(rows)
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


def _ranked(networks: pd.DataFrame, ratios: Sequence[float]) -> pd.DataFrame:
    at = at_ratios(networks, ratios)
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


def _compared(board: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """The board with the paired test of each method against its `rival`, where it has one."""
    # By seed, as arrays: there are thousands of pairs, and a Series is slow for each.
    accuracies = {
        key: {
            method: of_seeds.to_numpy()
            for method, of_seeds in point.pivot(
                index="seed", columns="method", values="accuracy"
            ).items()
        }
        for key, point in networks.groupby(POINT, sort=False)
    }
    pairs = []
    for row in board.to_dict("records"):
        if row["rival"]:
            wide = accuracies[tuple(row[name] for name in POINT)]
            one, other = wide[row["method"]], wide[row["rival"]]
            shared = ~np.isnan(one - other)
            pairs.append((one[shared], other[shared]))
        else:
            pairs.append(([], []))
    found = t_tests(pairs).set_index(board.index).rename(columns={"n": "shared"})
    tests = board.join(found)
    # Each point has a question of its own. Most of its differences are large, and must not lower
    # the bar for those that decide which methods lead.
    return with_verdicts(tests, lambda p: p.groupby([tests[key] for key in POINT]).transform(holm))
