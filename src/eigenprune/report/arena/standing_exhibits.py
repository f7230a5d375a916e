"""How the methods of the arena stand: at a glance, as a heatmap, and as a table of all methods."""

from collections.abc import Collection

import pandas as pd

from eigenprune.lab.rivals import AS_PRUNED, find
from eigenprune.report.arena import averages, goal, leaderboard, rival_tables
from eigenprune.report.arena.cells import in_points, intervals, p_value
from eigenprune.report.arena.chosen_elsewhere import chosen_elsewhere
from eigenprune.report.arena.curve_figures import best_of_families
from eigenprune.report.arena.glance import LANDMARKS, SAID, at_a_glance
from eigenprune.report.arena.heatmap import heatmap
from eigenprune.report.arena.rival_exhibits import WORDS, ranked, said_of
from eigenprune.report.arena.scope import Arena, Shown
from eigenprune.report.shown import show


def show_at_a_glance(arena: Arena) -> None:
    """The best spectral method and the best other one at each ratio, one table for all studies."""
    shown, tables = [], []
    for its in arena.shown:
        means = averages.means_alone(its.networks)
        if leaderboard.at_ratios(means).empty:  # no seed has all activations yet
            continue
        plain = averages.means_alone(its.plain(AS_PRUNED))
        shown.append(its)
        tables.append(at_a_glance(means, plain, LANDMARKS, _of_each(its)))
    if not tables:
        return
    show(
        pd.concat(tables),
        name="at-a-glance",
        caption=SAID,
        of=[its.study for its in shown],
        recorded=any(its.recorded for its in shown),
    )


def show_chosen_elsewhere(arena: Arena) -> None:
    """The best spectral method against the best other one, both chosen on the other datasets."""
    networks = [averages.means_alone(its.networks) for its in arena.shown]
    every = pd.concat(networks) if networks else pd.DataFrame()
    if every.empty or leaderboard.at_ratios(every).empty:
        return
    tests = chosen_elsewhere(every[every["retraining"] == AS_PRUNED])
    if tests.empty:
        return
    table = pd.DataFrame(
        {
            "dataset": tests["dataset"],
            "ratio": tests["pruning_ratio"].map("{:g}".format),
            "spectral": [in_points(mean) for mean in tests["accuracy_mean"]],
            "rival": [in_points(mean) for mean in tests["rival_mean"]],
            "difference": intervals(tests),
            "verdict": tests["verdict"],
            "p": [p_value(p) for p in tests["p"]],
            "n": tests["n"],
            "spectral method": tests["method"],
            "rival method": tests["rival"],
        }
    )
    shown = [its for its in arena.shown if its.study.dataset in set(tests["dataset"])]
    show(
        table.set_index(["ratio", "dataset"]),
        name="chosen-elsewhere",
        caption="The spectral method and the rival (neither spectral nor a control) that are the "
        "best ones without retraining on the other dataset, at the same ratio. Test accuracy in "
        "per cent, mean over the n seeds that both have; the difference is in points, with its "
        "95 % confidence interval. p is corrected for all rows (Benjamini and Hochberg).",
        of=[its.study for its in shown],
        recorded=any(its.recorded for its in shown),
    )


def show_best_curves(arena: Arena) -> None:
    """The best method of each family over the pruning ratio, a figure for each activation."""
    for its in arena.shown:
        if not ranked(its):
            continue
        means = averages.points(its.networks)
        for activation in averages.activations(means):
            show(
                best_of_families(means[means["activation"] == activation], WORDS, LANDMARKS),
                name=f"best-curves-{its.study.name}-{activation}",
                caption=f"{its.study.dataset}, {activation}: for each family, the method with the "
                "highest mean over the ratios that all methods of a panel have, and methods to "
                "compare them with. Test accuracy, mean and sample standard deviation over seeds. "
                "Each panel has its own vertical axis, stretched at its upper end.",
                alt="Test accuracy against the pruning ratio, without retraining and trained at "
                "the final size; one curve for each family of methods.",
                of=[its.study],
                recorded=its.recorded,
            )


