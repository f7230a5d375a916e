"""What the chapter shows of feature flow: each line has its own points, the table has them all."""

from collections.abc import Callable

import pandas as pd
import pytest

from eigenprune.lab.studies import Params
from eigenprune.report.shown import METADATA
from eigenprune.report.trials import flow_exhibits, trial_exhibits

POINTS = [(0.1, 0.1), (0.0, 0.0), (0.1, 0.0), (0.0, 0.1)]


@pytest.fixture
def rows() -> pd.DataFrame:
    points = [(name, *point) for name in ("plain", "residual") for point in POINTS]
    table = pd.DataFrame(points, columns=["architecture", "k1", "k2"])
    return table.assign(
        pruning_ratio=0.5,
        accuracy=0.9 + table["k1"] / 10,
        accuracy_std=0.01,
        length=2.0,
        angle=1.0,
        pruned_accuracy=0.5,
        retrained_accuracy=0.8,
    )


@pytest.mark.parametrize(
    ("raised", "points"),
    [
        (("k1",), [(0.0, 0.0), (0.1, 0.0)]),
        (("k2",), [(0.0, 0.0), (0.0, 0.1)]),
        (("k1", "k2"), [(0.0, 0.0), (0.1, 0.1)]),
    ],
)
def test_a_line_raises_its_coefficients_alone(
    raised: tuple[str, ...], points: list[tuple[float, float]], rows: pd.DataFrame
) -> None:
    line = flow_exhibits._line(rows[rows["architecture"] == "plain"], raised)
    assert list(zip(line["k1"], line["k2"], strict=True)) == points


def test_the_table_has_all_points_in_order(rows: pd.DataFrame) -> None:
    shown = flow_exhibits._table(rows)
    order = [("0", "0"), ("0", "0.1"), ("0.1", "0"), ("0.1", "0.1")]
    assert list(shown.index) == [(name, *k) for name in ("plain", "residual") for k in order]
    assert shown.loc[("plain", "0.1", "0")].to_dict() == {
        "accuracy": "91.00 ± 1.00",
        "length": "2.00",
        "angle": "1.00",
        "pruned": "50.00",
        "retrained": "80.00",
    }


def test_each_activation_has_a_figure_and_a_table(
    arena_project: Callable[..., Params], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def display(bundle, *, raw, metadata):  # type: ignore[no-untyped-def]
        if "name" in (said := metadata[METADATA]):
            told.append((said["name"], "image/svg+xml" in bundle))
            assert said["origins"] and not said["recorded"]

    monkeypatch.setattr("IPython.display.display", display)
    grid = {"architecture": ["plain", "residual"], "k1": [0, 0.1], "k2": [0]}
    small = {
        "kind": "flow",
        "hidden": [6, 6, 6],
        "activations": ["relu", "tanh"],
        "grid": {**grid, "pruning_ratio": [0.5]},
    }
    arena_project(trials={"small": small}, quick_trials=["small"])
    flow_exhibits.show_flow(trial_exhibits.there(["small"]))
    assert told == [
        (f"{what}-small-{activation}", what == "ways")
        for activation in ("relu", "tanh")
        for what in ("ways", "points")
    ]
