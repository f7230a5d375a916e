"""The workflows on GitHub: they have few rights, and the commands that they call exist."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

PACKAGES = ".ci/debian-packages.txt"


def faults(name: str, workflow: dict, targets: set[str]) -> list[str]:
    """More rights than needed, or commands of this repository that do not exist."""
    found = []
    if workflow.get("permissions") != {"contents": "read"}:
        found.append(f"{name}: more than contents: read for all jobs")
    for job, content in workflow["jobs"].items():
        if "timeout-minutes" not in content:
            found.append(f"{name}: {job}: no limit of time")
        granted = content.get("permissions", {})
        checks_out = [s for s in content["steps"] if "actions/checkout" in s.get("uses", "")]
        if checks_out and "write" in granted.values():
            found.append(f"{name}: {job}: runs the repository's code with rights to write")
        for step in checks_out:
            if step.get("with", {}).get("persist-credentials") is not False:
                found.append(f"{name}: {job}: leaves the token to the steps that follow")
        told = "\n".join(step.get("run", "") for step in content["steps"])
        for target in re.findall(r"^make ([\w-]+)", told, flags=re.MULTILINE):
            if target not in targets:
                found.append(f"{name}: {job}: no target {target}")
    return found


@pytest.fixture(scope="module")
def targets(root: Path) -> set[str]:
    return set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), flags=re.MULTILINE))


def test_workflows_do_what_they_may(root: Path, targets: set[str]) -> None:
    files = sorted((root / ".github" / "workflows").glob("*.yml"))
    assert [file.name for file in files] == ["book.yml", "release.yml", "tests.yml"]
    assert [f for file in files for f in faults(file.name, load(file), targets)] == []


def load(file: Path) -> dict:
    return yaml.safe_load(file.read_text())


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("tests", "contents: read", "contents: write", "more than"),
        ("tests", "timeout-minutes: 30", "env: {}", "no limit"),
        ("tests", "persist-credentials: false", "fetch-depth: 1", "leaves the token"),
        ("tests", "make test", "make tests", "no target tests"),
        ("release", "actions/download-artifact@", "actions/checkout@", "rights to write"),
    ],
)
def test_a_fault_is_seen(
    root: Path, targets: set[str], file: str, old: str, new: str, fault: str
) -> None:
    text = (root / ".github" / "workflows" / f"{file}.yml").read_text()
    assert old in text
    assert any(fault in f for f in faults(file, yaml.safe_load(text.replace(old, new)), targets))


def test_tests_and_releases_install_the_packages_of_one_list(root: Path) -> None:
    installer = ".ci/install-debian-packages"
    assert installer in (root / ".ci" / "run").read_text()
    for name in ("tests", "release"):
        assert f"sudo {installer}" in (root / ".github" / "workflows" / f"{name}.yml").read_text()
    readme = (root / "README.md").read_text()
    text = (root / PACKAGES).read_text()
    latex = text.partition("# the PDF")[2].splitlines()[1:]
    assert len(latex) == 5
    assert all(f"{line.partition(' ')[0]}" in readme for line in latex)


def installed(root: Path, folder: Path, packages: str) -> list[str]:
    """What the installer asks apt for, on a machine where none of the packages is installed."""
    (folder / "bin").mkdir()
    for program, text in {
        "dpkg-query": "exit 1",
        "apt-get": f'test "$1" = update || echo "$@" > {folder}/asked',
    }.items():
        (folder / "bin" / program).write_text(f"#!/bin/sh\n{text}\n")
        (folder / "bin" / program).chmod(0o755)
    script = folder / "install-debian-packages"
    script.write_text((root / ".ci" / script.name).read_text())
    (folder / "debian-packages.txt").write_text(packages)
    subprocess.run(
        ["bash", script], check=True, env={"PATH": f"{folder}/bin:/usr/bin:/bin"}, cwd=folder
    )
    asked = folder / "asked"
    return asked.read_text().split()[4:] if asked.exists() else []


def test_only_what_is_missing_is_installed(root: Path, tmp_path: Path) -> None:
    packages = "# a comment\n\nold sh\nother no-such-command sh\nnew no-such-command\nplain\n"
    assert installed(root, tmp_path, packages) == ["new", "plain"]
