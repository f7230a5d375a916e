"""`eigenprune bench`: how fast training and inference are on this machine."""

import sys
from typing import Annotated

import typer

from eigenprune.cli import options
from eigenprune.lab import project

EXAMPLES = """Examples:

    eigenprune bench

    eigenprune bench --hidden 2000 --json"""


def bench(
    dataset: Annotated[str, typer.Option(help="Dataset to train on.")] = "mnist",
    hidden: Annotated[str, typer.Option(help="Hidden widths, e.g. `500-500-500`.")] = "500",
    rounds: Annotated[
        int, typer.Option(min=1, help="Number of rounds, each in fresh processes.")
    ] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Time training and inference on all cores; compare ratios: seconds depend on the machine."""
    from eigenprune.lab import datasets

    widths = options.widths(hidden)
    datasets.require_files(dataset, project.data_dir())
    from rich.console import Console
    from rich.progress import Progress

    from eigenprune.lab.bench import bench as measure

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("bench", total=2 * rounds)
        measured = measure(
            dataset, widths, project.data_dir(), rounds, on_half_round=lambda: bar.advance(task)
        )
    if json:
        from json import dumps

        typer.echo(dumps(measured, indent=1, allow_nan=False))
        return
    from eigenprune.report.terminal import bench_tables

    for table in bench_tables(measured):
        Console().print(table)
