"""`eigenprune side-by-side`: experiments side by side on a page."""

from typing import Annotated

import typer

from eigenprune.cli.common import project_params
from eigenprune.lab import project
from eigenprune.lab.errors import UserError

EXAMPLES = """Example:

    eigenprune side-by-side my-idea workspace longer wider"""


def side_by_side(
    study: Annotated[str, typer.Argument(help="A name from params.yaml.")],
    revisions: Annotated[
        list[str],
        typer.Argument(
            metavar="EXPERIMENT...",
            help="Names from `dvc exp show`; Git revisions and `workspace` are allowed too.",
        ),
    ],
) -> None:
    """Show the results of several DVC experiments with a study on one page.

    The page shows the curves side by side, the settings that differ, and the numbers.
    """
    params = project_params()
    params.study(study)
    results = project.results_dir(study, params.quick, params.experiments)
    from eigenprune.report.side_by_side import WORKSPACE, write_page

    made_by = "dvc repro"
    if study not in (*params.quick, *params.experiments):
        if others := [revision for revision in revisions if revision != WORKSPACE]:
            raise UserError(
                f"{others[0]}: {study} is neither a quick study nor an experiment, so Git and DVC "
                f"do not keep its results; allowed: {WORKSPACE}"
            )
        made_by = f"eigenprune notebook template --study {study}"
    page = write_page(project.root(), study, results, revisions, made_by)
    typer.echo(f"The page is {page}")
