"""What a chapter on the arena shows: the studies that are there, narrowed to some methods."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from eigenprune.lab.errors import UserError
from eigenprune.lab.records import latencies
from eigenprune.lab.records.latencies import BATCH
from eigenprune.lab.studies import Params
from eigenprune.report.arena import (
    activations,
    averages,
    check_exhibits,
    pair_exhibits,
    reconstruction_exhibits,
    rival_exhibits,
    rival_figures,
    rival_tables,
    scope,
    standing_exhibits,
)
from eigenprune.report.arena.averages import PLAIN
from eigenprune.report.arena.rival_exhibits import said_of
from eigenprune.report.arena.scope import Arena, Shown, of_planned
from eigenprune.report.paired import paired_tests
from eigenprune.report.shown import METADATA

RIVALS = {
    "chance": {"score": "random"},
    "norm": {"score": "weight_norm"},
    "norm-by-layer": {"score": "weight_norm", "scope": "layer"},
    "gain": {"score": "eigenvalue", "layer": "spectral"},
    "decayed": {"score": "weight_norm", "regulariser": "l2", "strengths": [0.001, 1]},
    "snip": {"score": "snip", "before": True},
    "short": {"from_scratch": True},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run store for all tests: the first computes the study, the others find its runs."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def arena(
    arena_project: Callable[..., Params], store: Path, monkeypatch: pytest.MonkeyPatch
) -> Arena:
    arena_project(quick_arena=["quick"], studies={"quick": {}, "large": {}}, rivals=RIVALS)
    monkeypatch.setenv("EIGENPRUNE_STORE", str(store))
    return Arena.of(["quick", "large"])


def test_it_is_narrowed_to_methods_with_and_without_retraining(arena: Arena) -> None:
    [quick] = arena.shown
    assert quick.study.name == "quick" and not quick.recorded and arena.quick == (quick,)
    [plain] = arena.only(lambda name, method: not method.regulariser).shown
    assert (
        "decayed-retrained" not in plain.study.methods and "norm-retrained" in plain.study.methods
    )
    assert set(plain.table["method"]) == {
        "chance",
        "norm",
        "norm-by-layer",
        "gain",
        "short",
        "snip",
        "small",
    }
    [two] = arena.named(["gain", "decayed"]).shown
    assert two.study.methods == (
        *("gain", "gain-reconstructed", "gain-retrained"),
        *("decayed", "decayed-retrained"),
    )
    assert arena.named(["nobody"]).shown == ()


def test_the_control_is_the_same_whatever_is_shown(arena: Arena) -> None:
    [whole] = arena.shown
    [part] = arena.named(["gain"]).shown
    assert len(whole.plain("none")) and part.plain("none").equals(whole.plain("none"))
    gained = whole.networks[whole.networks["method"] == "gain"]
    assert part.networks["lost"].tolist() == gained["lost"].tolist()
    assert part.networks["lost"].notna().all()


def test_what_of_a_study_is_missing_is_named(arena: Arena) -> None:
    [quick] = arena.shown
    assert arena.gaps() == []  # a quick study is computed whole
    # `snip` and `short` are not retrained; a control such as `small` is not counted as a method.
    assert of_planned(quick.study, quick.table) == (
        "7 of 7 methods, with relu (planned: relu), more than one seed for 7 methods as they are, "
        "4 reconstructed and 5 retrained"
    )
    part = quick.table[quick.table["method"].ne("gain") & quick.table["seed"].eq(1)]
    recorded = replace(quick, table=part, recorded=True)
    assert Arena(arena.params, (recorded,)).gaps() == [
        "`quick`: 6 of 7 methods, with relu (planned: relu), more than one seed for 0 methods as "
        "they are, 0 reconstructed and 0 retrained; "
        "missing: `gain`"
    ]


def test_an_activation_that_is_there_in_part_is_named_and_no_part_of_a_mean(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    params, [quick] = arena.params, arena.shown
    tanh = quick.table.assign(activation="tanh")
    recorded = replace(params, quick_arena=())

    def shown(more: pd.DataFrame) -> Shown:
        table = pd.concat([quick.table, more], ignore_index=True)
        monkeypatch.setattr(scope, "load_params", lambda path: recorded)
        monkeypatch.setattr(scope.arena, "tables", lambda *_: {"quick": table})
        [found] = Arena.of(["quick"]).shown
        return found

    assert "tanh" not in Arena(recorded, (shown(tanh.head(0)),)).gaps()[0]
    part = shown(tanh[tanh["method"].ne("gain")])
    assert part.competing.equals(quick.competing) and part.unsettled == ["tanh"]
    [gap] = Arena(recorded, (part,)).gaps()
    assert gap.endswith("; tanh not there for all methods yet, and so in no mean or ranking")
    assert said_of(part) == said_of(quick) == "digits, relu"
    alone = shown(tanh[tanh["retraining"].eq("none")])
    assert set(alone.competing["activation"]) == {"relu", "tanh"} and alone.unsettled == []
    assert said_of(alone, "none") == "digits, mean over relu, tanh"
    assert said_of(alone, "fine-tuned") == "digits, relu"
    assert said_of(alone) == (
        "digits (without retraining: mean over relu, tanh; trained at the final size: relu)"
    )
    # An unfinished activation is ranked separately, among only the methods that have it.
    so_far = Arena(recorded, (part, alone)).so_far()
    assert list(so_far) == ["tanh"] and Arena(recorded, (alone,)).so_far() == {}
    [its] = so_far["tanh"].shown
    assert said_of(its) == "digits, tanh" and its.unsettled == []
    assert set(its.leaderboard["method"]) == set(quick.leaderboard["method"]) - {"gain"}
    tables = []
    monkeypatch.setattr(activations, "show", lambda table, **words: tables.append(table))
    activations.show_across_activations(Arena(recorded, (quick,)))
    assert not tables, "with one activation there is nothing to compare"
    activations.show_across_activations(Arena(recorded, (part,)))
    alone_too = quick.table["retraining"].eq("none") & quick.table["method"].ne("gain")
    assert set(tables[0]["methods"]) == {quick.table[alone_too]["method"].nunique()}
    # The control beside the methods has the same activations, and no `lost` is missing.
    both, one = (set(alone.plain(how)["activation"]) for how in ("none", "fine-tuned"))
    assert both == {"all", "relu", "tanh"} and one == {"all", "relu"}
    means = averages.means_alone(alone.networks)
    assert means["lost"].notna().all()
    lacking = shown(tanh[tanh["retraining"].ne("none") | tanh["method"].ne("gain")])
    assert lacking.unsettled == ["tanh"] and lacking.networks["lost"].notna().all()


def test_a_name_that_is_no_study_is_refused(arena: Arena) -> None:
    with pytest.raises(UserError, match=r"study 'quik' is not in params\.yaml"):
        Arena.of(["quik"])


def test_everything_can_be_shown(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each figure and table is shown once, under its own name, with the runs that it comes from."""
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
    rival_exhibits.show_curves(arena, against="parameters_kept", key="parameters")
    standing_exhibits.show_best_curves(arena)
    standing_exhibits.show_at_a_glance(arena)
    standing_exhibits.show_chosen_elsewhere(arena)  # nothing: there is no other dataset
    standing_exhibits.show_goal(arena, "gain")  # nothing: not pruned by the ratio of the goal
    standing_exhibits.show_standings(arena)
    rival_exhibits.show_leaderboard(arena)
    rival_exhibits.show_costs(arena)
    rival_exhibits.show_spectral(arena)
    pair_exhibits.show_pairs(arena, [("gain", "norm"), ("nobody", "norm")], key="pair")
    rival_exhibits.show_spectral(arena, key="again")
    pair_exhibits.show_in_short(arena, {"the gain, or the norm": [("gain", "norm")]})
    rival_exhibits.show_strengths(arena)
    rival_exhibits.show_scopes(arena)
    rival_exhibits.show_rankings(arena, ["gain"])
    checked = check_exhibits.checked(
        arena, seeds=[1, 2, 3], regularised=["decayed"], redrawn=["norm"], ratios_trained=[0.5]
    )
    check_exhibits.show_checks(checked)
    check_exhibits.show_chosen_and_drawn(checked)
    check_exhibits.show_stability(arena, {"norm": ["weight_norm"], "nobody": ["taylor"]}, orders=2)
    reconstruction_exhibits.show_reconstructed(arena.named(["norm", "gain"]).with_seeds([1, 2, 3]))
    pair_exhibits.show_pairs(
        arena, [("norm", "chance")], key="chance", retrainings=["reconstructed"]
    )
    rival_exhibits.show_compute(arena)  # of recorded studies only: there is none
    assert sorted(names) == [
        *("again-quick-fine-tuned", "again-quick-none"),
        *("at-a-glance", "best-curves-quick-relu"),
        *("chance-quick-reconstructed", "chance-quick-reconstructed-drawn", "chance-reconstructed"),
        *("checks-quick", "costs-quick", "curves-quick-relu"),
        *("drawn-numbers-quick", "drawn-quick-relu", "in-short"),
        *("leaderboard-quick-fine-tuned", "leaderboard-quick-none"),
        *("pair-fine-tuned", "pair-none"),
        *("pair-quick-fine-tuned", "pair-quick-fine-tuned-drawn"),
        *("pair-quick-none", "pair-quick-none-drawn"),
        *("parameters-quick-relu", "rankings-quick"),
        *("reconstructed-numbers-quick", "reconstructed-quick-relu"),
        *("retrained-numbers-quick", "retrained-quick-relu"),
        *("scopes-quick", "settings"),
        *("spectral-quick-fine-tuned", "spectral-quick-none"),
        *("stability-quick", "standings-quick", "standings-quick-fine-tuned"),
        *("standings-quick-none", "strengths-quick", "unsure-quick"),
    ]