def show_goal(arena: Arena, method: str) -> None:
    """How near a spectral method comes to the goal, in one table for all studies."""
    shown = [its for its in arena.shown if ranked(its)]
    table = goal.verdicts(shown, method)
    if table.empty:
        return
    show(
        table,
        name=f"goal-{method}",
        caption=f"`{method}` without retraining, in points of accuracy. With {goal.RATIO:g} of the "
        "nodes removed, `lost` is its loss relative to the plainly trained dense network of the "
        f"same seeds, unpruned, of which the goal allows at most {100 * goal.MOST_LOST:g}; "
        "`of its own` is its loss relative to its own network at ratio 0. `behind`: number of "
        "ratios at which its mean is below that of the best method that is neither spectral nor a "
        "control, over the seeds that both have. `told apart`: at how many of these it is told "
        "apart as worse. `goal`: reached if neither loss is more than what is allowed and it is "
        "behind at no ratio, judged by these means even where a verdict is open.",
        of=[its.study for its in shown if its.study.dataset in table.index],
        recorded=any(its.recorded for its in shown),
    )


def show_standings(arena: Arena, *, key: str = "standings") -> None:
    """Accuracy and rank of all methods at the ratios of the leaderboard.

    Each study has a heatmap and, folded, a table for each kind of retraining.

    Args:
        arena: what to show.
        key: begins the names of figures and tables, which must differ within a notebook.
    """
    for shown in arena.shown:
        if not ranked(shown):
            continue
        networks = averages.means_alone(shown.networks)
        of_each = _of_each(shown)
        _show_heatmap(shown, networks, of_each, key)
        unpruned = averages.points(networks[networks["pruning_ratio"] == 0])
        board = shown.leaderboard
        for retraining, rows in averages.means_alone(board).groupby("retraining", sort=False):
            own = unpruned[unpruned["retraining"] == retraining]
            plain = averages.means_alone(shown.plain(str(retraining)))
            marked = of_each & set(rows["method"])
            show(
                rival_tables.standings(rows, own, plain, marked),
                name=f"{key}-{shown.study.name}-{retraining}",
                caption=f"{said_of(shown, str(retraining))}: {WORDS[str(retraining)]}. "
                "Accuracy in per cent at each pruning ratio, mean ± sample standard deviation over "
                f"n seeds, with the rank in brackets. {rival_tables.NEAR} marks the best and what "
                "is not told apart from it. `unpruned`: the method's own network at ratio 0. The "
                "first row is the plainly trained dense network"
                f"{_explained(marked)}.",
                of=[shown.study],
                recorded=shown.recorded,
                folded=f"With standard deviations and ranks: {said_of(shown, str(retraining))}, "
                f"{WORDS[str(retraining)]}",
            )


def _show_heatmap(shown: Shown, networks: pd.DataFrame, of_each: Collection[str], key: str) -> None:
    plain = pd.concat([averages.means_alone(shown.plain(retraining)) for retraining in WORDS])
    if plain.empty:  # nothing to compare them with
        return
    # Two numbers where the means on the left are over other activations than those on the right.
    controls = dict.fromkeys(f"{100 * mean:.2f}" for mean in plain["accuracy_mean"])
    means = averages.points(networks)
    means = means[means["pruning_ratio"].isin((0, *leaderboard.RATIOS))]
    both = means["retraining"].nunique() > 1
    right = ", on the right after the same further training" if both else ""
    show(
        heatmap(means.replace({"method": rival_tables.marks(of_each)}), WORDS),
        name=f"{key}-{shown.study.name}",
        caption=f"{said_of(shown)}: test accuracy in per cent by pruning ratio, mean over the "
        "seeds, methods in order of their mean over the ratios, best first. The plainly trained "
        f"dense network, unpruned, reaches {' and '.join(controls)}; the colour shows the accuracy "
        "lost relative to it, over the seeds of each cell. Column 0: no node removed"
        f"{right}{_explained(of_each)}.",
        alt="A row for each method and a column for each pruning ratio; each cell shows the "
        "accuracy and is darker the more is lost.",
        of=[shown.study],
        recorded=shown.recorded,
    )


def _of_each(shown: Shown) -> set[str]:
    """The methods of a study that train a network for each ratio."""
    names = map(str, shown.table["method"].unique())
    return {name for name in names if find(name).network_per_ratio}


def _explained(marked: Collection[str]) -> str:
    return (
        f"; {rival_tables.PER_RATIO}: a separate network is trained for each ratio"
        if marked
        else ""
    )
