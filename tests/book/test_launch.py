"""Which repository the buttons name. How they look is tested in a browser (test_browser.py)."""

import subprocess
from pathlib import Path

import pytest

from eigenprune.report.book.launch import Repository, parse, repository


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/ada/love.lace",
        "https://github.com/ada/love.lace.git",
        "https://github.com/ada/love.lace/",
        "https://secret@github.com/ada/love.lace.git",
        "https://ada:secret@github.com/ada/love.lace.git",
        "git@github.com:ada/love.lace.git",
        "ssh://git@github.com/ada/love.lace.git",
    ],
)
def test_every_form_of_a_github_remote_is_read(remote: str) -> None:
    assert parse(remote) == ("ada", "love.lace")


@pytest.mark.parametrize(
    "remote",
    [
        "",
        "../ada/love.lace",
        "https://gitlab.com/ada/love.lace.git",
        "https://github.com.example.org/ada/love.lace",
        "https://example.org/github.com/ada/love.lace",
        "https://github.com/ada",
        "https://github.com/ada/love/lace",
        'https://github.com/ada/"><script>',
    ],
)
def test_another_remote_is_none(remote: str) -> None:
    assert parse(remote) is None


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_revision_is_the_tag_or_the_branch_or_the_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch", "side/way")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "train.ipynb").touch()
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "one")
    assert repository(tmp_path) is None
    git(tmp_path, "remote", "add", "origin", "git@github.com:ada/love.git")
    here = Repository("ada", "love", "side/way", ("train",))
    assert repository(tmp_path) == here
    assert "/ada/love/side%2Fway?" in here.links("train")["Binder"]
    git(tmp_path, "tag", "v1")
    assert repository(tmp_path) == Repository("ada", "love", "v1", ("train",))
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "two")
    git(tmp_path, "checkout", "--quiet", "--detach")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert repository(tmp_path) == Repository("ada", "love", commit, ("train",))
