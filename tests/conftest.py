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

# Hypothesis draws the same examples every time, so that a failure can be repeated. It sets no
# deadline, since a busy machine is not a defect of the code.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


# The slowest files start first, since tests run in several processes that each take whole files.
# The first one reproduces the pipeline; those that do not need its result come next and never wait.
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


# A finder that finds what another finds, except for some names.
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
    """A function that returns code which hides packages, by name, from the Python code after it."""
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


# The settings of a study that compares rivals in seconds.
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
    """A function that writes a `params.yaml` with the given parts and changes to its folder.

    The defaults of the file are ARENA. Everything that is computed stays in that folder.
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
    """A function that clones the working tree as it is, with all of it committed."""

    def clone_to(clone: Path) -> None:
        run(root, "git", "clone", "--quiet", str(root), str(clone))
        # Changes that are not committed yet are tested too.
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

    All test processes share this clone, so no test may change it.
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
# No drawing by a graphics card, and no requests that the browser makes on its own.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


# Not for the whole session: while the fixture lasts, an event loop keeps notebooks from running.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's browser, without a window."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, "the tests of the book need a browser: install the Debian package chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield started
        started.close()
