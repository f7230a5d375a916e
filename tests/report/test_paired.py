"""Many paired tests at once say what each by itself does."""

import numpy as np
import pytest
from scipy import stats

from eigenprune.report.paired import TEST, t_tests


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
