"""The findings on the start page: they agree with the chapters and claim nothing unrecorded."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab import project
from eigenprune.lab.rows import COLUMNS
from eigenprune.lab.studies import Study, make_study
from eigenprune.report.arena.averages import RIVALS_COLUMNS
from eigenprune.report.book.findings import findings
from eigenprune.report.comparison import coverage, paper
from eigenprune.report.comparison.published import all_settings
from eigenprune.report.paired import paired_differences

STUDY = make_study(
    "mine",
    {
        "dataset": "digits",
        "hidden": [8],
        "activations": ["relu"],
        "methods": ["pre", "small"],
        "seeds": [1, 2, 3],
        "pruning_ratios": [0.5, 0.9],
        "epochs": 100,
        "retraining_epochs": 20,
        "batch_size": 200,
        "learning_rate": 0.001,
        "initialisation": "2022",
    },
    "test",
)


def verdicts(text: str, label: str) -> dict[str, str]:
    """The row whose first cells are the label, in the only table that has it, by column head."""
    [row] = all_verdicts(text, label)
    return row


def all_verdicts(text: str, label: str) -> list[dict[str, str]]:
    """All rows whose first cells are the label; where a cell repeats the one above it is empty."""
    found, heads, above = [], list[str](), list[str]()
    for line in text.splitlines():
        if not line.startswith("| "):
            if not line.startswith("|:--"):
                heads = []
            continue
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if not heads:
            heads, above = cells, cells
            continue
        first = next(n for n, cell in enumerate(cells) if cell)
        above = [*above[:first], *cells[first:]]
        wanted = label.split(" | ")
        if above[: len(wanted)] == wanted:
            found.append(dict(zip(heads, above, strict=True)))
    return found


NO_RIVALS = pd.DataFrame(columns=RIVALS_COLUMNS)


def record(root: Path, better: float, study: Study = STUDY) -> None:
    """Three seeds of `pre`, and of `small`, which is better by about `better` times the ratio."""
    folder = root / "results" / "paper" / study.name
    folder.mkdir(parents=True)
    rows = [
        dict.fromkeys(COLUMNS, 1) | {
            "study": study.name,
            "dataset": study.dataset,
            "hidden": study.widths,
            "activation": "relu",
            "method": method,
            "seed": seed,
            "pruning_ratio": ratio,
            "accuracy": 0.5 + 0.01 * seed + (better + 0.0001 * seed) * (method == "small") * ratio,
        }
        for method in STUDY.methods
        for seed in STUDY.seeds
        for ratio in STUDY.pruning_ratios
    ]  # fmt: skip
    pd.DataFrame(rows)[list(COLUMNS)].to_csv(folder / "curves.csv", index=False)
    (folder / "manifest.json").write_text(
        json.dumps({"study": asdict(study), "made_with": [], "training_seconds": 0.0})
    )


def test_where_nothing_is_recorded_it_says_so(tmp_path: Path) -> None:
    assert findings(tmp_path, NO_RIVALS) == "Nothing is recorded at the scale of the paper yet.\n"


@pytest.mark.parametrize(("better", "said"), [(0.1, "worse"), (-0.1, "better")])
def test_it_can_find_either(tmp_path: Path, better: float, said: str) -> None:
    record(tmp_path, better)
    text = findings(tmp_path, NO_RIVALS)
    row = verdicts(text, "small: a dense network that is small from the start")
    assert "before training" in text and row[said] == "2" and row["open"] == "0"
    assert "published curves" not in text and "spectral" not in text  # nothing published, no arena


def test_a_study_with_other_settings_is_not_mixed_in(tmp_path: Path) -> None:
    """Networks trained for fewer epochs would be compared with, or counted as, the others."""
    record(tmp_path, 0.1)
    alone = findings(tmp_path, NO_RIVALS)
    record(tmp_path, -0.1, replace(STUDY, name="shorter", epochs=50))
    assert findings(tmp_path, NO_RIVALS) == alone


def test_depth_and_dataset_may_be_ones_of_the_readers_own(tmp_path: Path) -> None:
    record(tmp_path, 0.1, replace(STUDY, dataset="wine", hidden=(30, 20)))
    assert "(two hidden layers, 30-20)" in findings(tmp_path, NO_RIVALS)


def test_the_best_of_the_arena_are_in_a_table(tmp_path: Path, rivals: pd.DataFrame) -> None:
    text = findings(tmp_path, rivals)
    assert re.search(r"\n\| digits \(\d\d\.\d\d\) \| 0\.5 \| ", text)
    assert re.search(
        r"\nThe spectral method is `eigenvalue, lasso` in \d settings.*; the rival", text
    )
    unranked = rivals[rivals["pruning_ratio"].eq(0)]
    assert findings(tmp_path, unranked).startswith("Nothing is recorded")


def test_the_best_are_also_chosen_on_the_other_dataset(
    tmp_path: Path, rivals: pd.DataFrame
) -> None:
    assert "on the other dataset |" not in findings(tmp_path, rivals)  # there is none
    text = findings(tmp_path, pd.concat([rivals, rivals.assign(dataset="wine")]))
    same, other = (
        re.findall(rf"\n\| spectral \| on the {data} \| (\d+) \|", text)
        for data in ("same data", "other dataset")
    )
    assert same == other == ["8"]


def test_where_no_seed_has_all_activations_there_is_no_table_of_means(
    tmp_path: Path, rivals: pd.DataFrame
) -> None:
    first, second = sorted(rivals["activation"].unique())
    early = rivals["seed"] <= rivals["seed"].median()
    apart = rivals[
        early & rivals["activation"].eq(first) | ~early & rivals["activation"].eq(second)
    ]
    text = findings(tmp_path, apart)
    assert "methods of the arena" in text and "The spectral method is" not in text


GROUPS = ("spectral", "spectral, by eigenvalue", "spectral, by eigenvalue, nothing averaged")


def test_what_ranks_by_eigenvalue_is_told_apart(tmp_path: Path, rivals: pd.DataFrame) -> None:
    """If a spectral method with another score leads, the recipe's score is judged separately."""
    better = rivals[rivals["method"] == "eigenvalue, lasso"].assign(
        method="another", score="taylor", accuracy=lambda rows: rows["accuracy"] + 0.2
    )
    text = findings(tmp_path, pd.concat([rivals, better], ignore_index=True))
    first, *others = (verdicts(text, group) for group in GROUPS)
    assert (first["worse"], first["open"]) == ("0", "0") and first["better"] != "0"
    before = findings(tmp_path, rivals)
    assert others == [verdicts(before, group) for group in GROUPS[1:]]
    assert first["better"] not in [its["better"] for its in others]


