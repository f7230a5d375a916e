"""`eigenprune record`: finished runs into Git."""

from typing import Annotated

import typer

from eigenprune.cli.common import project_params
from eigenprune.lab import project

EXAMPLES = """Examples:

    eigenprune record

    eigenprune record fashion-mnist-1x500"""


def record(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY]...", help="Names from params.yaml; all but the quick ones."
        ),
    ] = None,
) -> None:
    """Write the finished runs of studies to results/paper/, small files to be kept in Git.

    What is recorded counts as done in every clone: a sweep can be carried on elsewhere.
    """
    from eigenprune.lab.recorded import record as record_study
    from eigenprune.lab.store import Store
    from eigenprune.report.published import published_curves
    from eigenprune.report.summary import write_summary

    params, store = project_params(), Store(project.store_dir())
    for name in studies or params.paper:
        study = params.study(name)
        made = record_study(study, store)
        if made.rows:
            write_summary(made.folder, published_curves(study, same_width=True))
        if made.rows or studies:
            typer.echo(f"{name}: {made.rows} rows recorded, {made.missing} still to be computed")
