"""The Makefile: its help, its refusals, and when it makes the environment again."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Calls = Callable[[], list[str]]

# All programs that the Makefile may call besides git, Python and uv.
TOOLS = ["make", "awk", "cat", "date", "rm", "touch"]

PYTHON_OF_VERSION = """#!/bin/sh
exec {python} -c 'import sys; sys.version_info = {version}; exec(sys.argv[1])' "$2"
"""

# Stands in for uv: notes its arguments, makes a tiny environment, and fails when told to.
UV = """#!/bin/sh
echo "$1 $2" >> calls
test "$1" = venv && mkdir -p .venv/bin && ln -s {python} .venv/bin/python
test ! -e "fail-$1"
"""


def make(folder: Path, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run make in `folder`, with only the programs in the folder `path`."""
    command = [path / "make", *arguments]
    # A fresh environment, so that variables of a make around this test do not reach the make in it.
    return subprocess.run(
        command, cwd=folder, env={"PATH": str(path)}, capture_output=True, text=True
    )


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def refused(done: subprocess.CompletedProcess[str], sentence: str) -> bool:
    """Whether make failed and wrote a single line, with this sentence in it."""
    lines = (done.stdout + done.stderr).splitlines()
    return done.returncode != 0 and len(lines) == 1 and sentence in lines[0]


