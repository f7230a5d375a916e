"""Many paired tests at once give the same results as each on its own."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from eigenprune.report.paired import (
    AS_UNPRUNED,
    KEY,
    TEST,
    paired_differences,
    paired_tests,
    t_tests,
)


def test_pairs_of_any_length_are_tested_as_each_by_itself() -> None:
    draw = np.random.default_rng(0)
    pairs = [(draw.random(n), draw.random(n)) for n in (5, 2, 3, 5, 2, 4)]
    together = t_tests(pairs)
    for (one, other), (_, row) in zip(pairs, together.iterrows(), strict=True):
        test = stats.ttest_rel(one, other)
        interval = test.confidence_interval(0.95)
        wanted = [len(one), (one - other).mean(), interval.low, interval.high, test.pvalue]
        assert row[TEST].tolist() == pytest.approx(wanted)


def test_without_a_spread_there_is_no_test() -> None:
    same = ([0.5, 0.6, 0.7], [0.4, 0.5, 0.6])
    single, none = ([0.5], [0.4]), ([], [])
    tested = ([0.5, 0.6, 0.7], [0.4, 0.5, 0.5])
    table = t_tests([same, single, none, tested])
    assert table["n"].tolist() == [3, 1, 0, 3]
    assert table["difference"].tolist() == pytest.approx([0.1, 0.1, np.nan, 0.4 / 3], nan_ok=True)
    assert table[["low", "high", "p"]].notna().all(axis=1).tolist() == [False, False, False, True]
    assert t_tests([]).columns.tolist() == TEST


def curves(unpruned: list[float], pruned: list[float]) -> pd.DataFrame:
    """Three seeds of `one` and of `other`, which has 0.8 throughout."""
    rows = [
        ("digits", "8", "relu", ratio, seed, method, accuracy if method == "one" else 0.8)
        for ratio, accuracies in ((0.0, unpruned), (0.5, pruned), (0.9, [0.1, 0.3, 0.2]))
        for seed, accuracy in enumerate(accuracies)
        for method in ("one", "other")
    ]
    return pd.DataFrame(rows, columns=[*KEY, "seed", "method", "accuracy"])


def test_what_differs_as_it_does_unpruned_is_no_finding_of_its_own() -> None:
    kept = paired_differences(curves([0.9, 0.91, 0.92], [0.9, 0.91, 0.92]), "one", "other")
    assert kept["verdict"].tolist() == ["better", AS_UNPRUNED, "worse"]
    assert np.isnan(kept["p"][1]) and kept["difference"][1] == kept["difference"][0]
    # The last test is corrected on its own: one that repeats another does not count.
    assert kept["p"][2] == paired_tests(curves([], []), "one", "other")["p"].item()
    # The same numbers in another order of the seeds are a finding of their own.
    other = paired_differences(curves([0.9, 0.91, 0.92], [0.91, 0.9, 0.92]), "one", "other")
    assert other["verdict"].tolist() == ["better", "better", "worse"]


def test_without_unpruned_networks_nothing_is_as_unpruned() -> None:
    table = paired_differences(curves([], [0.9, 0.91, 0.92]), "one", "other")
    assert table["verdict"].tolist() == ["better", "worse"]
