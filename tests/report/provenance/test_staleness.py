"""What has changed since a recording: each kind of change is told, and nothing else is."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from eigenprune.lab import datasets, runs, spot_checks
from eigenprune.lab.errors import UserError
from eigenprune.lab.records import code_state
from eigenprune.lab.runs import PROTOCOL_VERSION
from eigenprune.lab.studies import Params, Study, change_study, make_study
from eigenprune.report.book.where_from import recorded_changes, spot_check_lines, summary
from eigenprune.report.provenance.cards import Card
from eigenprune.report.provenance.staleness import (
    Changes,
    changed_data,
    changed_parameters,
    since_recorded,
    together,
)

VALUES: dict[str, Any] = {
    "dataset": "digits",
    "hidden": [8],
    "activations": ["relu"],
    "methods": ["direct"],
    "seeds": [1],
    "pruning_ratios": [0.0, 0.5],
    "epochs": 2,
    "retraining_epochs": 1,
    "batch_size": 100,
    "learning_rate": 0.01,
    "initialisation": "2022",
}
STUDY = make_study("mine", VALUES, "test")
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the manifest of a recording made by the current code, with some keys replaced."""

    def write_manifest(**other: Any) -> Path:
        folder = tmp_path / "results" / "paper" / "mine"
        folder.mkdir(parents=True, exist_ok=True)
        found = {
            "study": asdict(STUDY),
            "data_sha256": datasets.checksum("digits"),
            "protocol": PROTOCOL_VERSION,
            "rows": 860,
            "training_seconds": 1.0,
            "made_with": [
                {"commit": commit, "device": "cpu", "seconds": 1.0} for commit in ("aaa", "bbb")
            ],
            "code": {"aaa": code_state.current(), "bbb": code_state.current()},
        }
        (folder / "manifest.json").write_text(json.dumps(found | other))
        return folder

    return write_manifest


def today(study: Study = STUDY) -> Params:
    return Params((), {study.name: study})


def test_nothing_has_changed(write: Write) -> None:
    assert not since_recorded(write(), today())


def test_a_study_that_grew_is_not_outdated(write: Write) -> None:
    more = change_study(
        STUDY,
        {"seeds": [1, 2], "activations": ["tanh", "relu"], "methods": ["post", "direct"]},
    )
    assert not since_recorded(write(), today(more))
    # Ratio 0, the control, belongs to every study, whether it is named or not.
    assert not since_recorded(write(), today(change_study(STUDY, {"pruning_ratios": [0.5]})))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": 3}, "epochs was 2 and is 3"),
        ({"hidden": [9, 9]}, "hidden was 8 and is 9-9"),
        ({"seeds": [2]}, "seeds no longer has 1"),
        ({"pruning_ratios": [0.9]}, "pruning_ratios no longer has 0.5"),
    ],
)
def test_other_parameters(write: Write, changes: dict[str, Any], said: str) -> None:
    found = since_recorded(write(), today(change_study(STUDY, changes)))
    assert found == Changes(outdated=(said,))


def test_a_notebook_may_choose_other_seeds_than_the_study() -> None:
    """For what it computed itself, other seeds are no change; other epochs are."""
    then = asdict(change_study(STUDY, {"seeds": [1, 2, 3]}))
    assert changed_parameters(then, today(), recorded=False) == []
    assert changed_parameters(then, today()) == ["seeds no longer has 2, 3"]
    trained = today(change_study(STUDY, {"epochs": 3}))
    assert changed_parameters(then, trained, recorded=False) == ["epochs was 2 and is 3"]


def test_a_study_that_is_gone_other_data_and_another_protocol(write: Write) -> None:
    assert since_recorded(write(), Params((), {})).outdated == (
        "params.yaml has no study mine any more",
    )
    found = since_recorded(write(data_sha256="0", protocol=0), today())
    assert found.outdated == (
        "the bytes of digits have changed",
        f"the protocol has version {PROTOCOL_VERSION}, the recording has 0",
    )


