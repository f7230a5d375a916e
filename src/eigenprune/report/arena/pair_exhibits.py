"""What the chapters on the arena show of pairs of methods: one against the other, seed by seed.

Nothing is retrained. Each pair is a method and the one that is subtracted; a study that lacks one
of them has no row of the pair.
"""

from collections.abc import Sequence

import pandas as pd

from eigenprune.report.arena import leaderboard, rival_figures, rival_tables
from eigenprune.report.arena.scope import Arena, Shown
from eigenprune.report.paired import paired_tests, with_verdicts
from eigenprune.report.shown import show

Pairs = Sequence[tuple[str, str]]


def show_differences(arena: Arena, pairs: Pairs, *, key: str) -> None:
    """How often one of a pair is the better, and folded the differences, one table a study.

    At the ratios of the leaderboard; the p-values are corrected for all tests of a study's table.

    Args:
        arena: what to show.
        pairs: see the top of this file.
        key: begins the names of the tables, which must differ within a notebook.
    """
    tested: list[tuple[Shown, pd.DataFrame]] = []
    for shown in _with(arena, pairs):
        table = shown.table[shown.table["pruning_ratio"].isin(leaderboard.RATIOS)]
        rows = tests_of_pairs(table, pairs)
        if len(rows):  # two seeds are needed
            tested.append((shown, with_verdicts(rows)))
    if tested:
        show(
            rival_tables.verdicts({shown.study.dataset: rows for shown, rows in tested}),
            name=key,
            caption="At how many points (pruning ratios and activations) the first of a pair is "
            "better, worse, or not told from the second (`open`), in brackets over how many shared "
            "seeds; nothing retrained, corrected for all tests with a dataset. Pairs that share "
            "fewer than two seeds are left out.",
            of=[shown.study for shown, _ in tested],
            recorded=any(shown.recorded for shown, _ in tested),
        )
    for shown, rows in tested:
        show(
            rival_tables.differences(rows),
            name=f"{key}-{shown.study.name}",
            caption=f"{shown.study.dataset}: differences in points of accuracy over n shared "
            "seeds, each with its own interval, nothing retrained; p is corrected for all tests of "
            "the table, an asterisk marks what it tells apart.",
            of=[shown.study],
            recorded=shown.recorded,
            folded=f"All differences: {shown.study.dataset}",
        )


def show_pairs(arena: Arena, pairs: Pairs, *, key: str) -> None:
    """Paired differences over the pruning ratio, a panel for each pair, nothing retrained.

    Args:
        arena: what to show.
        pairs: see the top of this file.
        key: begins the names of the figures.
    """
    for shown in _with(arena, pairs):
        rows = tests_of_pairs(shown.table[shown.table["pruning_ratio"] > 0], pairs)
        if rows.empty:  # two seeds are needed
            continue
        show(
            rival_figures.differences_of_pairs(with_verdicts(rows)),
            name=f"{key}-{shown.study.name}",
            caption=f"{shown.study.dataset}: differences in points of accuracy over the pruning "
            "ratio, mean and 95 % interval over shared seeds, nothing retrained; filled where told "
            "apart from zero when corrected for all points of the figure. The vertical axis is "
            "linear up to one point and logarithmic beyond. Pairs that share fewer than two seeds "
            "are left out.",
            alt="Paired difference in accuracy with its interval over the pruning ratio, one panel "
            "per pair of methods.",
            of=[shown.study],
            recorded=shown.recorded,
        )


def tests_of_pairs(table: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """What `paired.paired_tests` says of each pair, in the column `pair` its two names.

    Args:
        table: one row per network and method, retrained or not.
        pairs: see the top of this file.
    """
    table = table[table["retraining"] == "none"]
    parts = [
        paired_tests(table, one, other).assign(pair=f"{one} − {other}") for one, other in pairs
    ]
    # Beside an empty table, numbers would become objects.
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _with(arena: Arena, pairs: Pairs) -> tuple[Shown, ...]:
    return arena.named(name for pair in pairs for name in pair).shown
