"""What the chapter on scores shows of pruned networks whose layers are fitted anew."""

from collections.abc import Sequence

from eigenprune.lab.reconstructions import ARMS, ROWS, reconstructed_curves
from eigenprune.lab.rivals import find
from eigenprune.lab.studies import change_study
from eigenprune.report.arena import arms
from eigenprune.report.arena.scope import Arena
from eigenprune.report.shown import show

AS_IS, RECONSTRUCTED = ARMS


def show_reconstructed(arena: Arena, *, seeds: Sequence[int]) -> None:
    """Methods as they are and reconstructed, of quick studies alone: a figure, and in numbers.

    Args:
        arena: gives studies, and of their methods those that prune a plainly trained network.
        seeds: of the networks; two or more.
    """
    plain = arena.only(lambda name, its: not (its.regulariser or its.before or its.from_scratch))
    for shown in plain.quick:
        names = [name for name in shown.study.methods if not find(name).trained_small]
        study = change_study(shown.study, {"methods": names, "seeds": list(seeds)})
        table = arms.compared(reconstructed_curves(study), (RECONSTRUCTED, AS_IS))
        for activation, rows in table.groupby("activation", sort=False):
            show(
                arms.drawn(rows, (RECONSTRUCTED, AS_IS)),
                name=f"reconstructed-{study.name}-{activation}",
                caption=f"{study.dataset}, {activation}: each method as it is (open), and with the "
                f"layers behind pruned ones fitted on {ROWS:,} training examples at most, without "
                f"their classes (filled); mean over {len(seeds)} seeds, nothing retrained.",
                alt="Mean test accuracy of each method as it is and reconstructed, joined by a "
                "line, one panel per pruning ratio.",
                of=[study],
            )
        show(
            arms.numbers(table, (RECONSTRUCTED, AS_IS)),
            name=f"reconstructed-numbers-{study.name}",
            caption=f"{study.dataset}: accuracy in per cent reconstructed and as it is; paired "
            "difference in points with its 95 % interval, p corrected for all rows.",
            of=[study],
            folded=f"The numbers with their tests: {study.dataset}",
        )
