"""Whether methods rank alike with two activations, on tables made so that they do or do not."""

import pandas as pd
import pytest

from eigenprune.report.arena.activations import across_activations
from eigenprune.report.arena.averages import over_activations, points


def across(rivals: pd.DataFrame) -> pd.DataFrame:
    return across_activations(points(over_activations(rivals)))


def test_the_same_order_and_the_opposite_one(rivals: pd.DataFrame) -> None:
    # With tanh all gain the same. One of the two methods that differ only by noise is left out.
    apart = rivals[rivals["method"] != "eigenvalue, lasso"]
    same = across(apart)
    assert list(same.index) == [("digits", ratio) for ratio in ("0.5", "0.8", "0.9", "0.95")]
    assert set(same["rank correlation"]) == {"1.00"} and set(same["methods"]) == {5}
    tanh = apart["activation"] == "tanh"
    opposite = across(apart.assign(accuracy=apart["accuracy"].where(~tanh, 1 - apart["accuracy"])))
    assert set(opposite["rank correlation"]) == {"-1.00"}
    assert opposite["best with relu"].str.startswith("weight norm (").all()
    assert opposite["best with tanh"].str.startswith("random (").all()


def test_only_what_has_both_is_compared_and_few_methods_have_no_order(rivals: pd.DataFrame) -> None:
    tanh = rivals["activation"] == "tanh"
    lacking = across(rivals[~tanh | (rivals["method"] != "random")])
    assert set(lacking["methods"]) == {5}
    assert across(rivals[~tanh]).empty
    assert across(rivals[rivals["method"].isin(["random", "taylor"])]).empty


@pytest.mark.parametrize("retraining", ["none", "fine-tuned"])
def test_nothing_retrained_has_a_part_in_it(rivals: pd.DataFrame, retraining: str) -> None:
    assert across(rivals[rivals["retraining"] == retraining]).empty == (retraining != "none")
