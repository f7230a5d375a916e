"""Fingerprints of code: what changes them, what does not, and which files they must cover."""

import subprocess
from pathlib import Path

import grimp
import pytest

from eigenprune import importance
from eigenprune.lab.errors import UserError
from eigenprune.lab.methods import METHODS
from eigenprune.lab.records import code_state
from eigenprune.lab.records.code_state import (
    COMPUTING,
    MOVED,
    OF_ARENA,
    as_called_now,
    at_commit,
    changed,
    current,
    fingerprint,
)
from eigenprune.lab.records.manifest import code_that_counts

SOURCE = '''
"""A module."""

def double(x):
    """Twice x."""
    return 2 * x  # no rounding
'''

# What the computing files import besides each other. None of these decides a number of a run.
OTHERS = {
    "files",  # how a file is written
    "lab.devices",  # where runs are computed: recorded with each run
    "lab.errors",
    "lab.execution.tasks",  # in which order runs are computed
    "lab.execution.work",  # how much work they are estimated to be
    "lab.machine",  # what a run was made with
    # How the reader's own data become numbers: their checksum includes a version of the rules.
    "lab.images",
    "lab.own_datasets",
    "lab.csv_table",
    # For the reader's own scores and regularisers, whose code is in the ids of their runs.
    "lab.fingerprint",
    "lab.own_code",
    "lab.score_names",
    "lab.params_file",  # how params.yaml is read
    "lab.project",  # where files lie
    "lab.runs",  # what a run is: its id says so
    "lab.spectral_history",  # only watches: test_spectral_history checks that
    "lab.score_values",
    "lab.store",
}


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace("  # no rounding", ""),
        SOURCE.replace("Twice x.", "Two\n    times x."),
        SOURCE.replace('"""A module."""', "# A module.\n\n\n"),
    ],
)
def test_comments_docstrings_and_blank_lines_do_not_count(other: str) -> None:
    assert other != SOURCE
    assert fingerprint(other) == fingerprint(SOURCE)


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace("2 * x", "3 * x"),
        SOURCE + "x = '# no comment'\n",
        SOURCE.replace("    return", '    """no docstring"""\n    return'),
    ],
)
def test_code_counts(other: str) -> None:
    assert fingerprint(other) != fingerprint(SOURCE)


def test_a_hash_in_a_string_is_no_comment() -> None:
    assert fingerprint("a = '# one'") != fingerprint("a = '# two'")


def test_no_file_that_decides_a_result_is_missing() -> None:
    graph = grimp.build_graph("eigenprune")
    used = {"lab.protocols", "lab.execution.together"}
    for name in list(used):
        upstream = graph.find_upstream_modules(f"eigenprune.{name}")
        used |= {module.partition(".")[2] for module in upstream}
    files = {file.removesuffix(".py").removesuffix("/__init__") for file in COMPUTING}
    modules = {file.replace("/", ".") for file in files}
    assert modules <= used
    assert used - modules - {"", "lab"} == OTHERS


def test_a_cpu_does_not_depend_on_stacks() -> None:
    now = current()
    assert set(now) == set(COMPUTING)
    before = {**now, "ensemble.py": "other"}
    assert changed(before, now) == []
    assert changed(before, now, device="NVIDIA H100") == ["ensemble.py"]


def test_a_file_that_is_no_python_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_state, "_PACKAGE", tmp_path)
    for text in ("def a(:", "a = (1,", "if a:\nb"):
        (tmp_path / "adam.py").write_text(text)
        with pytest.raises(UserError, match=r"adam\.py is no Python: "):
            code_state.current()


def test_a_file_that_was_moved_is_compared_with_what_it_was() -> None:
    now = current()
    for old, new in MOVED.items():
        before = {file: its for file, its in now.items() if file != new}
        for its, differs in ((now[new], []), ("other", [new])):
            then = as_called_now({**before, old: its})
            assert changed(then, now, device="NVIDIA H100") == differs


def test_a_study_does_not_depend_on_what_trials_do() -> None:
    now = current()
    before = {**now, "compression/low_rank.py": "other"}
    assert changed(before, now) == changed(before, now, device="NVIDIA H100") == []
    assert changed(before, now, of_trials=True) == ["compression/low_rank.py"]


def test_the_published_methods_do_without_what_the_arena_has() -> None:
    now = current()
    for file in OF_ARENA:
        assert changed({**now, file: "other"}, now) == [file]
        assert changed({**now, file: "other"}, now, of_arena=False) == []
    for method in METHODS.values():
        assert method.score in importance.SCORES
        assert not (method.regulariser or method.strengths or method.reconstructed)
        assert not method.redrawn


def test_a_recording_says_whether_it_is_of_the_arena() -> None:
    for methods, arena in ((list(METHODS), False), (["direct", "taylor"], True), (["l1"], True)):
        counts = code_that_counts({"study": {"methods": methods}})
        assert counts == {"of_trials": False, "of_arena": arena}
    # Trials may take anything.
    assert code_that_counts({"study": {"points": []}}) == {"of_trials": True, "of_arena": True}


def test_a_file_that_is_gone_has_changed_and_a_new_one_has_not() -> None:
    assert changed({"layers.py": "a", "seeds.py": "b"}, {"seeds.py": "b"}) == ["layers.py"]
    assert changed({"seeds.py": "b"}, {"layers.py": "a", "seeds.py": "b"}) == []


def test_a_commit_is_looked_up_in_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src"
    package.mkdir()
    (package / "layers.py").write_text("a = 1\n")

    def git(*words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example"]
        command = ["git", *identity, *words]
        done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "-m", "one")
    monkeypatch.setattr(code_state, "_PACKAGE", package)
    commit = git("rev-parse", "--short=12", "HEAD")
    assert at_commit(commit) == current() == {"layers.py": fingerprint("a = 1")}
    (package / "layers.py").write_text("a = 2\n")
    assert changed(at_commit(f"{commit}+changes") or {}, current()) == ["layers.py"]
    assert at_commit("0123456789ab") is None
    assert at_commit("unknown") is None
