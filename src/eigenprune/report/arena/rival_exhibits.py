"""The figures and tables of the chapters on the arena, one function for each kind.

Each function shows one for every study of an `Arena` (and every activation, where each has a
figure), named after the study. `key` begins the names, which must differ within a notebook. A study
that is recorded only in part is shown as far as it is there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from eigenprune.lab import results
from eigenprune.lab.records import latencies
from eigenprune.lab.rivals import AS_PRUNED, FINE_TUNED
from eigenprune.report import ranking, readable
from eigenprune.report.arena import (
    averages,
    curve_figures,
    leaderboard,
    rival_figures,
    rival_tables,
)
from eigenprune.report.arena.scope import Arena, Shown
from eigenprune.report.shown import show

WORDS = {AS_PRUNED: "without retraining", FINE_TUNED: "trained at the final size"}
AXES = {"pruning_ratio": "the pruning ratio", "parameters_kept": "the parameters kept"}


def show_settings(arena: Arena) -> None:
    """The parameters of the studies except their methods, a column for each study."""
    if arena.shown:
        columns = {
            shown.study.name: readable.settings(shown.study)["value"] for shown in arena.shown
        }
        show(
            pd.DataFrame(columns).drop("methods"),
            name="settings",
            caption="Parameters of the studies.",
        )


def show_curves(
    arena: Arena,
    *,
    retraining: str = AS_PRUNED,
    against: str = "pruning_ratio",
    key: str = "curves",
    folded: bool = False,
) -> None:
    """Trade-off curves, a panel for each family of methods.

    Args:
        arena: what to show.
        retraining: `none` or `fine-tuned`, a key of WORDS.
        against: the horizontal axis, a key of AXES.
        key: see the top of this file.
        folded: whether a reader has to unfold them.
    """
    for shown in arena.shown:
        means = averages.points(shown.networks)
        means = means[means["retraining"] == retraining]
        if not (means["pruning_ratio"] > 0).any():
            continue
        for activation in averages.activations(means):
            said = (
                f"{shown.study.dataset}, {activation}: test accuracy against {AXES[against]}, "
                f"{WORDS[retraining]}"
            )
            drawn = means[means["activation"] == activation]
            show(
                curve_figures.curves_by_family(drawn, against),
                name=f"{key}-{shown.study.name}-{activation}",
                caption=f"{said}; mean and sample standard deviation over {_seeds(drawn['n'])}. "
                "The vertical axis is stretched at its upper end.",
                alt=f"Test accuracy against {AXES[against]}, one panel per family of methods.",
                of=[shown.study],
                recorded=shown.recorded,
                folded=said if folded else "",
            )


def show_leaderboard(arena: Arena) -> None:
    """The whole leaderboard, folded: each method against the best of its ratio."""
    for shown in arena.shown:
        if not ranked(shown):
            continue
        board = shown.leaderboard
        for retraining, rows in averages.means_alone(board).groupby("retraining", sort=False):
            show(
                # Sizes stand in the table of costs; the rival is the first of its ratio.
                rival_tables.leaderboard(rows).drop(columns=["parameters", "rival"]),
                name=f"leaderboard-{shown.study.name}-{retraining}",
                caption=f"{said_of(shown, str(retraining))}: {WORDS[str(retraining)]}. "
                "Every method is compared with the best at its ratio, and the best with the next: "
                "paired difference over shared seeds with its interval, in points of accuracy, and "
                "p corrected by Holm for all tests at the ratio. `lost` is relative to the plain "
                "network, unpruned.",
                of=[shown.study],
                recorded=shown.recorded,
                folded=f"Full leaderboard: {shown.study.dataset}, {WORDS[str(retraining)]}",
            )


def show_costs(arena: Arena) -> None:
    """Parameters, MACs and latency of all methods at the ratios of the leaderboard, folded."""
    for shown in arena.shown:
        means = averages.points(averages.means_alone(shown.networks))
        means = leaderboard.at_ratios(means)
        if means.empty:
            continue
        # Retraining leaves the size of a network as it is.
        table = rival_tables.costs(means.drop_duplicates(["method", "pruning_ratio"]))
        machine = latencies.machines().get(shown.study.dataset)
        if not machine:  # then it is also unknown whether the networks were timed in one go
            table = table.drop(columns="measured", errors="ignore")
        show(
            table,
            name=f"costs-{shown.study.name}",
            caption=f"{said_of(shown)}: parameters kept at each pruning ratio, mean over the "
            "seeds, which is also the number of multiply-accumulate operations (MACs) per example; "
            "`compression` ratio and theoretical `speed-up`"
            + (_timing(machine) if "latency" in table else "."),
            of=[shown.study],
            recorded=shown.recorded,
            folded=f"Size and speed after pruning: {shown.study.dataset}",
        )


def show_spectral(
    arena: Arena, *, method: str = "", key: str = "", which: str = "the best spectral method"
) -> None:
    """Compare a spectral method at each ratio of the study with the best that is not spectral.

    Args:
        arena: what to show.
        method: its name; if none is given, the best one at each ratio.
        key: begins the names of the tables; if none is given, the method, or `spectral`.
        which: what the caption calls the best one.
    """
    for shown in arena.shown:
        if not ranked(shown):
            continue
        rows = shown.competing
        pruned = sorted(ratio for ratio in rows["pruning_ratio"].unique() if ratio > 0)
        ratios = pruned if method else leaderboard.RATIOS
        standing = leaderboard.spectral_standing(rows, ratios, controls=shown.controls)
        standing = standing[standing["activation"] == averages.OVER_ACTIVATIONS]
        if method:
            standing = standing[standing["method"] == method]
        best = standing.drop_duplicates(["retraining", "pruning_ratio"])
        # What is the same in every row.
        known = ["family", *(["method"] if method else [])]
        for retraining, rows in best.groupby("retraining", sort=False):
            show(
                rival_tables.leaderboard(rows).drop(columns=known),
                name=f"{key or method or 'spectral'}-{shown.study.name}-{retraining}",
                caption=f"{said_of(shown, str(retraining))}: "
                f"{f'`{method}`' if method else which} "
                f"at each ratio, {WORDS[str(retraining)]}. p is corrected by Holm for the tests of "
                "all spectral methods at the ratio; `lost` is relative to the plain network, "
                "unpruned. At one ratio the method and its rival lose the same number of nodes, "
                "but not of parameters: `its parameters` are those that the rival keeps.",
                of=[shown.study],
                recorded=shown.recorded,
                # The first question is what pruning alone does.
                folded=""
                if retraining == AS_PRUNED
                else f"{shown.study.dataset}: trained at the final size",
            )


def show_compute(arena: Arena) -> None:
    """Compute spent, for recorded studies only: seconds differ each time."""
    for shown in arena.shown:
        if not shown.recorded or not ranked(shown):
            continue
        board = shown.leaderboard
        board = board[(board["retraining"] == AS_PRUNED) & board["lost"].notna()]
        # An activation without any timed method has no figure.
        for activation in averages.activations(board[board["seconds"] > 0]):
            at = board[board["activation"] == activation]
            timed = at["seconds"] > 0
            untimed = ", ".join(f"`{name}`" for name in at.loc[~timed, "method"].unique())
            show(
                rival_figures.compute_against_loss(at[timed]),
                name=f"compute-{shown.study.name}-{activation}",
                caption=f"{shown.study.dataset}, {activation}: accuracy lost against compute, "
                "without retraining. Compute is the median over the seeds computed on one kind of "
                "processor, without the seed that searched for a strength. The methods that no "
                "other beats in both are numbered and joined by a line."
                + (f" Not shown for lack of such a seed: {untimed}." if untimed else ""),
                alt="Points of accuracy lost against seconds of compute, one marker per method, "
                "one panel per pruning ratio.",
                of=[shown.study],
                recorded=True,
            )
        show(
            rival_tables.compute_spent(averages.compute_spent(shown.competing)),
            name=f"spent-{shown.study.name}",
            caption=f"{shown.study.dataset}: compute spent on each method, in time of one core. "
            "Older records hold wall-clock time, on a machine that did other work at times. Unlike "
            "the figure, the table counts all machines, which are not equally fast.",
            of=[shown.study],
            recorded=True,
            folded=f"Compute spent on each method: {shown.study.dataset}",
        )


def show_strengths(arena: Arena) -> None:
    """The strengths that were chosen for each regulariser, by activation."""
    for shown in arena.shown:
        strengths = rival_tables.strengths(shown.table, arena.params.rivals)
        if strengths.empty:
            continue
        show(
            strengths,
            name=f"strengths-{shown.study.name}",
            caption=f"{shown.study.dataset}: regularisation strength chosen for each activation; "
            "an asterisk marks the smallest or largest strength tried.",
            of=[shown.study],
            recorded=shown.recorded,
        )


def show_scopes(arena: Arena) -> None:
    """Scores that are used both ways: ranked over all layers, and in each (`-by-layer`)."""
    names = [name for name in arena.params.rivals if name.endswith("-by-layer")]
    pairs = [*names, *(name.removesuffix("-by-layer") for name in names)]
    for shown in arena.named(pairs).shown:
        rows = shown.competing[shown.competing["retraining"] == AS_PRUNED]
        if rows.empty:
            continue
        shared = set.intersection(*(set(those) for _, those in rows.groupby("method")["seed"]))
        rows = rows[rows["seed"].isin(shared)]
        means = averages.points(averages.over_activations(rows))
        means = means[means["activation"] == averages.OVER_ACTIVATIONS]
        if means.empty:
            continue
        wide = means.pivot(index="method", columns="pruning_ratio", values="accuracy_mean")
        show(
            (100 * wide).map("{:.2f}".format).rename_axis(columns="pruning ratio"),
            name=f"scopes-{shown.study.name}",
            caption=f"{said_of(shown, 'none')}: test accuracy in per cent, without "
            "retraining, mean over the seeds that all methods have "
            f"({', '.join(map(str, sorted(shared)))}).",
            of=[shown.study],
            recorded=shown.recorded,
        )


def show_rankings(arena: Arena, methods: Sequence[str]) -> None:
    """How much of the ranking by eigenvalue is the initial draw, a table for each study."""
    for shown in arena.named(methods).shown:
        spectra = results.eigenvalues(shown.study, recorded_only=shown.recorded)
        by_method = {str(method): rows for method, rows in spectra.groupby("method", sort=False)}
        if not by_method:
            continue
        show(
            ranking.kept_by_training(
                {name: by_method[name] for name in methods if name in by_method}
            ),
            name=f"rankings-{shown.study.name}",
            caption=f"{shown.study.dataset}: correlation between the rankings before and after "
            "training, and between the rankings of two seeds. Nodes of two seeds have nothing in "
            "common, so the latter is the level of chance.",
            of=[shown.study],
            recorded=shown.recorded,
        )


def _seeds(counts: pd.Series) -> str:
    """How many seeds the points of some curves have.

    >>> _seeds(pd.Series([3, 5])), _seeds(pd.Series([5, 5]))
    ('3–5 seeds, depending on method and ratio', '5 seeds')
    """
    unlike = ", depending on method and ratio" if counts.nunique() > 1 else ""
    return f"{readable.span(counts)} seeds{unlike}"


def _timing(machine: Mapping[str, Any] | None) -> str:
    """What was timed, and on which machine."""
    words = f"; `latency` in milliseconds for a batch of {latencies.BATCH} on one thread"
    if not machine:
        return f"{words} of a machine that is not known."
    return (
        f"{words} of {machine['processor']}, torch {machine['torch']}, and `measured` speed-up, "
        "both over the timed networks only."
    )


def said_of(shown: Shown, retraining: str = "") -> str:
    """The dataset, and the activations that the means are over.

    Args:
        shown: a study.
        retraining: `none` or `fine-tuned`, a key of WORDS; both if not given.
    """
    rows, said = shown.competing, {}
    for how in [retraining] if retraining else WORDS:
        if names := averages.activations(rows[rows["retraining"] == how]):
            said[how] = f"mean over {', '.join(names)}" if len(names) > 1 else names[0]
    if len(set(said.values())) == 1:
        return f"{shown.study.dataset}, {said.popitem()[1]}"
    told = (f"{WORDS[how]}: {means}" for how, means in said.items())
    return f"{shown.study.dataset} ({'; '.join(told)})"


def ranked(shown: Shown) -> bool:
    """Whether any row that can be compared is at a ratio of the leaderboard."""
    return len(leaderboard.at_ratios(shown.competing)) > 0
