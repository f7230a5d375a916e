"""The books of all versions as one site: each in a folder of its own, and a list of them."""

import gzip
import hashlib
import html
import shutil
import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError

ARCHIVE = "eigenprune-book.tar.gz"


def write_archive(book: Path, archive: Path) -> None:
    """Pack a book, and write its SHA-256 beside it as `sha256sum` does.

    The same pages give the same bytes.

    Args:
        book: the folder with the pages.
        archive: the `.tar.gz` to write; `ARCHIVE.sha256` is written too.
    """
    buffer = BytesIO()
    # The time in the header of gzip and those of the files would differ from build to build.
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path in sorted(book.rglob("*")):
            if path.is_file():
                member = tarfile.TarInfo(f"eigenprune-book/{path.relative_to(book).as_posix()}")
                member.size = path.stat().st_size
                with path.open("rb") as file:
                    tar.addfile(member, file)
    write_whole(archive, buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    write_whole(_sum_of(archive), f"{digest}  {archive.name}\n".encode())


def build_site(site: Path, development: Path, releases: Path, order: Sequence[str]) -> None:
    """Lay the books of all versions side by side.

    `site/TAG` is the book of a release, `site/latest` that of the newest, `site/dev` the one of the
    main branch; `site/index.html` lists them.

    Args:
        site: the folder to write; it must not be there yet.
        development: the book of the main branch.
        releases: a folder `TAG/` for each release, with its archive and checksum.
        order: the tags, newest first. A tag whose folder contains no archive is left out.

    Raises:
        UserError: if `site` is there, or an archive is not what its checksum says.
    """
    if site.exists():
        raise UserError(f"{site} is there already: remove it, or name another folder")
    tags = [tag for tag in order if (releases / tag / ARCHIVE).is_file()]
    contents = {tag: _checked(releases / tag / ARCHIVE) for tag in tags}
    shutil.copytree(development, site / "dev")
    for tag, content in contents.items():
        with tarfile.open(fileobj=BytesIO(content)) as tar:
            # Python has it from 3.11.4 on, and uses it; Debian 12 has an older one.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(site / f".{tag}")
        (site / f".{tag}" / "eigenprune-book").rename(site / tag)
        (site / f".{tag}").rmdir()
    if tags:
        shutil.copytree(site / tags[0], site / "latest")
    (site / "index.html").write_text(versions_page(tags), encoding="utf-8")
    (site / ".nojekyll").touch()  # GitHub would leave out the folders that begin with _


def _checked(archive: Path) -> bytes:
    content = archive.read_bytes()
    checksum = _sum_of(archive)
    stated = checksum.read_text().partition(" ")[0] if checksum.is_file() else "none"
    if (found := hashlib.sha256(content).hexdigest()) != stated:
        raise UserError(f"{archive}: its SHA-256 is {found}, and {checksum.name} says {stated}")
    return content


def _sum_of(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sha256")


def versions_page(tags: Sequence[str]) -> str:
    """The start page of the site: a link to each version, newest first."""
    names = {"latest": f"{tags[0]}, the latest release"} if tags else {}
    names["dev"] = "the main branch, as it is now"
    names |= {tag: tag for tag in tags[1:]}
    items = "\n".join(
        f'      <li><a href="{html.escape(folder)}/index.html">{html.escape(name)}</a></li>'
        for folder, name in names.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Spectral node pruning: all versions</title>
    <style>
      :root {{ color-scheme: light dark; }}
      body {{ font: 1.1rem/1.6 sans-serif; margin: 3rem auto; max-width: 40rem; padding: 0 1rem; }}
    </style>
  </head>
  <body>
    <h1>Spectral node pruning</h1>
    <p>The book, version by version:</p>
    <ul>
{items}
    </ul>
  </body>
</html>
"""
