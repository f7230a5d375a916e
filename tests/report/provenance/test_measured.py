"""Measured times: the card below them says what has changed since, and how to measure again."""

import json
from pathlib import Path
from typing import Any

import pytest

from eigenprune.lab.records import code_state
from eigenprune.lab.studies import Params
from eigenprune.report.book.where_from import summary
from eigenprune.report.provenance.cards import Card, Pipeline, card
from eigenprune.report.provenance.measured import measured_changes

BENCH, SWEEP = "results/bench/mine.json", "results/bench/sweep-mine.csv"
MACHINE = {"commit": "aaa", "device": "cpu", "processor": "x86_64 AVX2"}
CODE = code_state.current(code_state.TIMED)
MEASURED = {"machine": MACHINE, "code": CODE, "dataset": "mnist", "hidden": [50, 40], "rounds": 7}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a bench and a sweep of two commands, the second of an unknown commit."""
    (tmp_path / "results" / "bench").mkdir(parents=True)
    (tmp_path / BENCH).write_text(json.dumps(MEASURED))
    lines = [
        "device,torch,commit,studies,activations,methods,seeds,runs,seconds",
        'NVIDIA H200,2,aaa,"one, other","tanh, relu","direct, post",1-5,9,3',
        "NVIDIA H200,2,bbb,third,relu,direct,1,9,3",
    ]
    (tmp_path / SWEEP).write_text("\n".join(lines) + "\n")
    record(tmp_path, CODE)
    return tmp_path


def record(root: Path, code: dict[str, str]) -> None:
    """The manifest of a study of the sweep, with the code that computed it."""
    folder = root / "results" / "paper" / "other"
    folder.mkdir(parents=True, exist_ok=True)
    study = {"name": "other", "dataset": "digits"}
    found = {"study": study, "training_seconds": 0, "made_with": [], "code": {"aaa": code}}
    (folder / "manifest.json").write_text(json.dumps(found))


def card_of(root: Path, file: str) -> Card:
    shown: dict[str, Any] = {"origins": [], "files": [file], "recorded": False}
    lock = {"paper": {"outs": [{"path": "results/chapters/speed.ipynb", "md5": "0"}]}}
    notebook = root / "results" / "chapters" / "speed.ipynb"
    notebook.parent.mkdir(exist_ok=True)
    notebook.write_text("{}")
    return card(shown, notebook, Pipeline(root, Params((), {}), lock))


def test_times_of_the_code_as_it_is_are_current(root: Path) -> None:
    made = card_of(root, BENCH)
    assert (made.scale, made.state) == ("measured", "current")
    assert dict(made.facts)["Measured"] == "commit `aaa` on cpu (x86_64 AVX2)"


def test_code_that_has_changed_since_is_named(root: Path) -> None:
    before = {**CODE, "ensemble.py": "0", "lab/bench.py": "0"}
    (root / BENCH).write_text(json.dumps(MEASURED | {"code": before}))
    record(root, before)
    made = card_of(root, BENCH)
    assert made.state == "code has changed" and "the code has changed since" in made.text()
    assert dict(made.facts)["Code since then"] == "changed: `ensemble.py`, `lab/bench.py`"
    # A sweep does not run the bench.
    since = [fact for word, fact in card_of(root, SWEEP).facts if word == "Code since then"]
    assert since == ["the code of commit bbb is not known here", "changed: `ensemble.py`"]
    assert summary(measured_changes(root)) == [
        f"`{BENCH}`: changed: `ensemble.py`, `lab/bench.py`",
        f"`{SWEEP}`: the code of commit bbb is not known here; changed: `ensemble.py`",
    ]


def test_how_to_measure_again_is_told_apart_from_how_to_draw_again(root: Path) -> None:
    facts = dict(card_of(root, BENCH).facts)
    assert facts["Measure it again"] == (
        f"`eigenprune bench --dataset mnist --hidden 50-40 --rounds 7 --json > {BENCH}`"
    )
    assert facts["Draw it again"] == "`dvc repro paper`" and "Make it again" not in facts
    again = dict(card_of(root, SWEEP).facts)["Measure it again"]
    first = "eigenprune run one other --activation tanh,relu --methods direct,post --seeds 1-5"
    second = "eigenprune run third --activation relu --methods direct --seeds 1"
    rest = "--device cuda --anew"
    assert again.startswith(f"`time {first} {rest} && time {second} {rest}`, with an empty run")


def test_uncommitted_changes_are_told(root: Path) -> None:
    other = MEASURED | {"machine": MACHINE | {"commit": "aaa+changes"}}
    (root / BENCH).write_text(json.dumps(other))
    facts = dict(card_of(root, BENCH).facts)
    assert facts["Code since then"] == "measured with uncommitted changes to aaa"


def test_the_recorded_times_say_what_made_them() -> None:
    root = Path(__file__).parents[3]
    assert measured_changes(root).keys() > {"results/bench/sweep-h200.csv"}
