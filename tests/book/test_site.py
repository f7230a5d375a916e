"""The published site: one folder for each version, every archive checked."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eigenprune.lab.errors import UserError
from eigenprune.report.book.site import ARCHIVE, build_site, versions_page, write_archive


def book(folder: Path, text: str) -> Path:
    (folder / "_static").mkdir(parents=True)
    (folder / "index.html").write_text(text)
    (folder / "_static" / "book.css").write_text("p {}")
    return folder


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    for tag in ("v0.1", "v0.2"):
        write_archive(book(tmp_path / "books" / tag, tag), tmp_path / "releases" / tag / ARCHIVE)
    return tmp_path / "releases"


def test_the_same_pages_give_the_same_archive_and_it_unpacks(tmp_path: Path) -> None:
    first, second = book(tmp_path / "a", "x"), book(tmp_path / "b", "x")
    os.utime(second / "index.html", (0, 0))
    (second / "index.html").chmod(0o600)
    archives = [tmp_path / name / ARCHIVE for name in ("one", "two")]
    for pages, archive in zip((first, second), archives, strict=True):
        write_archive(pages, archive)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    shutil.unpack_archive(archives[0], tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "eigenprune-book" / "_static" / "book.css").is_file()


def test_every_version_has_its_folder(tmp_path: Path, releases: Path) -> None:
    site, dev = tmp_path / "site", book(tmp_path / "dev", "now")
    build_site(site, dev, releases, ["v0.2", "v0.1", "v0.0"])  # the first release had no book
    texts = {path.parent.name: path.read_text() for path in site.glob("*/index.html")}
    assert texts == {"v0.1": "v0.1", "v0.2": "v0.2", "latest": "v0.2", "dev": "now"}
    listed = (site / "index.html").read_text()
    assert listed.index("latest/index.html") < listed.index("dev/") < listed.index("v0.1/")
    assert "v0.2, the latest release" in listed


def test_before_the_first_release_there_is_the_main_branch(tmp_path: Path) -> None:
    build_site(tmp_path / "site", book(tmp_path / "dev", "now"), tmp_path / "none", [])
    assert [path.name for path in (tmp_path / "site").iterdir() if path.is_dir()] == ["dev"]
    assert "latest" not in versions_page([])


def test_a_damaged_archive_is_refused_and_nothing_is_written(
    tmp_path: Path, releases: Path
) -> None:
    archive = releases / "v0.1" / ARCHIVE
    content = archive.read_bytes()
    archive.write_bytes(content + b"x")
    with pytest.raises(UserError, match=r"v0\.1.*its SHA-256 is \w{64}, and .* says \w{64}"):
        build_site(tmp_path / "site", book(tmp_path / "dev", ""), releases, ["v0.2", "v0.1"])
    archive.write_bytes(content)
    archive.with_name(f"{ARCHIVE}.sha256").unlink()
    with pytest.raises(UserError, match="says none"):
        build_site(tmp_path / "site", tmp_path / "dev", releases, ["v0.2", "v0.1"])
    assert not (tmp_path / "site").exists()


def test_a_site_that_is_there_is_left_alone(tmp_path: Path, releases: Path) -> None:
    (tmp_path / "site").mkdir()
    with pytest.raises(UserError, match="is there already"):
        build_site(tmp_path / "site", book(tmp_path / "dev", ""), releases, [])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["book", "--pdf", "--publish"], "--pdf and --publish: one at a time"),
        (["site", "site"], "build/book/published is missing: `eigenprune book --publish` makes it"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "params.yaml").write_text("quick: []\n")
    command = [sys.executable, "-m", "eigenprune", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("eigenprune: ") and done.stderr.endswith(f"{sentence}\n")
    assert done.stderr.count("\n") == 1