def test_trials_of_an_older_version_are_outdated(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs recorded under an older version have other ids, and no chapter shows them any more."""
    folder = write(study=asdict(STUDY) | {"kind": "growing"})
    monkeypatch.setattr(runs, "TRIAL_VERSIONS", {"growing": 3})
    said = "trials of this kind have version 3, the recording has 1"
    assert said in since_recorded(folder, today()).outdated
    folder = write(study=asdict(STUDY) | {"kind": "growing"}, trial_version=3)
    assert said not in since_recorded(folder, today()).outdated


def test_data_that_are_gone_are_said_to_be_so() -> None:
    assert changed_data("digits", datasets.checksum("digits")) == []
    assert changed_data("nowhere", "0") == ["the dataset nowhere is not here"]


def test_other_code_is_named_if_it_made_what_is_shown(write: Write) -> None:
    older = code_state.current() | {"training.py": "0", "ensemble.py": "0"}
    folder = write(code={"aaa": older, "bbb": code_state.current()})
    assert since_recorded(folder, today()) == Changes(code=("changed: `training.py`",))
    assert since_recorded(folder, today(), ["aaa"]).code == ("changed: `training.py`",)
    assert not since_recorded(folder, today(), ["bbb"])


def test_code_that_nobody_knows_is_said_to_be_so(write: Write) -> None:
    folder = write(code={"aaa": None})
    assert since_recorded(folder, today()).code == (
        "the code of commit aaa is not known here",
        "the code of commit bbb is not known here",
    )
    folder = write(
        made_with=[{"commit": "aaa+changes", "device": "cpu", "seconds": 1.0}],
        code={"aaa+changes": code_state.current()},
    )
    assert since_recorded(folder, today()).code == (
        "part of it was computed with uncommitted changes to aaa",
    )


Check = Callable[..., Path]


@pytest.fixture
def checked(write: Write) -> Check:
    """Writes a recording of three runs by older code, two of one network, and checks of these."""

    def write_checks(older: str = "training.py", device: str = "cpu", **columns: Any) -> Path:
        folder = write(
            code={"aaa": code_state.current() | {older: "0"}},
            made_with=[{"commit": "aaa", "device": device, "seconds": 1.0}],
        )
        (folder / "curves.csv").write_text("accuracy\n0.5\n0.5\n0.5\n")
        lines = ["run,nodes_by_layer,training", "a,4,one", "b,4,one", "c,4,other"]
        (folder / "runs.csv").write_text("\n".join(lines) + "\n")
        told = {
            "run": ["a", "b"],
            **{"same": True, "difference": 0.001, "alike": True, "spread": 0.01, "seeds": 5},
            "recorded": hashlib.sha256(b"0.5\n4").hexdigest()[:12],
            "code": code_state.state_now(of_trials=False, of_arena=False),
            **{"commit": "aaa", "torch": "2", "python": "3", "device": "cpu"},
            **{"processor": "x", "threads": 1},
        }
        table = pd.DataFrame(told | columns, columns=list(spot_checks.COLUMNS))
        table.to_csv(folder / spot_checks.FILE, index=False)
        return folder

    return write_checks


ELSEWHERE = {"same": False, "alike": False}


@pytest.mark.parametrize(
    ("columns", "limit"),
    [
        ({}, ": 2 the same to the last bit"),
        (
            ELSEWHERE,
            ": 0 the same to the last bit, of 2 made by another kind of machine, 2 as close",
        ),
        ({"same": [True, False], "alike": False}, ": 1 the same to the last bit, of 1 made by"),
    ],
)
def test_spot_checks_count_runs_and_networks_and_name_the_limit(
    checked: Check, columns: dict[str, Any], limit: str
) -> None:
    told = since_recorded(checked(**columns), today(), ["aaa"])
    counted = "2 of 3 runs, from 1 of 2 networks, computed again by the code as it is: "
    assert told.checks[0].startswith(counted) and limit in told.checks[0]
    assert spot_check_lines({"mine": told}) == [f"`mine`: {told.checks[0]}"]
    card = Card("paper", (), told, "")
    assert card.state == "spot-checked"
    assert "has changed since; spot checks hold (1 of 2 networks)\n" in card.text()


@pytest.mark.parametrize("columns", [{"same": False}, {"code": "other"}, {"recorded": "other"}])
def test_spot_checks_that_failed_or_are_of_other_code_do_not_hold(
    checked: Check, columns: dict[str, Any]
) -> None:
    told = since_recorded(checked(**columns), today(), ["aaa"])
    assert told.code and not told.held
    assert bool(told.checks) == ("same" in columns)
    card = Card("paper", (), told, "")
    assert card.state == "code has changed" and "hold" not in card.text()


def test_spot_checks_do_not_speak_for_stacks_on_a_gpu(checked: Check) -> None:
    """They compute one network at a time, whatever made the recording."""
    told = since_recorded(checked("ensemble.py", device="NVIDIA H200"), today())
    assert told.code == ("changed: `ensemble.py`",) and told.unchecked == ("ensemble.py",)
    end = "; none uses the code for stacks on a GPU: `ensemble.py`"
    assert told.held and told.checks[0].endswith(end)
    card = Card("paper", (), told, "")
    assert card.state == "partly spot-checked"
    assert "spot checks hold, but leave out the stacks on a GPU (1 of 2 networks)" in card.text()


def test_several_recordings_hold_if_each_does_whose_code_has_changed() -> None:
    holds = Changes(code=("a",), checks=("b",), held=("c",), unchecked=("e",))
    assert together([holds, Changes()]).held
    assert not together([holds, Changes(code=("d",))]).held
    both = Changes(("d",), ("a",), ("b",), ("c",), ("e",))
    assert together([holds, holds, Changes(("d",))]) == both


def test_the_summary_names_every_recording(write: Write, tmp_path: Path) -> None:
    write()
    assert summary(recorded_changes(tmp_path, today())) == ["`mine`: computed by the code as it is"]
    changed = today(change_study(STUDY, {"epochs": 3}))
    other = dict.fromkeys(code_state.current(), "other")
    write(code={"aaa": other, "bbb": other})
    lines = summary(recorded_changes(tmp_path, changed))
    assert lines[0] == "`mine`: outdated: epochs was 2 and is 3"
    assert lines[1].startswith("`mine`: changed: `adam.py`, ")


def test_a_file_that_is_no_manifest_is_refused(write: Write) -> None:
    folder = write()
    (folder / "manifest.json").write_text("[]")
    with pytest.raises(UserError, match=r"manifest\.json: no manifest of `eigenprune record`"):
        since_recorded(folder, today())
