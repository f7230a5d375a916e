"""The contracts of pyproject.toml keep the three parts (core, lab, report) apart."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eigenprune.__main__ import EXTRAS


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Checks the package under `folder`/src against the contracts of `folder`/pyproject.toml."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A copy of the package and its contracts that a test may break."""
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold(copy: Path) -> None:
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("layers.py", "from eigenprune.lab import studies", "Imports run one way"),
        ("lab/studies.py", "from eigenprune.report import book", "Imports run one way"),
        ("layers.py", "import pandas", "Core is a library of its own"),
        ("__init__.py", "import yaml", "Core is a library of its own"),
        ("lab/studies.py", "import matplotlib.pyplot", "Lab computes and does not present"),
        ("unplaced.py", "import torch", "Imports run one way"),
    ],
)
def test_a_violation_is_caught(copy: Path, module: str, line: str, contract: str) -> None:
    with (copy / "src/eigenprune" / module).open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stderr
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), done.stdout


def test_every_package_that_may_be_missing_is_said_to_be_brought_by_an_extra(root: Path) -> None:
    nodes = [
        node
        for file in (root / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
    ]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    packages = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    always = {"eigenprune", "numpy", "safetensors", "torch"}
    assert packages - always == set.union(*EXTRAS.values())
