"""`eigenprune verify`: compare our results with the published ones."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eigenprune.cli.common import project_params, require_writable
from eigenprune.lab import project
from eigenprune.lab.errors import UserError
from eigenprune.lab.standard_datasets import STANDARD_NAMES
from eigenprune.lab.studies import Params

if TYPE_CHECKING:
    from rich.console import Console

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

    Two means agree if they differ by at most three standard errors; the standard error combines
    those of both means and a fixed error of one test example in two hundred. Networks with three
    equal hidden layers are compared whatever their width, since the published width is not known;
    each width has its own share. Published points that we do not have are counted, and their curves
    named. Studies with settings other than the published ones are shown separately and count in no
    share.

    The output begins with what has changed since the results were recorded: parameters, data, code.

    With `--quick`, the results that `dvc repro` made here are compared with `results/reference`
    instead. Each study gets a verdict: bitwise equal, equal within tolerance, or different. The
    exit status is 1 if a study is different.
    """
    params = project_params()
    if quick:
        if studies or points or output:
            raise UserError(
                "--quick: no other option and no study is allowed; it compares all quick studies"
            )
        _verify_quick(params)
        return
    # Without names, those that could have been published: data of one's own may not even be here.
    names = studies or [
        name for name, study in params.studies.items() if study.dataset in STANDARD_NAMES
    ]
    chosen = [params.study(name) for name in names]
    require_writable(output, "--output")
    import pandas as pd
    from rich.console import Console

    from eigenprune.lab import results
    from eigenprune.lab.tidy_csv import write_csv
    from eigenprune.report.comparison import coverage, tables
    from eigenprune.report.comparison.agreement import compare_study
    from eigenprune.report.comparison.published import all_settings, other_settings
    from eigenprune.report.terminal import agreement_table, points_tables, shares_table

    if not chosen:
        raise UserError("nothing to compare: params.yaml has no study of a published dataset")
    curves = {study: results.curves(study) for study in chosen}
    found, exchanged = (
        pd.concat([compare_study(each, curves[each], exchanged=other) for each in chosen])
        for other in (False, True)
    )
    console = Console()
    _tell_changes(console, params, studies)
    if found.empty:
        raise UserError(
            f"nothing to compare: no point of {', '.join(names)} is both published at this width "
            "and computed; `eigenprune status` shows what is done"
        )
    # Without names, everything that was published counts, whatever params.yaml leaves out.
    as_published = [study for study in chosen if not other_settings(study)]
    settings = [(study.dataset, study.widths) for study in as_published]
    if not studies:
        settings = all_settings([study.widths for study in as_published])
    covered = coverage.coverage(found, settings)
    if points:
        for table in points_tables(found):
            console.print(table)
    apart = found[found["other_settings"] != ""]
    if len(found) > len(apart):
        console.print(agreement_table(found[found["other_settings"] == ""]))
    if len(apart):
        console.print(agreement_table(apart, "settings other than the published, in no share"))
        for name, what in apart.groupby("study", sort=False)["other_settings"].first().items():
            console.print(f"  {name}: {what}", highlight=False)
        console.print()
    if len(covered):
        console.print(shares_table(tables.shares(covered, coverage.coverage(exchanged, settings))))
        # The aim concerns everything that was published, not only the studies asked for.
        aim = [] if studies else [coverage.aim_sentence(covered)]
        for line in [*aim, *coverage.gaps(covered), *coverage.not_compared(covered)]:
            console.print(line, highlight=False)
    if output is not None:
        write_csv(found, output)
        console.print(f"table: {output}")


def _tell_changes(console: "Console", params: Params, studies: list[str] | None) -> None:
    """Say what has changed since the results of these studies, or of all, were recorded."""
    from eigenprune.report.book.where_from import recorded_changes, spot_check_lines, summary

    changes = {
        name: what
        for name, what in recorded_changes(project.root(), params).items()
        if not studies or name in studies
    }
    changed = {name: what for name, what in changes.items() if what}
    for title, lines in (
        ("Since they were recorded:", summary(changed)),
        ("Spot checks:", spot_check_lines(changes)),
    ):
        for line in [title, *(f"  {line.replace('`', '')}" for line in lines)] if lines else []:
            console.print(line, highlight=False)


def _verify_quick(params: Params) -> None:
    from eigenprune.report.comparison.reproduction import reproduction
    from eigenprune.report.comparison.your_run import verdict_sentence

    found = [reproduction(name, params) for name in params.quick]
    for each in found:
        typer.echo(re.sub(r"[`*]", "", verdict_sentence(each)))
    if any(each.verdict == "different" for each in found):
        raise typer.Exit(1)
