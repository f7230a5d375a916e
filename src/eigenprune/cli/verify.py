"""`eigenprune verify`: our results against the published ones."""

from pathlib import Path
from typing import Annotated

import typer

from eigenprune.cli.common import project_params
from eigenprune.lab.errors import UserError

EXAMPLES = """Examples:

    eigenprune verify

    eigenprune verify mnist-1x2000 --points

    eigenprune verify --output points.csv"""


def verify(
    studies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY]...", help="Names from params.yaml; all if not given."),
    ] = None,
    points: Annotated[
        bool, typer.Option("--points", help="Show every point, not only a line for each curve.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write every point (CSV) here.", dir_okay=False)
    ] = None,
) -> None:
    """Compare finished and recorded results with the published curves of the same width.

    Two means agree if they differ by no more than three standard errors of both together, with
    half a point of accuracy granted. Three hidden layers are compared whatever their width, since
    the published one is not known.
    """
    params = project_params()
    names = studies or list(params.studies)
    chosen = [params.study(name) for name in names]
    import pandas as pd
    from rich.console import Console

    from eigenprune.lab import results
    from eigenprune.report.agreement import compare
    from eigenprune.report.published import published_curves
    from eigenprune.report.terminal import agreement_table, points_tables

    compared = [
        compare(results.curves(study), published)
        for study in chosen
        if not (published := published_curves(study, same_width=True)).empty
    ]
    found = pd.concat(compared) if compared else pd.DataFrame()
    if found.empty:
        raise UserError(
            f"nothing to compare: no point of {', '.join(names)} is both published at this width "
            "and computed; `eigenprune status` shows what is done"
        )
    console = Console()
    if points:
        for table in points_tables(found):
            console.print(table)
    console.print(agreement_table(found))
    if output is not None:
        found.to_csv(output, index=False, lineterminator="\n")
        console.print(f"table: {output}")
