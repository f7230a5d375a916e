"""The arena at a glance: which methods are called the best, and what is left out or empty."""

import pandas as pd

from eigenprune.report.arena.averages import over_activations, plain_network, points
from eigenprune.report.arena.glance import at_a_glance

LANDMARKS = {"random": "random", "nobody": "nobody"}


def networks(rivals: pd.DataFrame) -> pd.DataFrame:
    found = over_activations(rivals)
    return found[found["activation"] == "all"]


def glance(rivals: pd.DataFrame, landmarks: dict[str, str]) -> pd.DataFrame:
    found = networks(rivals)
    return at_a_glance(found, plain_network(found), landmarks, ["taylor"])


def test_the_best_of_each_kind_is_the_highest_that_is_not_retrained(rivals: pd.DataFrame) -> None:
    table = glance(rivals, LANDMARKS)
    plain = plain_network(networks(rivals))["accuracy_mean"].item()
    dataset = f"digits ({100 * plain:.2f})"
    assert list(table.index) == [(dataset, ratio) for ratio in ("0.5", "0.8", "0.9", "0.95")]
    means = points(networks(rivals)).set_index(["method", "retraining", "pruning_ratio"])
    for (_, ratio), row in table.iterrows():
        for kind, method, among in (
            ("spectral", "spectral method", ["eigenvalue", "eigenvalue, lasso"]),
            ("rival", "rival method", ["weight norm", "connectivity", "taylor"]),
        ):
            found = means.loc[(among, "none", float(ratio)), :]
            best = found.loc[found["accuracy_mean"].idxmax()]
            assert row[kind] == f"{100 * best['accuracy_mean']:.2f}"
            name = found["accuracy_mean"].idxmax()
            assert row[method] == (f"{name} †" if name == "taylor" else name)
        assert row["seeds"] == "5, 5, 5, –"


def test_a_control_is_no_rival_and_stands_beside(rivals: pd.DataFrame) -> None:
    lucky = rivals["method"].eq("random") & rivals["pruning_ratio"].gt(0)
    table = glance(rivals.assign(accuracy=rivals["accuracy"] + lucky), LANDMARKS)
    assert "random" not in set(table["rival method"])
    assert all(float(cell) > 100 for cell in table["random"])
    assert set(table["nobody"]) == {""}


def test_a_landmark_that_is_there_retrained_alone_is_shown_so(rivals: pd.DataFrame) -> None:
    """As is the case for `small`, which is trained at its size."""
    alone = rivals["method"].ne("random") | rivals["retraining"].ne("none")
    both, one = (glance(part, LANDMARKS) for part in (rivals, rivals[alone]))
    assert (one["random"] != "").all() and (one["random"] != both["random"]).all()


def test_a_kind_without_methods_is_left_empty(rivals: pd.DataFrame) -> None:
    table = glance(rivals[rivals["family"].ne("spectral")], {})
    assert set(table["spectral"]) == set(table["spectral method"]) == {""}


def test_a_ratio_that_nothing_was_pruned_by_has_no_row(rivals: pd.DataFrame) -> None:
    table = glance(rivals[rivals["pruning_ratio"] != 0.8], LANDMARKS)
    assert list(table.index.get_level_values("ratio")) == ["0.5", "0.9", "0.95"]