def test_in_short_is_the_sum_of_what_is_shown_pair_by_pair(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {}
    monkeypatch.setattr(
        pair_exhibits, "show", lambda table, *, name, **said: tables.update({name: table})
    )
    questions = {
        "a score or chance": [("norm", "chance"), ("gain", "chance")],
        "a scope": [("norm", "norm-by-layer")],
        "nothing": [("nobody", "norm")],
    }
    tested = []
    plain = pair_exhibits.verdicts_of_pruned
    monkeypatch.setattr(
        pair_exhibits, "verdicts_of_pruned", lambda rows: tested.append(plain(rows)) or tested[-1]
    )
    pair_exhibits.show_in_short(arena, questions)
    together = [rows.to_dict("records") for rows in tested]
    tested.clear()
    pair_exhibits.show_pairs(
        arena, *questions.values(), key="pairs", retrainings=["none"], differences=False
    )
    assert str(together) == str([rows.to_dict("records") for rows in tested]), "the same p"
    whole = tables["pairs-none"]["digits"]
    for question, pairs in list(questions.items())[:2]:
        short = tables["in-short"].loc[(question, "relu"), "digits"]
        for verdict in ("better", "worse", "open"):
            [said] = re.findall(rf"{verdict} (\d+)", short)
            cells = (whole[f"{one} − {other}", "relu"] for one, other in pairs)
            counts = (re.findall(rf"{verdict} (\d+)", cell) for cell in cells)
            assert int(said) == sum(int(found[0]) for found in counts if found)
    assert "nothing" not in tables["in-short"].index


def test_two_studies_of_one_dataset_have_a_column_each(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = {}
    monkeypatch.setattr(
        pair_exhibits, "show", lambda table, *, name, **said: tables.update({name: table})
    )
    [quick] = arena.shown
    table = quick.table.assign(study="other")
    other = replace(quick, study=replace(quick.study, name="other"), table=table)
    both = Arena(arena.params, (quick, other))
    pairs = [("norm", "chance")]
    pair_exhibits.show_in_short(both, {"a score": pairs})
    pair_exhibits.show_pairs(both, pairs, key="pairs", retrainings=["none"], differences=False)
    assert [list(table.columns) for table in tables.values()] == [["quick", "other"]] * 2


def test_what_is_small_from_the_start_is_held_against_what_is_pruned_and_not_retrained(
    arena: Arena,
) -> None:
    [quick] = arena.shown
    pairs, table = [("norm", "small")], quick.table
    for retraining in ("none", "fine-tuned", "reconstructed"):
        assert pair_exhibits.tests_of_pairs(table, pairs, retraining).empty
    alone = table[table["retraining"].isin(["none", "trained"])]
    expected = paired_tests(alone, "norm", "small")
    found = pair_exhibits.tests_of_pairs(table, pairs, pair_exhibits.AS_TRAINED)
    assert len(found) and found["difference"].tolist() == expected["difference"].tolist()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The names of the figures and tables that are shown, as they come; None for what is below."""
    found = list[str | None]()
    monkeypatch.setattr(
        "IPython.display.display",
        lambda bundle, *, raw, metadata: found.append(metadata[METADATA].get("name")),
    )
    return found


def test_what_is_recorded_in_part_is_shown_in_part(arena: Arena, names: list[str | None]) -> None:
    """One seed of two methods: nothing breaks, and nothing is shown that is missing."""
    [quick] = arena.shown
    rows = quick.table["method"].isin(["norm", "gain"]) & quick.table["retraining"].eq("none")
    part = quick.table[rows & quick.table["seed"].eq(1)].reset_index(drop=True)
    partly = Arena(arena.params, (replace(quick, table=part, recorded=True),))
    rival_exhibits.show_curves(partly)
    rival_exhibits.show_curves(partly, retraining="fine-tuned", key="retrained")
    standing_exhibits.show_best_curves(partly)
    standing_exhibits.show_at_a_glance(partly)
    standing_exhibits.show_standings(partly)
    rival_exhibits.show_leaderboard(partly)
    rival_exhibits.show_costs(partly)
    rival_exhibits.show_spectral(partly)
    rival_exhibits.show_strengths(partly)
    rival_exhibits.show_scopes(partly)
    pair_exhibits.show_pairs(partly, [("gain", "norm")], key="pair")
    rival_exhibits.show_curves(partly.named(["decayed"]))
    assert [name for name in names if name] == [
        *("curves-quick-relu", "best-curves-quick-relu", "at-a-glance"),
        *("standings-quick", "standings-quick-none"),
        *("leaderboard-quick-none", "costs-quick", "spectral-quick-none", "scopes-quick"),
    ]
    unranked = part[part["pruning_ratio"] == 0].assign(latency=1.0, seconds=1.0)
    nothing = Arena(arena.params, (replace(quick, table=unranked, recorded=True),))
    names.clear()
    standing_exhibits.show_best_curves(nothing)
    standing_exhibits.show_at_a_glance(nothing)
    standing_exhibits.show_chosen_elsewhere(nothing)
    standing_exhibits.show_standings(nothing)
    rival_exhibits.show_leaderboard(nothing)
    rival_exhibits.show_costs(nothing)
    rival_exhibits.show_compute(nothing)
    assert names == []


def test_the_best_are_chosen_on_the_other_dataset(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = []
    monkeypatch.setattr(standing_exhibits, "show", lambda table, **said: tables.append(table))
    [quick] = arena.shown
    both = []
    for dataset, better in (("wine", "norm"), ("leaves", "norm-by-layer")):
        table = quick.table.assign(study=dataset, dataset=dataset)
        table["accuracy"] += 0.5 * table["method"].eq(better) * table["pruning_ratio"].gt(0)
        study = replace(quick.study, name=dataset, dataset=dataset)
        both.append(Shown(study, table, recorded=True, controls=averages.controls_of(table)))
    standing_exhibits.show_chosen_elsewhere(Arena(arena.params, tuple(both)))
    [shown] = tables
    assert shown["rival method"].to_dict() == {
        ("0.5", "wine"): "norm-by-layer",
        ("0.5", "leaves"): "norm",
    }
    assert set(shown["spectral method"]) == {"gain"}


def test_where_no_seed_has_all_activations_nothing_is_averaged_over_them(
    arena: Arena, names: list[str | None]
) -> None:
    [quick] = arena.shown
    first = quick.table["seed"].eq(1)
    table = quick.table.assign(activation=quick.table["activation"].where(first, "tanh"))
    apart = replace(quick, table=table, controls=averages.controls_of(table))
    arena = Arena(arena.params, (apart,))
    standing_exhibits.show_best_curves(arena)
    assert [name for name in names if name] == ["best-curves-quick-relu", "best-curves-quick-tanh"]
    names.clear()
    standing_exhibits.show_at_a_glance(arena)
    standing_exhibits.show_standings(arena)
    rival_exhibits.show_leaderboard(arena)
    rival_exhibits.show_spectral(arena)
    assert names == []


def test_standings_mark_what_has_a_network_for_each_ratio(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Methods trained at the final size are marked; only a table with marks explains them."""
    shown = []
    monkeypatch.setattr(
        standing_exhibits, "show", lambda what, **words: shown.append((what, words))
    )
    standing_exhibits.show_standings(arena)
    (_, _), (plain, said), (small, said_of_small) = shown
    mark = rival_tables.PER_RATIO
    marked = {name for name in small.index if mark in name}
    assert marked == {f"{name} {mark}" for name in ("short", "small", "snip")}
    assert mark in said_of_small["caption"] and mark not in said["caption"]
    assert plain.index[0] == small.index[0] == PLAIN
    assert plain.loc[PLAIN, "unpruned"] == small.loc[PLAIN, "unpruned"]


def test_what_another_processor_computed_is_named_below_the_picture(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions = []
    monkeypatch.setattr(
        rival_exhibits, "show", lambda what, **words: captions.append(words["caption"])
    )
    [quick] = arena.shown
    timed = quick.table.assign(seconds=1.0, latency=1.0, processor="fast", searched=False)
    for processor, said in (("slow", True), ("fast", False)):
        table = timed.assign(
            processor=timed["processor"].mask(timed["method"] == "norm", processor)
        )
        rival_exhibits.show_compute(
            Arena(arena.params, (replace(quick, table=table, recorded=True),))
        )
        picture, _ = captions
        assert ("Not shown for lack of such a seed: `norm`." in picture) is said
        assert "chance" not in picture
        captions.clear()


def test_curves_say_over_what_they_are(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(
        "IPython.display.display",
        lambda bundle, *, raw, metadata: shown.append(metadata[METADATA]),
    )
    rival_exhibits.show_curves(arena)
    rival_exhibits.show_curves(arena, against="parameters_kept", key="parameters")
    by_ratio, _, by_size, _ = shown
    assert "against the pruning ratio" in by_ratio["caption"] and "pruning ratio" in by_ratio["alt"]
    assert "against the parameters kept" in by_size["caption"] and "parameters" in by_size["alt"]
    assert by_ratio["name"] != by_size["name"]


def test_a_pair_has_one_verdict_corrected_for_all_points_of_its_question(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summary, figure and table agree: corrected over all pairs, unpruned networks separately."""
    shown = {}
    monkeypatch.setattr(
        pair_exhibits, "show", lambda what, **words: shown.update({words["name"]: what})
    )
    monkeypatch.setattr(rival_figures, "differences_of_pairs", lambda rows: rows)
    [quick] = arena.shown
    pairs = [("gain", "norm"), ("norm", "chance"), ("decayed", "norm")]
    pair_exhibits.show_pairs(arena, pairs, key="pair")
    for retraining in ("none", "fine-tuned"):
        rows = quick.table[quick.table["retraining"] == retraining]
        drawn, table = shown[f"pair-quick-{retraining}-drawn"], shown[f"pair-quick-{retraining}"]
        expected = {}
        for ratio in (0.0, 0.5):
            its = rows[rows["pruning_ratio"] == ratio]
            alone = [paired_tests(its, one, other)["p"].item() for one, other in pairs]
            tested = [p for p in alone if p == p]
            corrected = iter(stats.false_discovery_control(tested) if tested else [])
            for pair, p in zip(pairs, alone, strict=True):
                expected[" − ".join(pair), ratio] = next(corrected) if p == p else p
        found = drawn.set_index(["pair", "pruning_ratio"])
        assert found["p"].to_dict() == pytest.approx(expected, nan_ok=True)
        told_apart = found["verdict"].isin(["better", "worse"])
        assert told_apart.tolist() == [cell.endswith("*") for cell in table["difference"]]
        for (pair, _), cell in shown[f"pair-{retraining}"]["digits"].items():
            row = found.loc[(pair, 0.5)]
            assert f"{row['verdict']} 1" in cell
            assert f" (2) {100 * row['difference']:+.2f}, " in cell
            sizes = (
                quick.table[
                    quick.table["retraining"].eq(retraining) & quick.table["pruning_ratio"].eq(0.5)
                ]
                .groupby("method")["parameters_kept"]
                .mean()
            )
            one, other = pair.split(" − ")
            assert row["size"] == pytest.approx(sizes[one] / sizes[other])
    pair_exhibits.show_pairs(arena, pairs, key="counted", differences=False)
    counted = {name: table for name, table in shown.items() if name.startswith("counted")}
    assert list(counted) == ["counted-none", "counted-fine-tuned"]
    for retraining in ("none", "fine-tuned"):
        assert counted[f"counted-{retraining}"].equals(shown[f"pair-{retraining}"])


def test_each_method_costs_once_and_latency_is_told_where_it_was_measured(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    monkeypatch.setattr(
        "IPython.display.display",
        lambda bundle, *, raw, metadata: shown.append(bundle["text/markdown"]),
    )
    [quick] = arena.shown
    timed = replace(quick, table=quick.table.assign(latency=0.25), recorded=True)
    rival_exhibits.show_costs(arena)
    rival_exhibits.show_costs(Arena(arena.params, (timed,)))
    table, caption, timed_table, timed_caption = shown
    methods = quick.table["method"].nunique()
    assert len(table.splitlines()) == len(timed_table.splitlines()) == methods + 2
    assert "| 0.25 |" in timed_table and "| 0.25 |" not in table
    assert f"milliseconds for a batch of {BATCH} on one thread of a machine" in timed_caption
    assert "measured" not in timed_table
    assert "milliseconds" not in caption
    # If the machine is known, it is named.
    machine = {"digits": {"processor": "a fast one", "torch": "9.9"}}
    monkeypatch.setattr(latencies, "machines", lambda: machine)
    rival_exhibits.show_costs(Arena(arena.params, (timed,)))
    assert "on one thread of a fast one, torch 9.9" in shown[-1] and "measured" in shown[-2]
