"""The repository as a whole: its notebooks, requirements and files."""

import hashlib
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from eigenprune.lab.methods import METHODS
from eigenprune.report.book.typed_numbers import typed_numbers

MEGABYTE = 1_000_000
# Text that belongs to one machine and not to a repository: the address of a package registry, or a
# person's folder. The patterns are written so that none matches itself.
FOREIGN = {
    "registry": r"pypi\.org|pythonhosted\.org|anaconda\.org|index[-]url",
    "folder": r"file:/{2}|(?<![\w.])/(?:root|work|opt|home/\w+|Users/\w+)/",
}


# --- helpers: each returns what is wrong, an empty list when all is well -------------------------


def files(root: Path) -> list[Path]:
    """The files that Git tracks, and those that `git add -A` would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [root / name for name in names.split("\0") if name and (root / name).is_file()]


def notebook_faults(notebook: dict) -> list[str]:
    """What a run, or an editor, left behind in a notebook."""
    metadata = notebook["metadata"]
    faults = [f"metadata: {key}" for key in metadata.keys() - {"kernelspec", "language_info"}]
    if metadata.get("kernelspec", {}).get("name") != "python3":
        faults.append("kernelspec is not python3")
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell.get("outputs"):
            faults.append(f"cell {number}: outputs")
        if cell.get("execution_count") is not None:
            faults.append(f"cell {number}: execution count")
        # `mystnb` is written by hand, too: it says how the book shows a cell.
        unknown = cell["metadata"].keys() - {"tags", "mystnb"}
        faults += [f"cell {number}: metadata: {key}" for key in unknown]
    return faults


def requirements(project: dict, *extras: str) -> dict[str, SpecifierSet]:
    """Names and versions of all requirements with these extras; nested extras are expanded."""
    found: dict[str, SpecifierSet] = {}
    optional = project["optional-dependencies"]
    for line in [*project["dependencies"], *(line for extra in extras for line in optional[extra])]:
        requirement = Requirement(line)
        if requirement.name == project["name"]:
            found |= requirements(project, *requirement.extras)
        else:
            found[canonicalize_name(requirement.name)] = requirement.specifier
    return found


def environment_faults(environment: dict, project: dict) -> list[str]:
    """Where environment.yml differs from pyproject.toml."""
    conda = [line for line in environment["dependencies"] if isinstance(line, str)]
    (pip,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    listed = {
        canonicalize_name(requirement.name): requirement.specifier
        for requirement in map(Requirement, [*conda, *pip[:-1]])
        if requirement.name not in {"git", "make", "pip"}
    }
    needed = requirements(project, "book") | {"python": SpecifierSet(project["requires-python"])}
    faults = [] if pip[-1] == "--editable ." else ["the package itself is not installed last"]
    for name in sorted(listed.keys() | needed.keys()):
        if listed.get(name) != needed.get(name):
            faults.append(f"{name}: environment {listed.get(name)}, project {needed.get(name)}")
    return faults


def lock_faults(lock: str, needed: dict[str, SpecifierSet]) -> list[str]:
    """Requirements that the lock does not pin, or pins to a version that is not allowed."""
    pins: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock, flags=re.MULTILINE):
        pins.setdefault(canonicalize_name(name), []).append(version)
    faults = [f"{name}: no pin" for name in needed.keys() - pins.keys()]
    for name in needed.keys() & pins.keys():
        faults += [f"{name}: {pin}" for pin in pins[name] if pin not in needed[name]]
    return faults + (["an address"] if "://" in lock else [])


def oversized(paths: list[Path]) -> list[str]:
    """Files larger than Git should carry."""
    return [
        f"{path.name}: {size} bytes" for path in paths if (size := path.stat().st_size) > MEGABYTE
    ]


def foreign(text: str) -> list[str]:
    """Traces of one machine in a text."""
    return [match[0] for pattern in FOREIGN.values() for match in re.finditer(pattern, text)]


# --- the repository is in order ------------------------------------------------------------------


@pytest.fixture(scope="module")
def pyproject(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def environment(root: Path) -> dict:
    return yaml.safe_load((root / "environment.yml").read_text())


def test_notebooks_carry_nothing_of_a_run(root: Path) -> None:
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    assert notebooks
    faults = {path.name: notebook_faults(json.loads(path.read_text())) for path in notebooks}
    assert not any(faults.values()), faults


def test_environment_agrees_with_pyproject(environment: dict, pyproject: dict) -> None:
    assert environment_faults(environment, pyproject["project"]) == []


def test_lock_pins_every_requirement(root: Path, pyproject: dict) -> None:
    needed = requirements(pyproject["project"], *pyproject["project"]["optional-dependencies"])
    assert lock_faults((root / "requirements.lock").read_text(), needed) == []


def test_files_are_small(root: Path) -> None:
    assert oversized(files(root)) == []


def test_the_chapters_depend_on_every_recording(root: Path) -> None:
    """Each by its name, because their common folder also holds tables that the pipeline makes."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    named = {name for stage in ("paper", "arena") for name in stages[stage]["deps"]}
    recorded = {path.relative_to(root) for path in files(root) if "results/paper/" in str(path)}
    folders = {Path(*path.parts[:3]).as_posix() for path in recorded}
    assert folders == {name for name in named if name.startswith("results/paper/")}