@pytest.fixture
def bin(tmp_path: Path) -> Path:
    """A folder of programs that serves as PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in [*TOOLS, "git", "mkdir", "ln"]:
        found = shutil.which(tool)
        assert found, f"{tool} is not on PATH"
        (folder / tool).symlink_to(found)
    (folder / "python3").symlink_to(sys.executable)
    return folder


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> Path:
    """A fresh repository with no environment."""
    folder = tmp_path / "a tree"
    (folder / ".git").mkdir(parents=True)
    for name in ["Makefile", "pyproject.toml", "requirements.lock"]:
        shutil.copyfile(root / name, folder / name)
    return folder


@pytest.fixture
def calls(tree: Path, bin: Path) -> Calls:
    """A function that returns what uv, here a stand-in, was asked since the last such call."""
    program(bin / "uv", UV.format(python=sys.executable))
    log = tree / "calls"

    def read() -> list[str]:
        text = log.read_text() if log.exists() else ""
        log.unlink(missing_ok=True)
        return text.splitlines()

    return read


ALL = ["venv --quiet", "pip install", "pip install"]


def undocumented(makefile: str, shown: str) -> set[str]:
    """Targets that `make help` does not show."""
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", makefile, flags=re.MULTILINE))
    return targets - set(re.findall(r"^make ([\w-]+) +\w", shown, flags=re.MULTILINE))


def test_help_is_the_default_and_lists_every_target(tree: Path, bin: Path) -> None:
    shown = make(tree, path=bin).stdout
    assert shown == make(tree, "help", path=bin).stdout
    assert "make reproduce" in shown
    makefile = (tree / "Makefile").read_text()
    assert undocumented(makefile, shown) == set()
    assert undocumented(makefile + "\nhidden: env\n\tdo\n", shown) == {"hidden"}


def test_an_experiment_wants_a_name(tree: Path, bin: Path) -> None:
    assert refused(make(tree, "new-experiment", path=bin), "make new-experiment NAME=my-idea")


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 14)])
def test_a_wrong_python_is_refused(tree: Path, bin: Path, version: tuple[int, int]) -> None:
    (bin / "python3").unlink()
    program(bin / "python3", PYTHON_OF_VERSION.format(python=sys.executable, version=version))
    sentence = (
        "no Python 3.11, 3.12 or 3.13 found (tried: python3 python3.13 python3.12 python3.11)"
    )
    assert refused(make(tree, "test", path=bin), sentence)
    assert refused(make(tree, "env", "PYTHON=python3", path=bin), '(tried: "python3")')
    assert not (tree / ".venv").exists()


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_a_right_python_is_found(tree: Path, bin: Path, version: tuple[int, int]) -> None:
    program(bin / "old", PYTHON_OF_VERSION.format(python=sys.executable, version=(3, 10)))
    (bin / "python3").unlink()
    (bin / "python3").symlink_to("old")
    name = f"python3.{version[1]}"
    program(bin / name, PYTHON_OF_VERSION.format(python=sys.executable, version=version))
    done = make(tree, "-n", "env", path=bin)
    assert done.returncode == 0, done.stderr
    assert f'/bin/{name}" -m venv .venv' in done.stdout


def test_a_tree_without_git_folder_is_refused(tree: Path, bin: Path) -> None:
    (tree / ".git").rmdir()
    assert refused(make(tree, "reproduce", path=bin), "use `git clone`, or run `git init")
    assert not (tree / ".venv").exists()


def test_missing_git_is_refused(tree: Path, bin: Path) -> None:
    (bin / "git").unlink()
    assert refused(make(tree, "reproduce", path=bin), "git is not on PATH")


def test_missing_venv_module_is_refused_unless_uv_is_there(tree: Path, bin: Path) -> None:
    # `import ensurepip` fails, as with the bare Python of Debian.
    (tree / "ensurepip.py").write_text("raise ImportError")
    assert refused(make(tree, "env", path=bin), "lacks its venv module")
    program(bin / "uv", UV.format(python=sys.executable))
    assert make(tree, "env", path=bin).returncode == 0


def test_lock_without_uv_is_refused(tree: Path, bin: Path) -> None:
    assert refused(make(tree, "lock", path=bin), "needs uv")


def test_environment_is_made_once(tree: Path, bin: Path, calls: Calls) -> None:
    assert make(tree, "env", path=bin).returncode == 0
    assert calls() == ALL
    assert "Nothing to be done" in make(tree, "env", path=bin).stdout
    assert calls() == []


@pytest.mark.parametrize(("changed", "expected"), [("requirements.lock", 3), ("pyproject.toml", 1)])
def test_environment_follows_a_change(
    tree: Path, bin: Path, calls: Calls, changed: str, expected: int
) -> None:
    make(tree, "env", path=bin)
    calls()
    past = (tree / changed).stat().st_mtime - 60
    for stamp in [".requirements", ".package"]:
        os.utime(tree / ".venv" / stamp, (past, past))
    others = {"requirements.lock", "pyproject.toml"} - {changed}
    for name in others:
        os.utime(tree / name, (past - 60, past - 60))
    assert make(tree, "env", path=bin).returncode == 0
    assert calls() == ALL[-expected:]


def test_environment_is_made_anew_in_a_moved_tree(tree: Path, bin: Path, calls: Calls) -> None:
    make(tree, "env", path=bin)
    moved = tree.rename(tree.with_name("moved"))
    (moved / "calls").rename(moved / "calls before")
    assert make(moved, "env", path=bin).returncode == 0
    assert (moved / "calls").read_text().splitlines() == ALL


def test_environment_is_made_anew_for_another_python(tree: Path, bin: Path, calls: Calls) -> None:
    make(tree, "env", path=bin)
    calls()
    make(tree, "env", "PYTHON=python3", path=bin)
    assert calls() == []
    program(bin / "other", f'#!/bin/sh\ntest "$1" = -V && echo other || exec {sys.executable} "$@"')
    make(tree, "env", "PYTHON=other", path=bin)
    assert calls() == ALL


@pytest.mark.parametrize("step", ["venv", "pip"])
def test_a_failed_build_leaves_no_stamp(tree: Path, bin: Path, calls: Calls, step: str) -> None:
    make(tree, "env", path=bin)
    (tree / ".venv/.requirements").unlink()
    (tree / f"fail-{step}").touch()
    assert make(tree, "env", path=bin).returncode != 0
    assert not (tree / ".venv/.requirements").exists()
    (tree / f"fail-{step}").unlink()
    calls()
    assert make(tree, "env", path=bin).returncode == 0
    assert calls() == ALL


def test_reproduce_says_where_the_book_is(tree: Path, bin: Path, calls: Calls) -> None:
    make(tree, "env", path=bin)
    program(tree / ".venv/bin/dvc", '#!/bin/sh\ntest "$1" = repro\n')
    program(tree / ".venv/bin/eigenprune", '#!/bin/sh\necho "verdict: $*"\n')
    shown = make(tree, "reproduce", path=bin).stdout
    assert "build/book/html/index.html" in shown
    assert "verdict: verify --quick" in shown
    assert re.search(r"environment \d+ s, pipeline \d+ s", shown)


def test_reproduce_fails_when_the_pipeline_fails(tree: Path, bin: Path, calls: Calls) -> None:
    make(tree, "env", path=bin)
    program(tree / ".venv/bin/dvc", "#!/bin/sh\nexit 1\n")
    done = make(tree, "reproduce", path=bin)
    assert done.returncode != 0
    assert "book" not in done.stdout