def test_what_averages_is_left_out_where_like_is_held_against_like(
    tmp_path: Path, rivals: pd.DataFrame
) -> None:
    """A rival far ahead that averages its last steps counts only where averaging is allowed."""
    ahead = rivals[rivals["method"] == "taylor"].assign(
        method="ahead",
        regulariser="averaged_taylor_pruning",
        accuracy=lambda rows: rows["accuracy"] + 0.3,
    )
    text = findings(tmp_path, pd.concat([rivals, ahead], ignore_index=True))
    for group in ("spectral", "spectral, by eigenvalue"):
        alike = f"{group}, nothing averaged"
        against_all = verdicts(text, group)
        assert (against_all["better"], against_all["open"]) == ("0", "0")
        like = verdicts(text, alike)
        assert like == verdicts(findings(tmp_path, rivals), alike)
        assert like["worse"] != against_all["worse"]


@pytest.mark.parametrize(("ahead", "said"), [(0.1, "better"), (-0.1, "worse")])
def test_chance_can_lose_and_win_and_needs_no_activation_that_all_have(
    tmp_path: Path, rivals: pd.DataFrame, ahead: float, said: str
) -> None:
    some = rivals[rivals["method"].eq("taylor") & rivals["retraining"].eq("none")]
    some = some[some["pruning_ratio"].isin([0.5, 0.9])]
    chance = some.assign(method="random-nodes")
    noise = some["seed"] * 1e-4
    ours = some.assign(method="spectral-post", accuracy=some["accuracy"] + ahead + noise)
    lacking = rivals[rivals["activation"] == "relu"]
    # In networks that bear pruning better or worse, the choice alone can be the other way round.
    same = some.assign(
        method="spectral-random-nodes", accuracy=some["accuracy"] + 2 * (ahead + noise)
    )
    text = findings(tmp_path, pd.concat([lacking, chance, ours, same], ignore_index=True))
    opposite = {"better": "worse", "worse": "better"}[said]
    for label, verdict in (
        ("one hidden layer in the arena | digits", said),
        ("drawn as in 2022 | digits", opposite),
    ):
        rows = all_verdicts(text, label)
        assert {"relu", "tanh"} == {row["activation"] for row in rows}
        assert all((row[verdict], row["open"]) == ("2", "0") for row in rows)


