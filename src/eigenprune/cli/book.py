"""`eigenprune book` and `eigenprune site`: make HTML and PDF from pages and executed notebooks."""

from pathlib import Path
from typing import Annotated

import typer

from eigenprune.cli.common import project_params
from eigenprune.lab import project
from eigenprune.lab.errors import UserError

EXAMPLES = """Examples:

    eigenprune book

    eigenprune book --pdf

    eigenprune book --publish"""

SITE_EXAMPLES = """Example:

    eigenprune site build/site --releases releases v0.2.0 v0.1.0"""


def book(
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Build the whole book as one PDF instead.")
    ] = False,
    publish: Annotated[
        bool,
        typer.Option(
            "--publish",
            help="Build the book for the web instead, in `build/book/published` and as an archive, "
            "with buttons for Binder and Colab if the remote `origin` is on GitHub.",
        ),
    ] = False,
) -> None:
    """Build the book from its pages and the executed notebooks."""
    if pdf and publish:
        raise UserError("--pdf and --publish: one at a time")
    params = project_params()
    root = project.root()
    if pdf:
        from eigenprune.report.book.pdf import build_pdf

        typer.echo(f"The book is at {build_pdf(root, params)}")
        return
    from eigenprune.report.book.build import build_book

    if not publish:
        typer.echo(f"The book is at {build_book(root, params) / 'index.html'}")
        return
    from eigenprune.report.book import launch, site

    repository = launch.repository(root)
    html = build_book(root, params, folder="published", repository=repository)
    site.write_archive(html, html.parent / site.ARCHIVE)
    typer.echo(f"The book is at {html / 'index.html'}, packed as {html.parent / site.ARCHIVE}")
    if repository is None:
        typer.echo("It has no buttons for Binder and Colab: the remote origin is not on GitHub.")


def site(
    folder: Annotated[Path, typer.Argument(help="Folder to write the site to.")],
    tags: Annotated[
        list[str] | None,
        typer.Argument(help="Tags of its releases, newest first.", show_default=False),
    ] = None,
    releases: Annotated[
        Path,
        typer.Option(help="Folder with one subfolder per release: its packed book and checksum."),
    ] = Path("releases"),
) -> None:
    """Make one site of the published book and those of earlier releases, with a list of them."""
    from eigenprune.report.book.site import build_site

    published = project.root() / "build" / "book" / "published"
    if not published.is_dir():
        raise UserError(f"{published} is missing: `eigenprune book --publish` makes it")
    build_site(folder, published, releases, tags or [])
    typer.echo(f"The site is at {folder / 'index.html'}")
