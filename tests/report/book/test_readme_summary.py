"""README says in words what the records say: each statement of its summary is computed again.

If a test fails here, the records have changed, and README has to change with them.
"""

import re

import pandas as pd
import pytest

from eigenprune.cli.common import project_params
from eigenprune.lab import arena, project, rivals
from eigenprune.lab.studies import Study
from eigenprune.report.arena import pair_exhibits as pairs
from eigenprune.report.book.findings import findings
from eigenprune.report.comparison import paper
from eigenprune.report.comparison.published import other_settings
from eigenprune.report.paired import paired_differences
from eigenprune.report.readable import verdicts

TWINS = [("spectral-averaged-gradient-pruning", "averaged-gradient-pruning")]
FEW_NODES = 0.9  # pruned by this or more, few nodes stay


@pytest.fixture(scope="module")
def networks() -> pd.DataFrame:
    return arena.recorded(project_params())


def says(words: str) -> bool:
    return words in " ".join((project.root() / "README.md").read_text().split())


def published_studies() -> list[Study]:
    names = sorted(path.parent.name for path in project.root().glob("results/paper/*/curves.csv"))
    return [each for each in paper.recorded_studies(names) if not other_settings(each)]


def shares(tests: pd.DataFrame, by: str = "activation") -> pd.DataFrame:
    counts = verdicts(tests, [by])
    return counts.div(counts.sum(axis=1), axis=0)


def test_most_published_points_are_reproduced() -> None:
    assert says("most published points are reproduced")
    points = paper.agreement_of(published_studies())
    assert points.groupby("hidden")["agrees"].mean().gt(0.5).all()


def test_the_recipe_beside_chance_depends_on_data_activation_and_width() -> None:
    assert says(
        "Whether the published recipe does better than random nodes of a dense network depends on "
        "the data, the activation and the width."
    )
    tests = [
        paired_differences(paper.curves_of([each]), "post", "random")
        for each in published_studies()
        if {"post", "random"} <= set(each.methods)
    ]
    counts = verdicts(pd.concat(tests))
    ahead = (counts["better"] > counts["worse"]).rename("ahead").reset_index()
    where = ["dataset", "activation", "hidden"]
    for name in where:
        alike = ahead.groupby([other for other in where if other != name])["ahead"]
        assert alike.nunique().gt(1).any(), name


def test_eigenvalues_beside_chance_in_one_network(networks: pd.DataFrame) -> None:
    assert says(
        "Within one spectral network, its eigenvalues choose better nodes than chance in some "
        "settings and worse ones in none; eigenvalues that start at one choose better ones in none."
    )
    drawn, from_one = (
        pairs.tests_of_pruned(networks, [(name, chance)], rivals.AS_PRUNED)["verdict"]
        for name, chance in (
            ("spectral-post", "spectral-random-nodes"),
            ("spectral-ones", "spectral-ones-random-nodes"),
        )
    )
    assert "better" in set(drawn) and "worse" not in set(drawn)
    assert len(from_one) and "better" not in set(from_one)


def test_scores_beside_chance_turn_round_with_the_activation(networks: pd.DataFrame) -> None:
    assert says(
        "With relu, the scores of plainly trained dense networks choose better nodes than chance "
        "in most settings, and in more of them once the layers after the removed nodes are "
        "refitted; with tanh, they choose worse ones in most, and hardly ever better ones even "
        "then."
    )
    as_pruned = shares(pairs.tests_of_pruned(networks, pairs.DENSE_SCORES, rivals.AS_PRUNED))
    repaired = shares(pairs.tests_of_pruned(networks, pairs.DENSE_SCORES, rivals.FITTED))
    assert 0.5 < as_pruned.loc["relu", "better"] < repaired.loc["relu", "better"]
    assert as_pruned.loc["tanh", "worse"] > 0.5
    assert repaired.loc["tanh", "better"] < 0.1


def test_eigenvalues_fall_behind(networks: pd.DataFrame) -> None:
    assert says("those that choose nodes by the size of the eigenvalue fall behind")
    page = findings(project.root(), networks)
    for chosen in ("on the same data", "on the other dataset"):
        [row] = re.findall(rf"^\| spectral, by eigenvalue \| {chosen} \|(.*)\|$", page, re.M)
        settings, _, worse, _ = map(int, row.split("|"))
        assert worse > settings / 2


def test_twins_and_random_nodes_are_hardly_told_apart(networks: pd.DataFrame) -> None:
    assert says(
        "The best methods that train in spectral space can hardly be told apart from their dense "
        "twins, and the twins can hardly be told apart from random nodes at the same layer widths."
    )
    twins = shares(pairs.tests_of_pruned(networks, TWINS, rivals.AS_PRUNED))
    assert twins["open"].gt(0.75).all()
    by_chance = shares(pairs.tests_of_pruned(networks, pairs.RANDOM_NODES, rivals.AS_PRUNED))
    assert by_chance["open"].gt(0.75).all()


def test_weights_from_scratch_fall_behind_where_few_nodes_stay(networks: pd.DataFrame) -> None:
    assert says(
        "Where few nodes stay, networks of the same widths trained from scratch fall behind."
    )
    tests = pairs.tests_of_pruned(networks, pairs.WEIGHTS_ANEW, pairs.AS_TRAINED)
    few = shares(tests[tests["pruning_ratio"] >= FEW_NODES])
    assert few["better"].gt(0.5).all()
