"""What is reported about the progress where there is no terminal."""

import pytest

from eigenprune.lab.execution import progress
from eigenprune.lab.execution.sweep import Outlook


def test_every_tenth_is_told_with_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown("study") as on_start:
        on_units = on_start(Outlook(jobs=[], left=[], runs_done=3, work=20.0))
        for _ in range(20):
            on_units(1.0)
    first, *shares = capsys.readouterr().err.splitlines()
    assert first == "study: 3 of 3 runs are done"
    assert [line.split(",")[0] for line in shares] == [
        f"study: {share}0% done" for share in range(1, 10)
    ]
    assert all(line.endswith(" left") for line in shares)


def test_what_is_no_work_can_be_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """The case of an untrained network whose entry in the store is lost."""
    with progress.shown("study") as on_start:
        on_start(Outlook(jobs=[], left=[], runs_done=3, work=0.0))(0.0)
    assert capsys.readouterr().err == "study: 3 of 3 runs are done\n"
