"""Your run against ours: each verdict from real runs, and what it says."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import sweep
from eigenprune.lab.records.recorded import record, reference_of
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params, Study, change_study, make_study
from eigenprune.report import figures
from eigenprune.report.comparison.reproduction import MOVED, Reproduction, by_method, reproduction
from eigenprune.report.comparison.your_run import (
    by_method_table,
    differences_figure,
    machines_table,
    side_by_side,
    verdict_sentence,
)
from eigenprune.report.curves import read_curves, write_curves
from eigenprune.report.markdown import table_text
from eigenprune.report.provenance.staleness import Changes

VALUES = {
    "dataset": "digits",
    "hidden": [12],
    "activations": ["relu"],
    "methods": ["direct", "pre"],
    "seeds": [1, 2, 3, 4],
    "pruning_ratios": [0.25, 0.5],
    "epochs": 3,
    "retraining_epochs": 1,
    "batch_size": 100,
    "learning_rate": 0.01,
    "initialisation": "2022",
}
STUDY = make_study("tiny", VALUES, "test")
IMAGE = 1 / 360
Edit = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the study computed twice, each time from scratch; one is the record."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "params.yaml").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("EIGENPRUNE_STORE", str(folder / "theirs"))
        sweep.run_study(STUDY, executor="inline")
        record(STUDY, Store(folder / "theirs"), reference_of(STUDY))
        patch.setenv("EIGENPRUNE_STORE", str(folder / "here"))
        compute(folder, STUDY)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `made` that a test may change."""
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "project" / "here"))
    return tmp_path / "project"


def compute(folder: Path, study: Study) -> None:
    curves = sweep.run_study(study, executor="inline")
    write_curves(curves, folder / "results" / "quick" / study.name / "curves.csv")


def compared(study: Study = STUDY) -> Reproduction:
    return reproduction(study.name, Params((study.name,), {study.name: study}))


def edit(folder: Path, change: Edit) -> None:
    path = folder / "results" / "quick" / "tiny" / "curves.csv"
    write_curves(change(read_curves(path)), path)


def test_the_same_run_on_the_same_machine_is_bitwise_equal(folder: Path) -> None:
    found = compared()
    assert found.verdict == "bitwise equal"
    assert verdict_sentence(found) == (
        "`tiny`: **bitwise equal**. Accuracy and loss of 24 networks are the same to the last bit."
    )
    assert found.image == IMAGE
    assert found.count("equal") == len(found.points) == 6
    assert (by_method(found)[["moved", "accuracy", "loss"]] == 0).all(axis=None)


def test_one_image_is_within_tolerance(folder: Path) -> None:
    def one_image(curves: pd.DataFrame) -> pd.DataFrame:
        curves.loc[3, "accuracy"] += IMAGE
        return curves

    edit(folder, one_image)
    found = compared()
    assert found.verdict == "equal within tolerance"
    assert (found.count("equal"), found.count("within")) == (5, 1)
    told = verdict_sentence(found)
    assert "Of 6 points, 5 equal to the last bit, 1 equal within the tolerance." in told
    assert "The accuracy of 0 of 24 networks is more than one test image away." in told
    alike = verdict_sentence(replace(found, changes=Changes()))  # a checkout may have changes
    assert "The machines and the code are the same, as far as is known." in alike


