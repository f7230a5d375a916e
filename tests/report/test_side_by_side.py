"""Results at other revisions: what cannot be shown is named."""

import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

from eigenprune.lab.errors import UserError
from eigenprune.report.side_by_side import write_page


def test_a_clone_in_which_nothing_was_reproduced(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        author = ("-c", "user.name=A", "-c", "user.email=a@b")
        subprocess.run(["git", *author, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    Repo.init(str(tmp_path)).close()
    git("commit", "--allow-empty", "--message", "nothing")
    (tmp_path / "params.yaml").write_text("studies: {mine: {epochs: 2}}\n")
    git("add", "--all")
    git("commit", "--message", "begin")

    def refused(study: str, revision: str) -> str:
        with pytest.raises(UserError) as refusal:
            write_page(tmp_path, study, tmp_path / "results", [revision], "dvc repro")
        return str(refusal.value)

    assert refused("mine", "HEAD") == (
        "HEAD: results/curves.csv is neither in Git nor in DVC's cache; with HEAD checked out, "
        "`dvc repro` makes it"
    )
    assert refused("mine", "HEAD~") == (
        "HEAD~: params.yaml is neither in Git nor in DVC's cache; choose one that has it"
    )
    assert refused("other", "HEAD") == "HEAD: params.yaml has no study other there"
    assert "unknown Git revision 'long'" in refused("mine", "long")
