"""`eigenprune data`: fetch and check the real datasets."""

from pathlib import Path
from typing import Annotated

import typer

from eigenprune.lab import project

app = typer.Typer(help="Fetch and check the real datasets.", no_args_is_help=True)


@app.command(
    epilog="""Examples:

    eigenprune data fetch

    eigenprune data fetch --from ~/Downloads"""
)
def fetch(
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Search this folder instead of downloading."),
    ] = None,
) -> None:
    """Fetch MNIST and Fashion-MNIST into `data/`, from the official mirrors or from your disk.

    Correct files that are already there are left alone; every file is checked by its checksum.
    """
    from eigenprune.lab.fetch import fetch as fetch_files

    for file, how in fetch_files(project.data_dir(), source):
        typer.echo(f"{how:<10} {file}")


@app.command(
    epilog="""Example:

    eigenprune data check"""
)
def check() -> None:
    """Compare every file of the datasets with its checksum."""
    from eigenprune.lab import datasets, standard_datasets

    folder = project.data_dir()
    for name, files in standard_datasets.FILES.items():
        datasets.require_files(name, folder)
        for file, sha256 in files.items():
            standard_datasets.read_checked(folder / file, sha256)
        typer.echo(f"{name}: as published")
