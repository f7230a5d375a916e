"""Damaged tables of the project are refused, with a sentence that says what is wrong."""

from pathlib import Path

import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.tidy_csv import read_tidy

NEEDED = ["run", "seconds"]


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run,seconds,more\n007,1.5,\n")
    [row] = read_tidy(path, NEEDED, text=["run"])[NEEDED].to_dict("records")
    assert row == {"run": "007", "seconds": 1.5}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"runs\.csv is not a table \(No columns to parse from file\): restore it from Git"),
        (b"run,seconds\n1,2\n1,2,3,4\n", r"runs\.csv is not a table .*: restore it from Git"),
        (b"run,seconds\n\xff\xfe,2\n", r"runs\.csv is not a table .*: restore it from Git"),
        (b"run\n1\n", r"runs\.csv: no column 'seconds'; needed: run, seconds: restore"),
        (b"<<<<<<< HEAD\nrun,seconds\n", r"no table|no column 'run'"),
        (b"seconds,run\n1,a\n=======\n", r"runs\.csv: line 3 has no run: restore it from Git"),
        (b"run,seconds\na,1\nb,\n", r"runs\.csv: line 3 has no seconds: restore it from Git"),
        (b"run,seconds\na,1\nb,2s\n", r"line 3: seconds is '2s', and a number is wanted: rest"),
    ],
    ids=[
        "empty",
        "ragged",
        "binary",
        "column",
        "conflict at the top",
        "conflict below",
        "no number",
        "another word",
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_tidy(path, NEEDED, text=["run"], numbers=["seconds"])


def test_a_missing_table_is_told_how_to_get(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"runs\.csv is not there; `make it`$"):
        read_tidy(tmp_path / "runs.csv", NEEDED, mend="`make it`")
