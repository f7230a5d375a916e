"""How the chapters on the arena compare pairs of methods, seed by seed.

Each pair is a method and the one that is subtracted from it; a study that lacks one of them has no
row for the pair. Pairs that answer one question are tested together: p is corrected for all their
points at pruning ratios above 0, within one study and kind of retraining. The points of unpruned
networks are corrected separately.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from eigenprune.lab.rivals import AS_PRUNED, FITTED, TRAINED
from eigenprune.lab.studies import Study
from eigenprune.report.arena import rival_figures, rival_tables
from eigenprune.report.arena.rival_exhibits import WORDS
from eigenprune.report.arena.scope import Arena, Shown
from eigenprune.report.paired import KEY, paired_tests, verdicts_of_pruned
from eigenprune.report.shown import show

Pairs = Sequence[tuple[str, str]]
AS_TRAINED = "as-trained"

# Scores of trained networks, and random nodes drawn over all layers or in each, as the score ranks.
DENSE_SCORES = (
    ("incoming-l1", "random-nodes"),
    ("incoming-l1-by-layer", "random-nodes-by-layer"),
    ("incoming-l2", "random-nodes"),
    ("incoming-l2-by-layer", "random-nodes-by-layer"),
    ("incoming-outgoing", "random-nodes-by-layer"),
    ("mean-activation", "random-nodes-by-layer"),
    ("activation-entropy", "random-nodes-by-layer"),
    ("taylor", "random-nodes"),
    ("taylor-by-layer", "random-nodes-by-layer"),
    ("optimal-brain-damage", "random-nodes"),
    ("optimal-brain-damage-by-layer", "random-nodes-by-layer"),
)
# The same for spectral networks: the nodes are drawn in the networks that the score ranks.
SPECTRAL_SCORES = (
    ("spectral-post", "spectral-random-nodes"),
    ("spectral-post-by-layer", "spectral-random-nodes-by-layer"),
    ("spectral-post-product", "spectral-random-nodes"),
    ("spectral-post-eigenvector", "spectral-random-nodes"),
    ("spectral-ones", "spectral-ones-random-nodes"),
    ("spectral-ones-product", "spectral-ones-random-nodes"),
    ("spectral-lambda-in", "spectral-lambda-in-random-nodes"),
)
# What the networks themselves do, whatever the score.
SPECTRAL_NETWORKS = (
    ("spectral-random-nodes", "random-nodes"),
    ("spectral-random-nodes-by-layer", "random-nodes-by-layer"),
    ("spectral-ones-random-nodes", "random-nodes"),
    ("spectral-lambda-in-random-nodes", "random-nodes"),
)
# The methods that lead, and their controls: random nodes in each layer, or weights drawn anew.
RANDOM_NODES = (
    ("averaged-gradient-pruning", "averaged-shuffled-pruning"),
    ("spectral-averaged-gradient-pruning", "spectral-averaged-shuffled-pruning"),
)
WEIGHTS_ANEW = (
    ("averaged-gradient-pruning", "averaged-gradient-redrawn"),
    ("spectral-averaged-gradient-pruning", "spectral-averaged-gradient-redrawn"),
)

SAID = {
    **WORDS,
    FITTED: "layers fitted anew",
    AS_TRAINED: "each after its own training",
}
# The values of the column `retraining` that a key stands for; only the key itself, if not given.
_MEANT = {AS_TRAINED: (AS_PRUNED, TRAINED)}


def show_pairs(
    arena: Arena,
    *questions: Pairs,
    key: str,
    retrainings: Sequence[str] = tuple(WORDS),
    differences: bool = True,
) -> None:
    """How often one of a pair is better; the differences are folded, as a figure and as a table.

    Each kind of retraining is shown separately. Summary, figure and table of a study show the same
    verdicts, which are those that `show_in_short` counts for the same questions.

    Args:
        arena: what to show.
        questions: the pairs of each question, see the top of this file.
        key: begins the names of figures and tables, which must differ within a notebook.
        retrainings: keys of SAID.
        differences: whether to show the differences too, or only the counts.
    """
    every = [name for pairs in questions for pair in pairs for name in pair]
    narrowed = arena.named(every).shown
    for retraining in retrainings:
        said = SAID[retraining]
        found = [
            (
                shown,
                _joined([tests_of_pairs(shown.table, pairs, retraining) for pairs in questions]),
            )
            for shown in narrowed
        ]
        # A test needs two seeds; and unpruned, all kinds of retraining may share one network.
        tested = [(shown, rows) for shown, rows in found if len(_pruned(rows))]
        if tested:
            _show_verdicts(tested, f"{key}-{retraining}", said)
        for shown, rows in tested if differences else ():
            _show_differences(shown, rows, f"{key}-{shown.study.name}-{retraining}", said)


def show_in_short(
    arena: Arena,
    questions: Mapping[str, Pairs],
    *,
    retraining: str = AS_PRUNED,
    key: str = "in-short",
) -> None:
    """How often the first of a pair is better, over all pairs of a question, in one table.

    The verdicts are those that `show_pairs` counts pair by pair for the same questions.

    Args:
        arena: what to show.
        questions: pairs of methods, see the top of this file, by the question that they answer.
        retraining: a key of SAID.
        key: name of the table, which must differ within a notebook.
    """
    shown = arena.named(name for pairs in questions.values() for pair in pairs for name in pair)
    rows, studies = dict[str, pd.DataFrame](), list[Study]()
    for each, head in zip(shown.shown, _heads(shown.shown), strict=True):
        parts = [
            tests_of_pruned(each.table, pairs, retraining).assign(question=question)
            for question, pairs in questions.items()
        ]
        if any(map(len, parts)):
            rows[head] = _joined(parts)
            studies.append(each.study)
    if rows:
        show(
            rival_tables.verdicts_in_short(rows),
            name=key,
            caption=f"{SAID[retraining].capitalize()}: number of settings, over all pairs of a "
            "question and pruning ratios above 0, in which the first method of a pair is better or "
            "worse than the second; p is corrected within each question and dataset. `as "
            "unpruned`: the two differ as they do unpruned, which is not tested again. A cell is "
            "empty where fewer than two shared seeds are recorded.",
            of=studies,
            recorded=any(each.recorded for each in shown.shown),
        )


def tests_of_pairs(table: pd.DataFrame, pairs: Pairs, retraining: str) -> pd.DataFrame:
    """What `paired.verdicts_of_pruned` returns for all pairs.

    Args:
        table: one row per network and method, of all kinds of retraining.
        pairs: see the top of this file.
        retraining: a key of SAID.

    Returns:
        Its table with the column `pair` (the two names) and, if it has rows, `size`: the parameters
        that the first keeps over those that the second keeps, means over the seeds. At one ratio
        both keep the same number of nodes.
    """
    table = table[table["retraining"].isin(_MEANT.get(retraining, (retraining,)))]
    kept = table.pivot_table(index=KEY, columns="method", values="parameters_kept")
    kept = kept.reindex(columns=list(dict.fromkeys(name for pair in pairs for name in pair)))
    parts = []
    for one, other in pairs:
        tests = paired_tests(table, one, other).assign(pair=f"{one} − {other}")
        if len(tests):
            tests = tests.join((kept[one] / kept[other]).rename("size"), on=KEY)
        parts.append(tests)
    return verdicts_of_pruned(_joined(parts))


def tests_of_pruned(recorded: pd.DataFrame, pairs: Pairs, retraining: str) -> pd.DataFrame:
    """What `tests_of_pairs` returns for each dataset separately, pruned networks only.

    Args:
        recorded: see `lab.arena.recorded`, of several datasets or of none.
        pairs: see the top of this file.
        retraining: a key of SAID.
    """
    datasets = [rows for _, rows in recorded.groupby("dataset", sort=False)] or [recorded]
    return _pruned(_joined([tests_of_pairs(rows, pairs, retraining) for rows in datasets]))


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    # Joined with an empty table, numbers would become objects.
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _heads(shown: Sequence[Shown]) -> list[str]:
    """A column's head for each study: its dataset, or its name where two have the same data."""
    datasets = [its.study.dataset for its in shown]
    return datasets if len(set(datasets)) == len(shown) else [its.study.name for its in shown]