@pytest.mark.parametrize("ahead", [0.1, -0.1])
def test_a_score_that_chance_beats_can_win_where_both_are_repaired(
    tmp_path: Path, rivals: pd.DataFrame, ahead: float
) -> None:
    some = rivals[rivals["method"].eq("taylor") & rivals["retraining"].eq("none")]
    some = some[some["pruning_ratio"].isin([0.5, 0.9]) & some["activation"].eq("relu")]
    noise = (some["seed"] - some["seed"].mean()) * 1e-4
    chance = some.assign(method="random-nodes", accuracy=some["accuracy"] + ahead + noise)
    as_pruned = pd.concat([rivals, chance], ignore_index=True)
    assert "Are other scores" not in findings(tmp_path, as_pruned)
    repaired = [
        some.assign(retraining="reconstructed", accuracy=some["accuracy"] + 0.3),
        chance.assign(retraining="reconstructed", accuracy=some["accuracy"] + 0.3 - ahead + noise),
    ]
    text = findings(tmp_path, pd.concat([as_pruned, *repaired], ignore_index=True))
    better = [verdicts(text, label)["better"] for label in ("as pruned", "repaired")]
    assert better == ["0", "2"][:: 1 if ahead > 0 else -1]


@pytest.mark.parametrize(("ahead", "said"), [(0.1, "better"), (0.0, "open")])
def test_a_score_is_held_against_chance_at_its_widths(
    tmp_path: Path, rivals: pd.DataFrame, ahead: float, said: str
) -> None:
    some = rivals[rivals["method"].eq("taylor") & rivals["retraining"].eq("none")]
    some = some[some["pruning_ratio"].isin([0.5, 0.9])]
    noise = (some["seed"] - some["seed"].mean()) * 1e-3 * (some["pruning_ratio"] - 0.4)
    ours = some.assign(
        method="averaged-gradient-pruning", accuracy=some["accuracy"] + ahead + noise
    )
    fewer = (some["parameters_kept"] / 2).astype(int)
    chance = some.assign(method="averaged-shuffled-pruning", parameters_kept=fewer)
    text = findings(tmp_path, pd.concat([rivals, ours, chance], ignore_index=True))
    row = verdicts(text, "averaged-gradient-pruning")
    assert row[said] == "4" and row["worse"] == "0" and row["parameters"] == "2.00"
    assert "Does the score know" not in findings(tmp_path, rivals)


def test_a_pruned_network_is_held_against_its_widths_trained_anew(
    tmp_path: Path, rivals: pd.DataFrame
) -> None:
    some = rivals[rivals["method"].eq("taylor") & rivals["retraining"].eq("none")]
    some = some[some["pruning_ratio"].isin([0.5, 0.9])]
    noise = (some["seed"] - some["seed"].mean()) * 1e-3 * (some["pruning_ratio"] - 0.4)
    behind = some["accuracy"] - 0.1 + noise
    ours = some.assign(method="averaged-gradient-pruning", accuracy=behind)
    anew = some.assign(method="averaged-gradient-redrawn", retraining="trained")
    text = findings(tmp_path, pd.concat([rivals, ours, anew], ignore_index=True))
    row = verdicts(text, "averaged-gradient-pruning")
    assert row["worse"] == "4" and row["open"] == "0" and row["parameters"] == "1.00"
    assert "Are the weights worth keeping" not in findings(tmp_path, rivals)


def test_a_record_without_pruned_networks_has_no_verdict(
    tmp_path: Path, rivals: pd.DataFrame
) -> None:
    """Both methods are there, unpruned alone: nothing is compared, and nothing is said of it."""
    unpruned = rivals[rivals["method"].eq("taylor") & rivals["pruning_ratio"].eq(0)]
    both = [unpruned.assign(method=name) for name in ("spectral-post", "random-nodes")]
    assert findings(tmp_path, pd.concat(both)).startswith("Nothing is recorded")


def test_of_this_repository_it_says_what_verify_and_the_chapters_say() -> None:
    root = project.root()
    recorded = paper.recorded_studies(
        path.parent.name
        for path in root.glob("results/paper/*/curves.csv")
        if not path.parent.name.startswith("rivals-")
    )
    text = findings(root, NO_RIVALS)
    covered = coverage.coverage(
        paper.agreement_of(recorded), all_settings(["2000", "500-500-500", "800-800-800"])
    )
    for row in coverage.shares(covered).to_dict("records"):
        told = f", {row['hidden']} | {row['compared']} | {row['agree']} | "
        assert (told in text) == (row["compared"] > 0)
    alike = [each for each in recorded if "-1x500" in each.name]
    for name in ("pre-random", "post-retrained", "small"):
        curves = paper.within_one_study(paper.curves_of(alike), ["pre", name])
        table = paired_differences(curves, "pre", name)
        table = table[table["pruning_ratio"] > 0]
        [label] = re.findall(rf"^\| ({name}: [^|]*) \|", text, re.MULTILINE)
        for row in (rows := all_verdicts(text, label)):
            counts = table.loc[table["activation"] == row["activation"], "verdict"].value_counts()
            for verdict in ("better", "worse", "open"):
                assert row[verdict] == str(counts.get(verdict, 0))
        assert [row["activation"] for row in rows] == list(table["activation"].unique())
