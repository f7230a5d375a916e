"""Methods that are compared on one dataset are chosen without it."""

import numpy as np
import pandas as pd

from eigenprune.lab.rivals import AS_PRUNED
from eigenprune.report.arena import averages
from eigenprune.report.arena.chosen_elsewhere import chosen_elsewhere
from eigenprune.report.arena.leaderboard import spectral_standing


def found(*tables: pd.DataFrame) -> pd.DataFrame:
    """The comparisons of the means over the activations, without retraining."""
    networks = averages.over_activations(pd.concat(tables, ignore_index=True))
    networks = averages.means_alone(networks)
    return chosen_elsewhere(networks[networks["retraining"] == AS_PRUNED])


def better(table: pd.DataFrame, method: str, by: float) -> pd.DataFrame:
    ours = table["method"].eq(method) & table["pruning_ratio"].gt(0)
    return table.assign(accuracy=table["accuracy"] + by * ours)


def names(table: pd.DataFrame, dataset: str) -> set[tuple[str, str]]:
    rows = table.loc[table["dataset"] == dataset, ["method", "rival"]]
    return set(rows.itertuples(index=False, name=None))


def test_what_is_best_here_is_chosen_there(rivals: pd.DataFrame) -> None:
    other = rivals.assign(dataset="wine")
    raised = better(better(rivals, "eigenvalue", 0.3), "taylor", 0.3)
    table = found(raised, other)
    assert names(table, "wine") == {("eigenvalue", "taylor")}
    assert names(table, "digits") == {("eigenvalue, lasso", "weight norm")}


def test_the_accuracies_are_those_of_the_dataset_itself(rivals: pd.DataFrame) -> None:
    other = rivals.assign(dataset="wine")
    plain, raised = found(rivals, other), found(better(rivals, "eigenvalue, lasso", 0.01), other)
    before, after = (
        table.set_index(["dataset", "pruning_ratio"]).sort_index() for table in (plain, raised)
    )
    gained = after["difference"] - before["difference"]
    assert np.allclose(gained["digits"], 0.01) and np.allclose(gained["wine"], 0)
    assert np.allclose(after["accuracy_mean"] - after["rival_mean"], after["difference"])
    assert set(after["n"]) == {5}


def test_either_verdict_can_be_found(rivals: pd.DataFrame) -> None:
    for by, verdict in ((0.1, "better"), (-0.1, "worse")):
        good = better(rivals, "eigenvalue, lasso", by)
        good = better(good, "eigenvalue", by)
        assert set(found(good, good.assign(dataset="wine"))["verdict"]) == {verdict}


def test_luck_on_one_test_set_is_not_rewarded(rivals: pd.DataFrame) -> None:
    """Of many equal methods, the best one on the same data leads; chosen elsewhere, it does not."""
    luck = np.random.default_rng(1)
    spectral = rivals[rivals["method"] == "eigenvalue, lasso"]
    rival = rivals[rivals["method"] == "weight norm"]

    def equals(dataset: str) -> pd.DataFrame:
        several = [
            better(spectral, "eigenvalue, lasso", luck.normal(0, 0.01)).assign(method=f"method {i}")
            for i in range(30)
        ]
        return pd.concat([*several, rival], ignore_index=True).assign(dataset=dataset)

    tables = [equals(name) for name in ("digits", "wine", "irises", "leaves")]
    alone = averages.over_activations(pd.concat(tables, ignore_index=True))
    together = spectral_standing(pd.concat(tables, ignore_index=True))
    together = together[together["retraining"] == AS_PRUNED]
    best = together.drop_duplicates(["dataset", "pruning_ratio", "activation"])["difference"]
    elsewhere = chosen_elsewhere(alone[alone["retraining"] == AS_PRUNED])["difference"]
    assert best.mean() > 0.015 and abs(elsewhere.mean()) < 0.01


def test_what_is_not_there_on_all_datasets_is_not_chosen(rivals: pd.DataFrame) -> None:
    other = rivals[rivals["method"] != "eigenvalue, lasso"].assign(dataset="wine")
    table = found(rivals, other)
    assert set(table["method"]) == {"eigenvalue"} and "random" not in set(table["rival"])


def test_one_dataset_alone_gives_no_row(rivals: pd.DataFrame) -> None:
    assert found(rivals).empty
    assert found(rivals, rivals.assign(dataset="wine", hidden="50")).empty
