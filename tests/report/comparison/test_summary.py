"""summary.json: the numbers of curves.csv, and valid JSON whatever they are."""

import json
from pathlib import Path

import pandas as pd

from eigenprune.lab.rows import COLUMNS
from eigenprune.report.comparison.agreement import POINT
from eigenprune.report.comparison.summary import write_summary
from eigenprune.report.curves import write_curves


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_the_summary_is_that_of_the_table(tmp_path: Path) -> None:
    rows = [
        ["s", "mnist", "2000", "relu", method, seed, ratio, 100, 1000, accuracy, 0.1]
        for method, seeds in {"direct": (1, 2), "post": (1,)}.items()
        for seed in seeds
        for ratio, accuracy in ((0.0, 0.9), (0.5, 0.8 + seed / 100))
    ]
    write_curves(pd.DataFrame(rows, columns=list(COLUMNS)), tmp_path / "curves.csv")
    published = pd.DataFrame(
        [["mnist", "2000", "relu", "direct", 0.5, 0.815, 0.01, 5]],
        columns=[*POINT[1:], "accuracy_mean", "accuracy_std", "n"],
    )
    write_summary(tmp_path, published)
    text = (tmp_path / "summary.json").read_text()
    summary = json.loads(text, parse_constant=refuse)
    direct, post = summary["curves"]
    assert (direct["method"], direct["unpruned"]["mean"], direct["pruned"][0]["n"]) == (
        "direct",
        0.9,
        2,
    )
    assert direct["pruned"][0]["mean"] == 0.815 and direct["pruned"][0]["std"] == 0.007071
    assert post["pruned"][0]["std"] is None
    [agreement] = summary["agreement"]
    assert (agreement["method"], agreement["points"], agreement["agree"]) == ("direct", 1, 1)
