"""`eigenprune status`: the progress of studies and trials."""

from typing import Annotated

import typer

from eigenprune.cli.common import project_params
from eigenprune.lab import project

EXAMPLES = """Examples:

    eigenprune status

    eigenprune status mnist-1x500"""


def status(
    studies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY]...", help="Names from params.yaml; all if not given."),
    ] = None,
) -> None:
    """Count the runs of studies and trials: done, running and pending; estimate the time left."""
    from rich.console import Console

    from eigenprune.lab.execution.status import study_status
    from eigenprune.lab.store import Store
    from eigenprune.report.terminal import status_table

    params, store = project_params(), Store(project.store_dir())
    names = studies or [*params.studies, *params.trials]
    chosen = [params.find(name) for name in names]
    Console().print(status_table([study_status(study, store) for study in chosen]))
