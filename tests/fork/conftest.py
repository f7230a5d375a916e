"""What the tests of forking share: copies of the repository, and commands run in them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "test"), ("EMAIL", "test@localhost"))
}


def run_in(folder: Path, command: str, code: int = 0) -> str:
    """What a line of shell prints, with this environment's programs first on PATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("EIGENPRUNE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**kept, **IDENTITY, "PATH": path, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    told = done.stdout + done.stderr
    assert done.returncode == code, f"{command}\n{told}"
    return told


@pytest.fixture(scope="session")
def run() -> Callable[..., str]:
    """The function `run_in`."""
    return run_in


@pytest.fixture(scope="session")
def fresh(clone_to: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the current working tree, without pipeline results and without a run store."""
    clone = tmp_path_factory.mktemp("fresh") / "eigenprune"
    clone_to(clone)
    return clone


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Path], Path]:
    """A function that copies a repository for one test."""

    def copy_of(repository: Path) -> Path:
        return shutil.copytree(repository, tmp_path / "eigenprune", symlinks=True)

    return copy_of
