"""`eigenprune verify`: our results against the published ones."""

import re
from pathlib import Path
from typing import Annotated

import typer

from eigenprune.cli.common import project_params
from eigenprune.files import write_whole
from eigenprune.lab import project
from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import Params

EXAMPLES = """Examples:

    eigenprune verify

    eigenprune verify mnist-1x2000 --points

    eigenprune verify --output points.csv

    eigenprune verify --quick"""


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
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Compare the quick studies of `dvc repro` with the record."),
    ] = False,
) -> None:
    """Compare finished and recorded results with the published curves of the same width.

    Two means agree if they differ by no more than three standard errors, in which a fixed error is
    counted beside those of both means (see the book). Three equal hidden layers are
    compared whatever their width, since the published one is not known.

    First it says what has changed since the results were recorded: parameters, data, code.

    With `--quick`, what `dvc repro` made here is compared with `results/reference` instead, and
    the verdict on each study told: bitwise equal, equal within tolerance, or different.
    """
    params = project_params()
    if quick:
        if studies or points or output:
            raise UserError(
                "--quick takes no other option and no study: it compares all quick ones"
            )
        _verify_quick(params)
        return
    names = studies or list(params.studies)
    chosen = [params.study(name) for name in names]
    import pandas as pd
    from rich.console import Console

    from eigenprune.lab import results
    from eigenprune.report.agreement import agreement_summary, compare, swapped
    from eigenprune.report.published import published_curves
    from eigenprune.report.terminal import agreement_table, points_tables
    from eigenprune.report.where_from import recorded_changes, summary

    ours = {study.name: results.curves(study) for study in chosen}
    published = {study.name: published_curves(study, same_width=True) for study in chosen}
    found = pd.concat([compare(ours[name], published[name]) for name in ours])
    console = Console()
    changes = {
        name: what
        for name, what in recorded_changes(project.root(), params).items()
        if what and (not studies or name in studies)
    }
    if changes:
        console.print("Since they were recorded:")
        for line in summary(changes):
            console.print(f"  {line.replace('`', '')}", highlight=False)
    if found.empty:
        raise UserError(
            f"nothing to compare: no point of {', '.join(names)} is both published at this width "
            "and computed; `eigenprune status` shows what is done"
        )
    wrong = pd.concat([compare(ours[name], swapped(published[name])) for name in ours])
    if points:
        for table in points_tables(found):
            console.print(table)
    console.print(agreement_table(found))
    if len(wrong):
        console.print(
            f"To judge that by: of `direct` against the published `post`, and the other way round, "
            f"{agreement_summary(wrong)}."
        )
    if output is not None:
        write_whole(output, found.to_csv(index=False, lineterminator="\n").encode())
        console.print(f"table: {output}")


def _verify_quick(params: Params) -> None:
    from eigenprune.report.reproduction import reproduction
    from eigenprune.report.your_run import verdict_sentence

    for name in params.quick:
        typer.echo(re.sub(r"[`*]", "", verdict_sentence(reproduction(name, params))))
