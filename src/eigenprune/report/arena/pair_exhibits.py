"""What the chapters on the arena show of pairs of methods: one against the other, seed by seed.

Each pair is a method and the one that is subtracted; a study that lacks one of them has no row of
the pair.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from eigenprune.lab.rivals import AS_PRUNED, FITTED, TRAINED
from eigenprune.report.arena import rival_figures, rival_tables
from eigenprune.report.arena.rival_exhibits import WORDS
from eigenprune.report.arena.scope import Arena, Shown
from eigenprune.report.paired import paired_tests, verdicts_of_pruned
from eigenprune.report.readable import verdict_counts
from eigenprune.report.shown import show

Pairs = Sequence[tuple[str, str]]
AS_TRAINED = "as trained"
SAID = {
    **WORDS,
    FITTED: "layers fitted anew",
    AS_TRAINED: "each as it comes out of its own training",
}
# The words of the column `retraining` that are meant; where not given, the key itself alone.
_MEANT = {AS_TRAINED: (AS_PRUNED, TRAINED)}


def show_pairs(
    arena: Arena,
    pairs: Pairs,
    *,
    key: str,
    retrainings: Sequence[str] = tuple(WORDS),
    differences: bool = True,
) -> None:
    """How often one of a pair is the better; folded the differences, drawn and as a table.

    For each kind of retraining by itself. Summary, figure and table of a study tell the same
    verdicts: the p-values are corrected for all points of its pairs, at every pruning ratio above
    0; those of the unpruned networks by themselves.

    Args:
        arena: what to show.
        pairs: see the top of this file.
        key: begins the names of figures and tables, which must differ within a notebook.
        retrainings: keys of SAID.
        differences: whether to show these too, or how often alone.
    """
    narrowed = arena.named(name for pair in pairs for name in pair).shown
    for retraining in retrainings:
        said = SAID[retraining]
        found = [(shown, tests_of_pairs(shown.table, pairs, retraining)) for shown in narrowed]
        # Two seeds are needed; and unpruned, all kinds of retraining may have one network.
        tested = [(shown, rows) for shown, rows in found if len(_pruned(rows))]
        if tested:
            _show_verdicts(tested, f"{key}-{retraining}", said)
        for shown, rows in tested if differences else ():
            _show_differences(shown, rows, f"{key}-{shown.study.name}-{retraining}", said)


def show_in_short(
    arena: Arena,
    questions: Mapping[str, Pairs],
    *,
    retraining: str = "none",
    key: str = "in-short",
) -> None:
    """How often the first of a pair is the better, over all pairs of a question: one table.

    The verdicts are those that `show_pairs` counts pair by pair, if it is given the same pairs.

    Args:
        arena: what to show.
        questions: pairs of methods, see the top of this file, by the question that they answer.
        retraining: a key of SAID.
        key: name of the table, which must differ within a notebook.
    """
    cells: dict[str, dict[str, str]] = {}
    shown = arena.named(name for pairs in questions.values() for pair in pairs for name in pair)
    for each in shown.shown:
        tested = {
            question: tests_of_pairs(each.table, pairs, retraining)
            for question, pairs in questions.items()
        }
        verdicts = {question: _pruned(tests)["verdict"] for question, tests in tested.items()}
        if any(map(len, verdicts.values())):
            cells[each.study.dataset] = {
                question: verdict_counts(its) for question, its in verdicts.items()
            }
    if cells:
        show(
            pd.DataFrame(cells).rename_axis("question"),
            name=key,
            caption=f"{SAID[retraining].capitalize()}: over all pairs of a question, pruning "
            "ratios above 0 and activations, in how many settings the first of a pair is better "
            "or worse than the second, p corrected for each question and dataset; `as unpruned`: "
            "they differ as they do unpruned, which is not tested again.",
            of=[each.study for each in shown.shown if each.study.dataset in cells],
            recorded=any(each.recorded for each in shown.shown),
        )


def tests_of_pairs(table: pd.DataFrame, pairs: Pairs, retraining: str) -> pd.DataFrame:
    """What `paired.verdicts_of_pruned` says of all pairs, in the column `pair` its two names.

    Args:
        table: one row per network and method, of all kinds of retraining.
        pairs: see the top of this file.
        retraining: a key of SAID.
    """
    table = table[table["retraining"].isin(_MEANT.get(retraining, (retraining,)))]
    parts = [
        paired_tests(table, one, other).assign(pair=f"{one} − {other}") for one, other in pairs
    ]
    # Beside an empty table, numbers would become objects.
    tests = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return verdicts_of_pruned(tests)


def _pruned(tests: pd.DataFrame) -> pd.DataFrame:
    return tests[tests["pruning_ratio"] > 0]


def _show_verdicts(tested: Sequence[tuple[Shown, pd.DataFrame]], name: str, said: str) -> None:
    pruned = {shown.study.dataset: _pruned(rows) for shown, rows in tested}
    show(
        rival_tables.verdicts(pruned),
        name=name,
        caption=f"{said.capitalize()}: in how many settings (pruning ratios above 0 and "
        "activations) the first of a pair is better, worse, or not told from the second (`open`), "
        "in brackets over how many shared seeds, and the mean difference over the settings in "
        "points of accuracy; corrected for all these settings of a dataset but "
        "those in which the two differ by what they do unpruned, seed by seed (`as unpruned`), "
        "which is no finding of its own. Pairs that share fewer than two seeds are left out.",
        of=[shown.study for shown, _ in tested],
        recorded=any(shown.recorded for shown, _ in tested),
    )


def _show_differences(shown: Shown, rows: pd.DataFrame, name: str, said: str) -> None:
    where = f"{shown.study.dataset}, {said}"
    show(
        rival_figures.differences_of_pairs(rows),
        name=f"{name}-drawn",
        caption=f"{where}: differences in points of accuracy over the pruning ratio, mean and 95 % "
        "interval over shared seeds; filled where told apart from zero, half filled where the two "
        "differ as they do unpruned, seed by seed, which is not tested again. At 0 nothing is "
        "pruned, and the points there are corrected by themselves. The vertical axis is linear up "
        "to one point and logarithmic beyond.",
        alt="Paired difference in accuracy with its interval over the pruning ratio, one panel "
        "per pair of methods.",
        of=[shown.study],
        recorded=shown.recorded,
        folded=f"Over the whole curve: {where}",
    )
    show(
        rival_tables.differences(rows),
        name=name,
        caption=f"{where}: differences in points of accuracy over n shared seeds, each with its "
        "own interval; p is corrected, at ratio 0 by itself, and an asterisk marks what it tells "
        "apart. There is no p where the two differ as they do unpruned, seed by seed.",
        of=[shown.study],
        recorded=shown.recorded,
        folded=f"All differences: {where}",
    )
