"""`eigenprune status`: the progress of studies and trials."""

from typing import Annotated

import typer

from eigenprune.cli.common import project_params, require_environment
from eigenprune.lab import project
from eigenprune.lab.errors import UserError

EXAMPLES = """Examples:

    eigenprune status

    eigenprune status mnist-1x500"""


def status(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY]...", help="Names from params.yaml; if not given, all but experiments."
        ),
    ] = None,
) -> None:
    """Count the runs of studies and trials: done, running and pending; estimate the time left.

    A study that cannot be counted, e.g. because a file of its dataset is missing, does not hide the
    others. An experiment is counted if you name it; its notebook may ask for less than its study
    holds.
    """
    from rich.console import Console

    from eigenprune.lab.execution.status import study_status
    from eigenprune.lab.store import Store
    from eigenprune.report.terminal import status_table

    require_environment()
    params, store = project_params(), Store(project.store_dir())
    names = studies or [
        name for name in (*params.studies, *params.trials) if name not in params.experiments
    ]
    chosen = [params.find(name) for name in names]
    counted, refused = [], []
    for study in chosen:
        try:
            counted.append(study_status(study, store))
        except UserError as error:
            refused.append(f"{study.name}: {error}")
    if counted:
        Console().print(status_table(counted))
    for sentence in refused:
        typer.echo(f"eigenprune: {sentence}", err=True)
    if refused and not counted:
        raise typer.Exit(2)
