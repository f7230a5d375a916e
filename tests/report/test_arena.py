"""What a chapter on the arena shows: the studies that are there, narrowed to some methods."""

from collections.abc import Callable

import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import Params
from eigenprune.report import rival_exhibits
from eigenprune.report.arena import Arena, Shown
from eigenprune.report.shown import METADATA

RIVALS = {
    "chance": {"score": "random"},
    "norm": {"score": "weight_norm"},
    "norm-by-layer": {"score": "weight_norm", "scope": "layer"},
    "gain": {"score": "eigenvalue", "layer": "spectral"},
    "decayed": {"score": "weight_norm", "regulariser": "l2", "strengths": [0.001, 1]},
}


@pytest.fixture
def arena(arena_project: Callable[..., Params]) -> Arena:
    arena_project(quick_arena=["quick"], studies={"quick": {}, "large": {}}, rivals=RIVALS)
    return Arena.of(["quick", "large"])


def test_it_is_narrowed_to_methods_with_and_without_retraining(arena: Arena) -> None:
    [quick] = arena.shown
    assert quick.study.name == "quick" and not quick.recorded and arena.quick == (quick,)
    [plain] = arena.only(lambda name, method: not method.regulariser).shown
    assert (
        "decayed-retrained" not in plain.study.methods and "norm-retrained" in plain.study.methods
    )
    assert set(plain.table["method"]) == {"chance", "norm", "norm-by-layer", "gain", "small"}
    [two] = arena.named(["gain", "decayed"]).shown
    assert two.study.methods == ("gain", "gain-retrained", "decayed", "decayed-retrained")
    assert arena.named(["nobody"]).shown == ()


def test_a_name_that_is_no_study_is_refused(arena: Arena) -> None:
    with pytest.raises(UserError, match=r"study 'quik' is not in params\.yaml"):
        Arena.of(["quik"])


def test_everything_can_be_shown(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each figure and table once, under a name of its own, with the runs that it comes from."""
    names = []

    def display(bundle, *, raw, metadata):  # type: ignore[no-untyped-def]
        shown = metadata[METADATA]
        if "name" in shown:
            names.append(shown["name"])
            assert shown["origins"] or shown["name"].startswith("settings")

    monkeypatch.setattr("IPython.display.display", display)
    rival_exhibits.show_settings(arena)
    rival_exhibits.show_curves(arena)
    rival_exhibits.show_curves(arena, retraining="fine-tuned", key="retrained")
    rival_exhibits.show_standings(arena)
    rival_exhibits.show_spectral(arena)
    rival_exhibits.show_differences(arena, [("gain", "norm")], key="pair")
    rival_exhibits.show_strengths(arena)
    rival_exhibits.show_scopes(arena)
    rival_exhibits.show_rankings(arena, ["gain"])
    rival_exhibits.show_checks(arena, ["norm", "gain"])
    rival_exhibits.show_compute(arena)  # of recorded studies alone: there is none
    assert sorted(names) == [
        *("checks-quick-gain", "checks-quick-norm", "curves-quick-relu", "pair-quick"),
        *("rankings-quick", "retrained-quick-relu", "scopes-quick", "settings-quick"),
        *("spectral-quick-fine-tuned", "spectral-quick-none"),
        *("standings-quick-fine-tuned", "standings-quick-none", "strengths-quick"),
    ]


def test_what_is_recorded_in_part_is_shown_in_part(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One seed of two methods: nothing breaks, and nothing is shown that is not there."""
    names = []
    monkeypatch.setattr(
        "IPython.display.display",
        lambda bundle, *, raw, metadata: names.append(metadata[METADATA].get("name")),
    )
    [quick] = arena.shown
    rows = quick.table["method"].isin(["norm", "gain"]) & quick.table["retraining"].eq("none")
    part = quick.table[rows & quick.table["seed"].eq(1)].reset_index(drop=True)
    partly = Arena(arena.params, (Shown(quick.study, part, recorded=True),))
    rival_exhibits.show_curves(partly)
    rival_exhibits.show_curves(partly, retraining="fine-tuned", key="retrained")
    rival_exhibits.show_standings(partly)
    rival_exhibits.show_spectral(partly)
    rival_exhibits.show_strengths(partly)
    rival_exhibits.show_scopes(partly)
    rival_exhibits.show_differences(partly, [("gain", "norm")], key="pair")
    rival_exhibits.show_curves(partly.named(["decayed"]))
    assert [name for name in names if name] == [
        *("curves-quick-relu", "standings-quick-none", "spectral-quick-none", "scopes-quick")
    ]
    unranked = part[part["pruning_ratio"] == 0].assign(latency=1.0, seconds=1.0)
    nothing = Arena(arena.params, (Shown(quick.study, unranked, recorded=True),))
    names.clear()
    rival_exhibits.show_standings(nothing)
    rival_exhibits.show_compute(nothing)
    assert names == []
