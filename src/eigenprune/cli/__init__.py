"""The command line: thin and quick to start, because heavy imports wait until they are needed."""

from typing import Annotated

import typer

from eigenprune.cli import (
    bench,
    book,
    data,
    new_experiment,
    notebook,
    record,
    run,
    side_by_side,
    spot_check,
    status,
    tables,
    verify,
)
from eigenprune.lab.tidy_csv import require_pandas

app = typer.Typer(
    name="eigenprune",
    help="Spectral node pruning of fully connected networks: a study that anyone can rerun.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"eigenprune {version('eigenprune')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    require_pandas()  # before any command reads or writes a table


app.command(epilog=run.EXAMPLES)(run.run)
app.command(epilog=status.EXAMPLES)(status.status)
app.command(epilog=record.EXAMPLES)(record.record)
app.command(epilog=tables.EXAMPLES)(tables.tables)
app.command(epilog=verify.EXAMPLES)(verify.verify)
app.command(epilog=spot_check.EXAMPLES)(spot_check.spot_check)
app.command(epilog=notebook.EXAMPLES)(notebook.notebook)
app.command(epilog=bench.EXAMPLES)(bench.bench)
app.command(epilog=book.EXAMPLES)(book.book)
app.command(epilog=book.SITE_EXAMPLES)(book.site)
app.command(epilog=new_experiment.EXAMPLES)(new_experiment.new_experiment)
app.command(epilog=side_by_side.EXAMPLES)(side_by_side.side_by_side)
app.add_typer(data.app, name="data")
