"""What all tests share."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from eigenprune.lab.datasets import FILES
from eigenprune.lab.studies import Params, load_params

# The same examples every time, so that a failure seen once is seen again; and no deadline, since a
# busy machine is no defect of the code.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


# What takes longest begins first, where tests run in several processes, each taking whole files.
# The first reproduces the pipeline; those that need nothing of that come next, to wait for nothing.
SLOW = (
    "tests/book/test_browser.py",
    "tests/fork/test_notebooks_alone.py",
    "tests/fork/test_chapter.py",
    "tests/test_cli.py",
    "tests/fork",
    "tests/pipeline",
    "tests/book",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first."""
    root = Path(__file__).parents[1]

    def place(item: pytest.Item) -> int:
        file = item.path.relative_to(root).as_posix()
        begins = [file.startswith(prefix) for prefix in SLOW]
        return begins.index(True) if any(begins) else len(SLOW)

    items.sort(key=place)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return Path(__file__).parents[1]


# A finder that finds what another finds, but for some names.
_HIDE = """
import sys

class Hide:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            return None
        return self.finder.find_spec(name, path, target)

sys.meta_path = [Hide(finder) for finder in sys.meta_path]
"""


@pytest.fixture(scope="session")
def hide() -> Callable[[Collection[str]], str]:
    """Gives the code that hides packages by name from whatever Python code follows it."""
    return lambda names: _HIDE.format(names=tuple(names))


@pytest.fixture(scope="session")
def real_data(root: Path) -> Iterator[Path]:
    """The folder that holds MNIST and Fashion-MNIST on this machine."""
    named = os.environ.get("EIGENPRUNE_DATA")
    places = [*([Path(named)] if named else []), root.parent / "shared" / "data", root / "data"]
    for folder in places:
        if all((folder / file).is_file() for files in FILES.values() for file in files):
            yield folder
            return
    pytest.skip(
        "MNIST and Fashion-MNIST are not here: `eigenprune data fetch`, or set EIGENPRUNE_DATA; "
        f"looked in {', '.join(map(str, places))}"
    )


# A study of seconds in which rivals meet.
ARENA: dict[str, Any] = {
    "dataset": "digits",
    "hidden": [8, 6],
    "activations": ["relu"],
    "methods": ["rivals", "small"],
    "seeds": [1, 2],
    "pruning_ratios": [0.5],
    "epochs": 2,
    "retraining_epochs": 1,
    "batch_size": 100,
    "learning_rate": 0.01,
    "initialisation": "2022",
    "held_out": 0.2,
}


@pytest.fixture
def arena_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Params]:
    """Writes a `params.yaml` with the parts it is given, whose defaults are ARENA, and goes there.

    What is computed there stays there.
    """

    def made(**parts: Any) -> Params:
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump({"defaults": ARENA, **parts}, sort_keys=False))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("EIGENPRUNE_STORE", str(tmp_path / "runs"))
        return load_params(path)

    return made


def run(folder: Path, *command: str) -> str:
    """What a command prints, run in `folder` with this environment's programs first on PATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("EIGENPRUNE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**kept, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def clone_to(root: Path) -> Callable[[Path], None]:
    """A function that makes a clone of the working tree as it is, all of it committed."""

    def clone_to(clone: Path) -> None:
        run(root, "git", "clone", "--quiet", str(root), str(clone))
        # What is not committed yet is tested too.
        listed = run(root, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in filter(None, listed.split("\0")):
            if (root / name).is_file():
                (clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, clone / name)
        run(clone, "git", "add", "--all")
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        run(clone, "git", *identity, "commit", "--quiet", "--allow-empty", "-m", "working tree")

    return clone_to


@pytest.fixture(scope="session")
def reproduced(clone_to: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the working tree in which `dvc repro` has run from nothing, the book included.

    One for all processes in which tests run: leave it as it is.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    place = folder / "reproduced.txt"
    with FileLock(folder / "reproduced.lock"):
        if not place.exists():
            clone = tmp_path_factory.mktemp("clone") / "eigenprune"
            clone_to(clone)
            run(clone, "dvc", "repro")
            place.write_text(str(clone))
    return Path(place.read_text())


BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Nothing drawn by a graphics card, and no request of the browser's own.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


# Not for the whole session: while it lasts, an event loop runs, in which no notebook can be run.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window, that of the system."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, "the tests of the book need a browser: install the Debian package chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield started
        started.close()