def test_another_processor_is_within_tolerance_and_is_named(folder: Path) -> None:
    """The plainest instructions of this processor stand in for another one."""
    program = (
        "from eigenprune.lab.execution import sweep; "
        "from eigenprune.lab.studies import make_study; "
        "from eigenprune.report.curves import write_curves; from pathlib import Path; "
        f"study = make_study('tiny', {VALUES!r}, ''); "
        "write_curves(sweep.run_study(study, executor='inline'), "
        "Path('results/quick/tiny/curves.csv'))"
    )
    plain = {"EIGENPRUNE_STORE": str(folder / "plain"), "ATEN_CPU_CAPABILITY": "default"}
    subprocess.run([sys.executable, "-c", program], env={**os.environ, **plain}, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EIGENPRUNE_STORE", plain["EIGENPRUNE_STORE"])
        found = compared()
    if found.networks["same"].all():
        pytest.skip("this processor rounds with its plainest instructions as with its best ones")
    assert found.verdict == "equal within tolerance"
    assert "Not the same here: processor (" in verdict_sentence(found)


def test_the_last_bit_of_a_loss_is_seen(folder: Path) -> None:
    def last_bit(curves: pd.DataFrame) -> pd.DataFrame:
        curves.loc[0, "loss"] *= 1 + 2**-52
        return curves

    edit(folder, last_bit)
    assert compared().verdict == "equal within tolerance"


def test_means_that_do_not_agree_are_different(folder: Path) -> None:
    edit(folder, lambda curves: curves.assign(accuracy=curves["accuracy"] - 0.5))
    found = compared()
    assert found.verdict == "different"
    assert "Of 6 points, all are different." in verdict_sentence(found)


def test_other_seeds_are_different_although_their_means_agree(folder: Path) -> None:
    """Networks that share only their settings: what a broken seed would give."""
    other = change_study(STUDY, {"seeds": [5, 6, 7, 8]})
    curves = sweep.run_study(other, executor="inline")
    edit(folder, lambda _: curves.assign(seed=curves["seed"] - 4))
    found = compared()
    assert found.count("within") > found.count("different")
    assert (found.networks.groupby("method")["moved"].mean() > 2 * MOVED).all()
    assert found.verdict == "different"


def test_a_row_that_is_missing_is_different(folder: Path) -> None:
    edit(folder, lambda curves: curves.drop(index=0))
    found = compared()
    assert (found.verdict, found.count("missing")) == ("different", 1)
    assert "5 equal to the last bit, 1 incomplete here" in verdict_sentence(found)
    assert pd.isna(found.networks["accuracy"]).sum() == 1


def test_a_changed_study_is_another_and_has_not_failed(folder: Path) -> None:
    longer = change_study(STUDY, {"epochs": 4})
    compute(folder, longer)
    found = compared(longer)
    assert found.verdict == "another study"
    assert verdict_sentence(found) == (
        "`tiny`: **another study**. The study is not the one that was recorded: epochs was 3 and "
        "is 4. For that reason 24 recorded networks cannot be compared."
    )
    assert found.points.empty
    show_all(found)


def test_what_a_change_does_not_touch_is_still_compared(folder: Path) -> None:
    retrained = change_study(STUDY, {"retraining_epochs": 2, "seeds": [1, 2, 3, 4, 5]})
    compute(folder, retrained)
    found = compared(retrained)
    assert found.verdict == "bitwise equal"
    assert set(found.networks["method"]) == {"direct"} and found.dropped == 12
    told = verdict_sentence(found)
    assert "retraining_epochs was 1 and is 2" in told and "seeds" not in told


def test_a_study_that_nobody_recorded(folder: Path) -> None:
    shutil.rmtree(folder / "results" / "reference")
    found = compared()
    assert verdict_sentence(found) == (
        "`tiny`: **not recorded**. There is no reference for this study."
    )
    show_all(found)


def test_a_study_more_that_nobody_recorded_stands_beside_the_others(folder: Path) -> None:
    own = make_study("own", {**VALUES, "hidden": [4]}, "test")
    compute(folder, own)
    params = Params(("tiny", "own"), {"tiny": STUDY, "own": own})
    found = [reproduction(name, params) for name in params.quick]
    assert [each.verdict for each in found] == ["bitwise equal", "not recorded"]
    assert list(by_method_table(found).index) == [("tiny", "direct"), ("tiny", "pre")]
    assert table_text(by_method_table(found)).count("12") == 2
    differences_figure(found)


def test_a_study_without_results_is_named(folder: Path) -> None:
    (folder / "results" / "quick" / "tiny" / "curves.csv").unlink()
    with pytest.raises(UserError, match=r"curves\.csv is not there; `dvc repro` makes it"):
        compared()


def test_another_release_is_told_only_where_it_may_be_the_cause(folder: Path) -> None:
    path = folder / "results" / "reference" / "tiny" / "runs.csv"
    runs = pd.read_csv(path, dtype=str)
    release = runs["torch"].iloc[0].partition("+")[0]
    runs.assign(torch=f"{release}+other", python="3.11.0").to_csv(path, index=False)
    alike = compared().machines
    assert alike.loc["torch", "recorded"] == release == alike.loc["torch", "here"]
    assert alike.loc["python", "recorded"] == "3.11"

    edit(folder, lambda curves: curves.assign(loss=curves["loss"] + 1e-9))
    found = compared()
    assert found.machines.loc["torch", "recorded"] == f"{release}+other"
    here = found.machines.loc["torch", "here"]
    assert f"torch ({here}, recorded with {release}+other)" in verdict_sentence(found)


def test_code_that_has_changed_is_told_where_it_may_be_the_cause(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(folder, lambda curves: curves.assign(loss=curves["loss"] + 1e-9))
    found = compared()
    changed = replace(found, changes=Changes(code=("changed: layers.py",)))
    assert "Not the same here: code (changed: layers.py)." in verdict_sentence(changed)
    assert machines_table([changed]).loc[("tiny", "code"), "here"] == "changed: layers.py"


def test_what_is_recorded_for_comparison_does_not_count_as_done(folder: Path) -> None:
    assert sweep.outlook(STUDY, Store(folder / "empty")).runs_done == 0


def test_the_page_shows_the_same_every_time(folder: Path) -> None:
    assert show_all(compared()) == show_all(compared())


def show_all(found: Reproduction) -> list[str]:
    """What the notebook shows, as text."""
    import io

    figures.use_style()
    drawn = io.StringIO()
    differences_figure([found, found]).savefig(drawn, format="svg", metadata={"Date": None})
    tables = [machines_table([found]), by_method_table([found]), side_by_side(found)]
    return [drawn.getvalue(), *map(table_text, tables)]
