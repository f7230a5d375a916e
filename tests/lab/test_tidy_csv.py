"""Damaged tables of the project are refused, with a sentence that says what is wrong."""

import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from eigenprune.lab import tidy_csv
from eigenprune.lab.errors import UserError
from eigenprune.lab.tidy_csv import OLDEST_PANDAS, read_tidy, require_pandas, write_csv

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


def test_numbers_are_written_back_as_they_were_read(tmp_path: Path) -> None:
    """Some of these are read as a neighbouring float by pandas 3.0 and older."""
    path = tmp_path / "runs.csv"
    numbers = [repr(0.1 * i + 1e-3 / (i + 1) ** 3) for i in range(1000)]
    path.write_text("\n".join(["loss", *numbers, ""]))
    before = path.read_bytes()
    write_csv(read_tidy(path, ["loss"]), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("old", ["2.2.3", "3.0.9", "3.1.0", "3.1"])
def test_an_old_pandas_is_refused(monkeypatch: pytest.MonkeyPatch, old: str) -> None:
    monkeypatch.setattr(tidy_csv, "version", lambda name: old)
    with pytest.raises(UserError, match=rf"^pandas {old} does not .*needed: {OLDEST_PANDAS} or"):
        require_pandas()


@pytest.mark.parametrize("new", ["3.1.1", "3.2.0rc1", "3.10.0", "4.0"])
def test_a_newer_pandas_or_none_is_not_refused(monkeypatch: pytest.MonkeyPatch, new: str) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError

    for found in (lambda name: new, missing):
        monkeypatch.setattr(tidy_csv, "version", found)
        require_pandas()


def test_the_oldest_pandas_is_the_one_that_is_installed_at_least(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert f"pandas>={OLDEST_PANDAS}" in project["optional-dependencies"]["lab"]