def _pruned(tests: pd.DataFrame) -> pd.DataFrame:
    return tests[tests["pruning_ratio"] > 0]


def _show_verdicts(tested: Sequence[tuple[Shown, pd.DataFrame]], name: str, said: str) -> None:
    heads = _heads([shown for shown, _ in tested])
    pruned = {head: _pruned(rows) for head, (_, rows) in zip(heads, tested, strict=True)}
    show(
        rival_tables.verdicts(pruned),
        name=name,
        caption=f"{said.capitalize()}: number of pruning ratios above 0 at which the first method "
        "of a pair is better or worse than the second, or not told apart from it (`open`). The "
        "number of shared seeds follows in brackets, then the mean difference over these ratios in "
        "points of accuracy and, where the two differ in "
        "size, the parameters that the first keeps as a multiple of those that the second keeps. "
        "p is corrected for all settings of a dataset and all pairs that answer one question. "
        "Settings in which the two differ, seed by seed, as they do unpruned (`as unpruned`) are "
        "left out of this correction, because they are no findings of their own. Pairs that share "
        "fewer than two seeds are left out.",
        of=[shown.study for shown, _ in tested],
        recorded=any(shown.recorded for shown, _ in tested),
    )


def _show_differences(shown: Shown, rows: pd.DataFrame, name: str, said: str) -> None:
    where = f"{shown.study.dataset}, {said}"
    show(
        rival_figures.differences_of_pairs(rows),
        name=f"{name}-drawn",
        caption=f"{where}: differences in points of accuracy against the pruning ratio, mean and "
        "95 % interval over shared seeds. Markers are filled where the difference is told apart "
        "from zero, and half filled where the two differ, seed by seed, as they do unpruned, which "
        "is not tested again. At ratio 0 nothing is pruned, and p is corrected separately there. "
        "The vertical axis is linear up to one point and logarithmic beyond.",
        alt="Paired difference in accuracy with its interval against the pruning ratio, one panel "
        "per pair of methods.",
        of=[shown.study],
        recorded=shown.recorded,
        folded=f"Differences along the whole curve: {where}",
    )
    show(
        rival_tables.differences(rows),
        name=name,
        caption=f"{where}: differences in points of accuracy over n shared seeds, each with its "
        "own, uncorrected interval. p is corrected, separately at ratio 0, and an asterisk marks "
        "the pairs that it tells apart. There is no p where the two differ, seed by seed, as they "
        "do unpruned. `size`: parameters kept by the first divided by those kept by the second.",
        of=[shown.study],
        recorded=shown.recorded,
        folded=f"All differences: {where}",
    )
