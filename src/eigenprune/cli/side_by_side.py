"""`eigenprune side-by-side`: experiments beside each other, as a page."""

from typing import Annotated

import typer

from eigenprune.cli.common import project_params
from eigenprune.lab import project

EXAMPLES = """Example:

    eigenprune side-by-side my-idea workspace longer wider"""


def side_by_side(
    study: Annotated[str, typer.Argument(help="A name from params.yaml.")],
    revisions: Annotated[
        list[str],
        typer.Argument(
            metavar="EXPERIMENT...",
            help="As `dvc exp show` names them; Git revisions and `workspace` too.",
        ),
    ],
) -> None:
    """Show what several DVC experiments made of a study, as a page.

    The page has the curves beside each other, what differs in the settings, and the numbers.
    """
    params = project_params()
    params.study(study)
    results = project.results_dir(study, params.quick, params.experiments)
    from eigenprune.report.side_by_side import write_page

    typer.echo(f"The page is {write_page(project.root(), study, results, revisions)}")