@pytest.mark.parametrize("study", ["digits-1x100", "digits-3x50"])
def test_the_lock_and_the_quick_reference_are_of_one_machine(root: Path, study: str) -> None:
    """If you make one on another kind of machine, make the other there too."""
    head, *rows = (root / "results/reference" / study / "curves.csv").read_text().splitlines()
    place = head.split(",").index("method")
    # The rows that the notebook on pruning after training writes: it trains no small network.
    after = [row for row in rows if not METHODS[row.split(",")[place]].trained_small]
    written = "".join(f"{line}\n" for line in [head, *after]).encode()
    lock = yaml.safe_load((root / "dvc.lock").read_text())["stages"][f"prune-after@{study}"]
    recorded = {each["path"]: each["md5"] for each in lock["outs"]}
    found = hashlib.md5(written, usedforsecurity=False).hexdigest()
    assert recorded[f"results/quick/{study}/after.csv"] == found, "`eigenprune record --quick`"


def test_files_belong_to_no_machine(root: Path) -> None:
    found = {str(path): foreign(path.read_text(errors="ignore")) for path in files(root)}
    assert {path: words for path, words in found.items() if words} == {}


def test_the_readme_holds_no_typed_result(root: Path) -> None:
    readme = (root / "README.md").read_text()
    assert typed_numbers(readme) == []
    assert typed_numbers(f"{readme}\nIt is right in 97.3 % of all cases.\n")


def test_citation_states_this_version_and_licence(root: Path, pyproject: dict) -> None:
    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    stated = citation["version"], citation["license"]
    assert stated == (pyproject["project"]["version"], pyproject["project"]["license"])


def test_workflow_tests_every_python_that_is_promised(root: Path, pyproject: dict) -> None:
    workflow = yaml.safe_load((root / ".github/workflows/tests.yml").read_text())
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(pyproject["project"]["classifiers"]))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == promised


# --- and each helper sees a fault ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"outputs": [{"output_type": "stream"}]}, "cell 1: outputs"),
        ({"execution_count": 3}, "cell 1: execution count"),
        ({"metadata": {"collapsed": True}}, "cell 1: metadata: collapsed"),
    ],
)
def test_a_cell_that_was_run_is_seen(changes: dict, fault: str) -> None:
    clean = {"metadata": {"tags": ["parameters"]}, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}}
    assert notebook_faults({"metadata": kernel, "cells": [clean]}) == []
    assert notebook_faults({"metadata": kernel, "cells": [clean | changes]}) == [fault]


def test_a_notebook_of_an_editor_is_seen() -> None:
    notebook = {"metadata": {"vscode": {}, "kernelspec": {"name": "my-env"}}, "cells": []}
    assert notebook_faults(notebook) == ["metadata: vscode", "kernelspec is not python3"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("torch>=2", "torch>=1", "torch: environment >=1, project >=2"),
        ("torch>=2", "extra", "extra: environment , project None"),
        ("pandas>=2", "Torch>=2", "pandas: environment None, project >=2"),
        (">=3.11", ">=3.10", "python: environment >=3.10, project >=3.11"),
        ("--editable .", "pip", "the package itself is not installed last"),
    ],
)
def test_a_disagreeing_environment_is_seen(old: str, new: str, fault: str) -> None:
    project = {
        "name": "eigenprune",
        "requires-python": ">=3.11",
        "dependencies": ["torch>=2"],
        "optional-dependencies": {"book": ["eigenprune[lab]"], "lab": ["Pandas>=2"]},
    }
    text = '{dependencies: [python >=3.11, git, {pip: [torch>=2, pandas>=2, "--editable ."]}]}'
    assert environment_faults(yaml.safe_load(text), project) == []
    assert fault in environment_faults(yaml.safe_load(text.replace(old, new)), project)


def test_a_bad_lock_is_seen() -> None:
    needed = {"torch": SpecifierSet(">=2"), "pyyaml": SpecifierSet()}
    lock = "torch==2.5 ; python_version < '3.12' \\\n    --hash=sha256:0\npyyaml==6.0\n"
    assert lock_faults(lock, needed) == []
    assert lock_faults(lock.replace("2.5", "1.5"), needed) == ["torch: 1.5"]
    assert lock_faults(lock.replace("pyyaml", "yaml"), needed) == ["pyyaml: no pin"]
    assert lock_faults("# http://" + lock, needed) == ["torch: no pin", "an address"]


def test_a_large_file_is_seen(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(bytes(MEGABYTE + 1))
    (tmp_path / "small.bin").write_bytes(bytes(MEGABYTE))
    assert oversized(sorted(tmp_path.iterdir())) == ["large.bin: 1000001 bytes"]


@pytest.mark.parametrize(
    "word", ["pypi" + ".org", "index" + "-url", "/home" + "/ada/", "/root" + "/"]
)
def test_a_trace_of_a_machine_is_seen(word: str) -> None:
    assert foreign(f"see {word}x") == [word]
    assert foreign("see ../work/notes, results/work/ and the root/ of a tree") == []


def test_files_are_those_that_git_would_take(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "ignored").touch()
    assert files(tmp_path) == [tmp_path / ".gitignore"]


def test_dvc_draws_each_method_in_its_colour(root: Path) -> None:
    template = json.loads((root / ".dvc" / "plots" / "tradeoff.json").read_text())
    scale = template["spec"]["encoding"]["color"]["scale"]
    colours = {name: method.color for name, method in METHODS.items()}
    assert dict(zip(scale["domain"], scale["range"], strict=True)) == colours
