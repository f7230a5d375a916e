"""The results so far, for the start page: from the files of `results/paper` and nothing else."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from eigenprune.lab import rivals
from eigenprune.lab.methods import METHODS
from eigenprune.lab.records import manifest
from eigenprune.lab.records.recorded import recorded_curves
from eigenprune.lab.studies import Study
from eigenprune.report.arena import averages, leaderboard
from eigenprune.report.arena.chosen_elsewhere import chosen_elsewhere
from eigenprune.report.arena.glance import LANDMARKS, SAID, at_a_glance
from eigenprune.report.arena.pair_exhibits import (
    AS_TRAINED,
    DENSE_SCORES,
    RANDOM_NODES,
    WEIGHTS_ANEW,
    tests_of_pruned,
)
from eigenprune.report.comparison import coverage
from eigenprune.report.comparison.agreement import agrees_by_spread, compare_study
from eigenprune.report.comparison.paper import recorded_study, within_one_study
from eigenprune.report.comparison.published import all_settings, layer_count, other_settings
from eigenprune.report.markdown import table_text
from eigenprune.report.paired import KEY, paired_differences, paired_tests, verdicts_of_pruned
from eigenprune.report.readable import layers, share, verdicts

# What `pre` is held against, trained as long as it is.
CONTROLS = {
    "pre-random": "random nodes",
    "post-retrained": "pruning by eigenvalue after training",
    "small": "a dense network that is small from the start",
}


def findings(root: Path, recorded: pd.DataFrame) -> str:
    """Markdown for the start page; of what is not recorded it says nothing.

    Args:
        root: of the repository.
        recorded: the networks of the arena, see `lab.arena.recorded`.
    """
    studies = dict(_studies(root / "results" / "paper"))
    parts = [
        *_agreement(studies),
        *_beside_chance(studies, recorded),
        *_by_choice_alone(recorded),
        *_other_scores(recorded),
        *_before_training(studies),
        *_arena(recorded),
    ]
    return "\n\n".join(parts or ["Nothing is recorded at the scale of the paper yet."]) + "\n"


def _studies(paper: Path) -> Iterator[tuple[Study, pd.DataFrame]]:
    """The recorded studies of the published methods and their controls, with their curves.

    What is trained otherwise answers another question: how much the settings matter.
    """
    for file in sorted(paper.glob(f"*/{manifest.FILE}")):
        found = (manifest.read(file.parent) or {})["study"]
        if "methods" in found and set(found["methods"]) <= set(METHODS):
            study = recorded_study(file.parent)
            if not other_settings(study):
                yield study, recorded_curves(file.parent)


def _agreement(studies: dict[Study, pd.DataFrame]) -> Iterator[str]:
    points = [compare_study(study, rows) for study, rows in studies.items()]
    points = [each for each in points if len(each)]
    if not points:
        return
    settings = all_settings([study.widths for study in studies])
    exchanged = [compare_study(each, rows, exchanged=True) for each, rows in studies.items()]
    ours = pd.concat(points)
    shares = coverage.shares(
        coverage.coverage(ours, settings),
        coverage.coverage(pd.concat(exchanged), settings),
    )
    shares = shares[shares["compared"] > 0].sort_values("hidden")
    shared = coverage.on_shared_points(ours)
    by_spread = coverage.once(ours, agrees_by_spread(ours)).groupby("hidden").sum()
    yield (
        "**Are the published curves reproduced?** The table counts the published points that are "
        "compared and those that agree; see [](paper/one-hidden-layer.ipynb) and "
        "[](paper/several-hidden-layers.ipynb). The width of the published networks with three "
        f"hidden layers is not known{shared and f'; {shared}'}."
    )
    yield table_text(
        pd.DataFrame(
            {
                "hidden layers": shares["hidden"].map(coverage.of_layers),
                "compared": shares["compared"],
                "agree": shares["agree"],
                "share": shares["share"].map(share),
                "direct and post alone": shares["without_pre"].map(share),
                "these exchanged": shares["exchanged"].map(share),
                "by the spreads": shares["hidden"].map(by_spread),
            }
        ).set_index("hidden layers")
    )
    yield (
        "Exchanged: our `direct` is compared with the published `post`, and our `post` with the "
        "published `direct`; these should not agree. By the spreads: how many points agree without "
        "the half point that the rule counts as one more standard error. With it, means that "
        "differ by less than one and a half points always agree."
    )


def _before_training(studies: dict[Study, pd.DataFrame]) -> Iterator[str]:
    found, widths = dict[str, pd.DataFrame](), dict[str, None]()
    for name, words in CONTROLS.items():
        # One table for all, as in the chapter: p-values are corrected for all its tests.
        wanted = [rows for rows in studies.values() if {"pre", name} & set(rows["method"])]
        rows = pd.concat(wanted) if wanted else pd.DataFrame(columns=["study", *KEY, "method"])
        rows = within_one_study(rows, ["pre", name])  # the one that has both
        both = rows.groupby(["dataset", "hidden"])["method"].transform(
            lambda methods, pair={"pre", name}: pair <= set(methods)
        )
        if len(rows) and both.any():
            widths |= dict.fromkeys(map(coverage.of_layers, rows.loc[both, "hidden"]))
            found[f"{name}: {words}"] = paired_differences(rows[both], "pre", name)
    if found:
        yield from _with_verdicts(
            "**Is pruning before training better?** Pruning before training (`pre`) is compared "
            f"with controls that are trained equally long ({' and '.join(widths)}), over shared "
            "seeds, at each ratio that the control has. The table counts the settings in which "
            "`pre` is better or worse; see [](paper/before-training.ipynb).",
            _labelled(found, "control"),
            ["control", "activation"],
        )


def _arena(recorded: pd.DataFrame) -> Iterator[str]:
    everything = averages.settled(recorded)
    alone = everything[everything["retraining"].eq(rivals.AS_PRUNED)]
    ranked = leaderboard.at_ratios(alone)
    if ranked.empty:
        return
    activations = " and ".join(map(str, ranked["activation"].unique()))
    controls = averages.controls_of(recorded)

    def best(networks: pd.DataFrame) -> pd.DataFrame:
        standing = leaderboard.spectral_standing(networks, controls=controls)
        standing = standing[standing["activation"] == averages.OVER_ACTIVATIONS]
        standing = standing.drop_duplicates(["dataset", "pruning_ratio"])
        return standing[standing["shared"] > 1]

    alike = ~alone["regulariser"].isin(rivals.AVERAGING)
    kinds = alone[["family", "score", "regulariser"]].itertuples(index=False)
    by_value = np.array(
        [its[0] != averages.SPECTRAL or rivals.by_eigenvalue(its[1], its[2]) for its in kinds],
        dtype=bool,
    )

    def elsewhere(networks: pd.DataFrame) -> pd.DataFrame:
        return chosen_elsewhere(averages.means_alone(averages.over_activations(networks, controls)))

    groups = {
        "spectral": alone,
        "spectral, nothing averaged": alone[alike],
        "spectral, by eigenvalue": alone[by_value],
        "spectral, by eigenvalue, nothing averaged": alone[alike & by_value],
    }
    yield from _with_verdicts(
        "**Is the best spectral method better than the best other method?** A method is spectral "
        "if its network is trained as eigenvalues and eigenvectors, whatever chooses its nodes. "
        "Some choose nodes by the size of the eigenvalue, as the recipe of 2022 does. Averaging "
        "the parameters of the last steps helps whatever chooses the nodes, so the methods without "
        "it are also compared among themselves. The table counts the settings in which the best of "
        "a group is better or worse than the best that is neither spectral nor a control, "
        f"with {activations}, without retraining, at the ratios of the last table of this page and "
        "over shared seeds; see [](arena/arena.ipynb). The best of many on one test set are "
        "partly the luckiest there, so both are also chosen on the other dataset.",
        pd.concat(
            [
                _labelled({name: how(its) for name, its in groups.items()}, "the best of").assign(
                    chosen=said
                )
                for said, how in (("on the same data", best), ("on the other dataset", elsewhere))
            ]
        ).rename(columns={"chosen": "both chosen"}),
        ["the best of", "both chosen"],
    )
    yield (
        "The same number of nodes is not the same number of parameters; that chapter has curves "
        "against both. [](arena/what-the-eigenvalue-adds.ipynb) compares spectral and dense "
        "networks that are pruned alike, and says what the other scores are."
    )
    yield from _widths_or_nodes(recorded)
    networks = averages.means_alone(averages.over_activations(everything, controls))
    plain = averages.means_alone(averages.plain_beside(alone, controls))
    known = {**METHODS, **rivals.of_project()}
    of_each = [name for name, its in known.items() if its.network_per_ratio]
    where = ["dataset", "hidden"]
    tables = [
        at_a_glance(rows, plain[(plain[where] == list(setting)).all(axis=1)], LANDMARKS, of_each)
        for setting, rows in networks.groupby(where, sort=False)
        if len(leaderboard.at_ratios(rows[rows["retraining"].eq(rivals.AS_PRUNED)]))
    ]
    if tables:  # else no seed has all activations yet
        found = pd.concat(tables)
        depths = " and ".join(dict.fromkeys(layers(layer_count(its)) for its in ranked["hidden"]))
        yield f"{depths.capitalize()}, {activations}: {SAID[0].lower()}{SAID[1:]}"
        yield table_text(found.drop(columns=_NAMES))
        told = "; the ".join(f"{name} is {_counted(found[name])}" for name in _NAMES)
        yield f"The {told}."
    methods = list(rivals.of_project())
    planned = set(map(rivals.entry_of, methods))
    there = recorded[recorded["method"].isin(planned)]
    counts = there.groupby("dataset", sort=False)["method"].nunique()
    told = " and ".join(f"{count} on {dataset}" for dataset, count in counts.items())
    yield (
        f"The table is not finished: of the {len(planned)} methods of the arena, {told} are "
        "recorded so far."
        if counts.lt(len(planned)).any()
        else f"All {len(planned)} methods of the arena are recorded on networks with "
        f"{activations}; the beginning of [](arena/arena.ipynb) says how much of what is planned "
        "is recorded."
    )


def _other_scores(recorded: pd.DataFrame) -> Iterator[str]:
    """What the scores of trained dense networks are worth beside chance, repaired and as pruned."""
    left = tests_of_pruned(recorded, DENSE_SCORES, rivals.AS_PRUNED)
    fitted = tests_of_pruned(recorded, DENSE_SCORES, rivals.FITTED)
    if len(left) and len(fitted):
        yield from _with_verdicts(
            "**Are other scores better than chance?** Scores of plainly trained dense networks are "
            "compared with random nodes of the same networks, drawn over all layers or in each, "
            "as the score ranks. The networks are compared twice: as pruned, and after a repair "
            "that fits the layers after the removed nodes anew, by least squares and without the "
            "classes. This repair is open to any choice of nodes. Here a setting is one score, "
            "dataset and pruning ratio. [](arena/which-score.ipynb) shows spectral networks, and "
            "each score separately.",
            _labelled({"as pruned": left, "repaired": fitted}, "networks"),
            ["networks", "activation"],
        )


def _widths_or_nodes(recorded: pd.DataFrame) -> Iterator[str]:
    """How much of the lead of the best methods is due to the widths that their score chooses."""
    counts = (
        "The table counts the settings in which a method is better or worse than this control, and "
        "gives its parameters as a multiple of those of the control; see "
        "[](arena/which-regulariser.ipynb)."
    )
    yield from _beside_controls(
        tests_of_pruned(recorded, RANDOM_NODES, rivals.AS_PRUNED),
        "**Does the score know which nodes matter?** A ranking over all layers also decides "
        "how wide each layer becomes. In the control, the same score decides how many nodes "
        f"each layer loses, and chance decides which. {counts}",
    )
    yield from _beside_controls(
        tests_of_pruned(recorded, WEIGHTS_ANEW, AS_TRAINED),
        "**Are the weights worth keeping?** The control has the widths that the same pruning "
        "left. Its weights are drawn anew, trained from scratch for some epochs more than the "
        f"pruned network had, all at the final size, and averaged too. {counts}",
    )


def _beside_controls(tests: pd.DataFrame, words: str) -> Iterator[str]:
    """The verdicts on methods against their controls over all datasets, a row for each method."""
    if len(tests):
        tests = tests.assign(method=tests["pair"].str.partition(" ")[0])
        sizes = tests.groupby("method")["size"].agg(
            lambda its: "–".join(dict.fromkeys(f"{end:.2f}" for end in (its.min(), its.max())))
        )
        yield from _with_verdicts(words, tests, ["method"], parameters=sizes)


_NAMES = ["spectral method", "rival method"]


def _counted(names: pd.Series) -> str:
    """How often each of some names stands there.

    >>> _counted(pd.Series(["a", "b", "a", ""]))
    '`a` in 2 settings, `b` in 1'
    """
    times = names[names != ""].value_counts()
    counts = [f"{n} settings" if not i and n > 1 else f"{n}" for i, n in enumerate(times)]
    return ", ".join(f"`{name}` in {n}" for name, n in zip(times.index, counts, strict=True))


def _beside_chance(studies: dict[Study, pd.DataFrame], recorded: pd.DataFrame) -> Iterator[str]:
    """How the method of 2022 stands beside chance, at every activation that both have.

    Args:
        studies: with the curves of the published methods.
        recorded: the networks of the arena.
    """
    found = [("", paired_tests(rows, "post", "random")) for rows in studies.values()]
    alone = recorded[recorded["retraining"].eq(rivals.AS_PRUNED)]
    found.append((" in the arena", paired_tests(alone, "spectral-post", "random-nodes")))
    settings: dict[str, list[pd.DataFrame]] = {}
    for where, tests in found:
        if len(tests):
            layers = coverage.of_layers(tests["hidden"].iloc[0]).partition(",")[0]
            settings.setdefault(layers + where, []).append(tests)
    if not settings:
        return
    rows = []
    for where, several in sorted(settings.items()):
        tests = pd.concat(several, ignore_index=True).assign(networks=where)
        for _, its in tests.groupby("dataset"):
            rows.append(verdicts_of_pruned(its.reset_index(drop=True)))
    yield from _with_verdicts(
        "**Is the recipe of 2022 better than random nodes of a dense network?** The recipe "
        "(`post`) chooses nodes of a spectral network by eigenvalue, and nothing is retrained. "
        "Tests are paired over shared seeds. Here a setting is one width and pruning "
        "ratio. The arena trains for fewer epochs than the published study. The verdict depends on "
        "the data, the activation and the width; [](paper/one-hidden-layer.ipynb) and "
        "[](paper/several-hidden-layers.ipynb) list the verdicts by each of these.",
        pd.concat(rows),
        ["networks", "dataset", "activation"],
    )


def _by_choice_alone(recorded: pd.DataFrame) -> Iterator[str]:
    """What the eigenvalue is worth beside chance in the very networks that it ranks."""
    pairs = {
        "drawn as in 2022": ("spectral-post", "spectral-random-nodes"),
        "one": ("spectral-ones", "spectral-ones-random-nodes"),
    }
    found = {
        start: tests_of_pruned(recorded, [pair], rivals.AS_PRUNED) for start, pair in pairs.items()
    }
    yield from _with_verdicts(
        "**Does the eigenvalue choose better nodes than chance?** The recipe and chance choose "
        "nodes of the same spectral networks, over all layers and without retraining, so the "
        "difference comes from the choice alone. The table of the question before compares "
        "networks, too: those that are trained spectrally may bear the loss of nodes better or "
        "worse than dense ones. Here a setting is one pruning ratio in the arena, and the networks "
        "differ in the values at which their eigenvalues start; [](arena/which-score.ipynb) has "
        "the other scores.",
        _labelled(found, "initial eigenvalues"),
        ["initial eigenvalues", "dataset", "activation"],
    )


def _with_verdicts(
    words: str, tests: pd.DataFrame, by: list[str], **columns: pd.Series
) -> Iterator[str]:
    """Words and a table that counts the verdicts; nothing where no pruned network has one."""
    table = verdicts(tests, by)
    if len(table):
        table.insert(0, "settings", table.sum(axis=1))
        yield words
        yield table_text(table.assign(**columns))


def _labelled(tests: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """All tests in one table, with their labels in a column of this name."""
    return pd.concat(tests, names=[name]).reset_index(name)
