"""The sanity checks that the chapters on the arena show, for quick studies only.

Checks need the networks, which are in the run store but are not recorded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from eigenprune.lab import checks, rivals, stability
from eigenprune.lab.studies import Study, change_study
from eigenprune.report import ranking
from eigenprune.report.arena import arms, behaviour, check_tables, rival_tables
from eigenprune.report.arena.check_tables import CHOSEN, DRAWN
from eigenprune.report.arena.scope import Arena
from eigenprune.report.shown import show


@dataclass(frozen=True)
class Checked:
    """The methods of a study, put to the checks.

    Args:
        studies: what was checked, each part with its methods and ratios.
        curves: see `lab.checks.method_checks`.
    """

    studies: tuple[Study, ...]
    curves: pd.DataFrame


def checked(
    arena: Arena,
    *,
    seeds: Sequence[int],
    regularised: Iterable[str] = (),
    redrawn: Iterable[str] = (),
    ratios_trained: Sequence[float] = (0.9,),
) -> list[Checked]:
    """Put methods to the checks, each on its own networks.

    Args:
        arena: gives studies and methods.
        seeds: of the checks; a verdict on accuracy needs more of them than a curve.
        regularised: names of rivals with a regulariser to check in addition to all those without. A
            rival that trains a network for each pruning ratio, or trains it once it is small, is
            checked only at `ratios_trained`.
        redrawn: names of rivals whose kept weights are also drawn anew, at `ratios_trained`; they
            are then trained as long as the others have been in all.
        ratios_trained: the pruning ratios for checks in which every network takes another training.
    """
    found = []
    plain = [
        name
        for name, its in arena.params.rivals.items()
        if not (its.regulariser or its.from_scratch or its.redrawn) and _untouched(name)
    ]
    for shown in arena.quick:
        wanted = [name for name in [*plain, *regularised] if name in shown.study.methods]
        costly = [n for n in wanted if rivals.find(n).before or rivals.find(n).to_ratio]
        again = [name + rivals.RETRAINED for name in redrawn]
        parts = [
            (shown.study.pruning_ratios, [n for n in wanted if n not in costly], checks.CHECKS),
            (ratios_trained, costly, checks.CHECKS),
            (
                ratios_trained,
                [name for name in again if name in shown.study.methods],
                ["redrawn weights"],
            ),
        ]
        studies, tables = [], []
        for ratios, names, which in parts:
            if names:
                values = {"methods": names, "seeds": seeds, "pruning_ratios": ratios}
                study = change_study(shown.study, {k: list(v) for k, v in values.items()})
                studies.append(study)
                tables.append(checks.method_checks(study, which))
        if tables:
            found.append(Checked(tuple(studies), pd.concat(tables, ignore_index=True)))
    return found


def show_checks(found: Iterable[Checked]) -> None:
    """Whether each method behaves; then those that do not, and those that are open, in numbers."""
    for each in found:
        judged = behaviour.behaviour(each.curves)
        study = each.studies[0]
        show(
            check_tables.verdicts(judged),
            name=f"checks-{study.name}",
            caption=f"{study.dataset}, {len(study.seeds)} seeds: whether each check does what it "
            "must (`open`: these seeds cannot tell). In brackets is the difference from the method "
            "as it is, in points of accuracy, or, for corrupted data and another gauge, the rank "
            f"correlation; from {behaviour.SAME_RANKING:g} on, a ranking counts as the same.",
            of=each.studies,
        )
        rest = judged[judged["behaves"] != "yes"]
        if len(rest):
            show(
                rival_tables.behaviour(rest),
                name=f"unsure-{study.name}",
                caption=f"{study.dataset}: the checks that fail (`no`) or are undecided (`open`), "
                "with 95 % intervals over the seeds; p is corrected for all checks. A check that "
                "must make no difference passes if its interval lies within "
                f"±{100 * behaviour.SAME_ACCURACY:g} points.",
                of=each.studies,
            )


def show_chosen_and_drawn(found: Iterable[Checked]) -> None:
    """Compare methods that rank over all layers with as many random nodes per layer.

    A figure for all ratios, and a table of the numbers.
    """
    for each in found:
        names = each.curves["method"].drop_duplicates()
        across = [n for n in names if rivals.find(n).scope == "global" and _untouched(n)]
        curves = each.curves[each.curves["method"].isin(across)]
        if curves["seed"].nunique() < 2:
            continue
        table = check_tables.chosen_and_drawn(curves)
        study = each.studies[0]
        origins = [
            change_study(part, {"methods": own})
            for part in each.studies
            if (own := [name for name in part.methods if name in across])
        ]
        for activation, rows in table.groupby("activation", sort=False):
            show(
                arms.drawn(rows, (CHOSEN, DRAWN)),
                name=f"drawn-{study.name}-{activation}",
                caption=f"{study.dataset}, {activation}: each method (filled) and the same number "
                "of random nodes per layer of the same networks (open). Nothing is retrained "
                "except what is pruned before training.",
                alt="Mean test accuracy of each method and of random nodes, joined by a line, one "
                "panel per pruning ratio.",
                of=origins,
            )
        show(
            arms.numbers(table, (CHOSEN, DRAWN)),
            name=f"drawn-numbers-{study.name}",
            caption=f"{study.dataset}: accuracy in per cent with the nodes that the method "
            "chooses, and with the same number per layer drawn at random; paired difference in "
            "points with its 95 % interval; p is corrected for all rows.",
            of=origins,
            folded=f"Numbers and tests: {study.dataset}",
        )


def show_stability(arena: Arena, scores: Mapping[str, Sequence[str]], *, orders: int = 3) -> None:
    """How well rankings agree when one initial network is trained on several data orders.

    Args:
        arena: gives studies.
        scores: by the name of a method whose networks are trained, the scores that rank them.
        orders: of the data, 2 or more.
    """
    for shown in arena.quick:
        present = {name: own for name, own in scores.items() if name in shown.study.methods}
        if not present:
            continue
        found = stability.rank_stability(shown.study, present, orders)
        first = [shown.study.seeds[0]]
        show(
            ranking.stability(found),
            name=f"stability-{shown.study.name}",
            caption=f"{shown.study.dataset}: rankings of the nodes of one initial network trained "
            f"on {orders} orders of the data: mean rank correlation within a layer, share of the "
            f"top {stability.TOP_SHARE:.0%} in common, and rank correlation with the ranking "
            "before training.",
            of=[change_study(shown.study, {"methods": list(present), "seeds": first})],
        )


def _untouched(name: str) -> bool:
    """Whether the networks of this name are neither retrained nor reconstructed."""
    return name == rivals.entry_of(name)
