"""`eigenprune book`: from pages and executed notebooks to HTML."""

import typer

from eigenprune.cli.common import project_params
from eigenprune.lab import project

EXAMPLES = """Example:

    eigenprune book"""


def book() -> None:
    """Build the book from its pages and the executed notebooks."""
    params = project_params()
    from eigenprune.report.book import build_book

    html = build_book(project.root(), params)
    typer.echo(f"The book is at {html / 'index.html'}")
