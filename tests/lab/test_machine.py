"""What made a result: the commit, and whether the code was that of the commit."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SAY = "from eigenprune.lab.machine import commit; print(commit())"


def commit_said_in(clone: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(clone / "src")}
    command = [sys.executable, "-c", SAY]
    return subprocess.run(
        command, cwd=clone, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_only_files_of_the_code_make_other_code(
    clone_to: Callable[[Path], None], tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    clone_to(clone)
    clean = commit_said_in(clone)
    assert len(clean) == 12 and "+" not in clean
    recorded = next((clone / "results" / "paper").glob("*/curves.csv"))
    recorded.write_text("recorded meanwhile\n")
    (clone / "src" / "eigenprune" / "notes.txt").write_text("not in Git\n")
    assert commit_said_in(clone) == clean
    with (clone / "src" / "eigenprune" / "layers.py").open("a") as layers:
        layers.write("# changed\n")
    assert commit_said_in(clone) == f"{clean}+changes"
