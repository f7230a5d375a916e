"""`eigenprune run`: train and prune the networks of studies, and carry out trials."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eigenprune.cli import options
from eigenprune.cli.common import (
    changed,
    project_params,
    require_environment,
    require_writable,
    resumable,
)
from eigenprune.lab import devices, project
from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import Study
from eigenprune.lab.trials.entries import Trials

if TYPE_CHECKING:
    from eigenprune.lab.runs import Training

    Part = set[Training] | None  # all networks if None

EXAMPLES = """Examples:

    eigenprune run digits-1x100

    eigenprune run fashion-mnist-1x500 --activation relu --seeds 1 --anew

    eigenprune run mnist-3x500 --hidden 800-800-800 --methods direct,post --seeds 1-3

    eigenprune run compression-digits

    eigenprune run --paper --max-seconds 3600

    eigenprune run --paper --device cuda"""


def run(
    studies: Annotated[
        list[str] | None, typer.Argument(metavar="[STUDY]...", help="Names from params.yaml.")
    ] = None,
    paper: Annotated[
        bool,
        typer.Option("--paper", help="All studies and trials except quick ones and experiments."),
    ] = False,
    activation: Annotated[
        str | None, typer.Option(help="Activations instead of the study's, e.g. `relu,tanh`.")
    ] = None,
    methods: Annotated[
        str | None, typer.Option(help="Methods instead of the study's, e.g. `direct,post`.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Seeds instead of the study's, e.g. `1,2` or `1-5`.")
    ] = None,
    ratios: Annotated[
        str | None, typer.Option(help="Pruning ratios instead of the study's, e.g. `0.5,0.9`.")
    ] = None,
    hidden: Annotated[
        str | None, typer.Option(help="Hidden widths instead of the study's, e.g. `800-800`.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Number of epochs instead of the study's.")
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="`cpu`, `cuda`, `cuda:1`, or `auto`: a GPU where torch finds one. On a GPU, "
            "networks that differ only in the seed or, once pruned, in the nodes that are left "
            "train together. The arena and trials are computed on the CPU."
        ),
    ] = "auto",
    executor: Annotated[
        str | None,
        typer.Option(
            help="`process` uses all cores, `inline` this process, `dask` a cluster. If not given, "
            "`inline` on a GPU."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Worker processes; EIGENPRUNE_WORKERS or all usable cores if not given. On a GPU: "
            "stacks that train side by side; six if not given, fewer where memory is short.",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Address of a running Dask scheduler; if not given, one starts here."),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Also compute what is recorded in results/paper.")
    ] = False,
    max_seconds: options.MaxSeconds = None,
    shard: Annotated[
        str,
        typer.Option(
            help="Compute only part i of n, e.g. `2/4`: one part per machine. The rest of the "
            "command must be the same on all machines, since all its studies are divided at once."
        ),
    ] = "1/1",
    output: Annotated[
        Path | None, typer.Option(help="Write the tidy table (CSV) here.", dir_okay=False)
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curves here (.svg, .png, .pdf).", dir_okay=False)
    ] = None,
) -> None:
    """Train and prune networks, or carry out trials; runs in the run store are not repeated.

    Runs recorded in results/paper are not repeated either, unless you add `--anew`.

    Each finished run is saved immediately: stop with Ctrl-C whenever you like, and the same command
    resumes from there. The table shows the published accuracies beside ours where there are any.
    """
    require_environment()
    params = project_params()
    names = [*params.paper, *params.paper_trials] if paper else studies
    if paper and studies:
        raise UserError(
            f"--paper: not allowed together with names of studies ({', '.join(studies)})"
        )
    if not names:
        raise UserError(
            "STUDY: name one study or more, or add --paper; allowed: "
            f"{', '.join([*params.studies, *params.trials])}"
        )
    if len(names) > 1 and (output or plot):
        raise UserError(
            "--output and --plot: allowed with one study only, because they name one file"
        )
    chosen = [
        changed(
            params.find(name),
            activations=activation and options.words(activation),
            methods=methods and options.words(methods),
            seeds=seeds and options.seeds(seeds),
            pruning_ratios=ratios and options.ratios(ratios),
            hidden=hidden and options.widths(hidden),
            epochs=epochs,
        )
        for name in names
    ]
    from eigenprune.lab import datasets
    from eigenprune.lab.execution import shards
    from eigenprune.lab.execution.executors import EXECUTORS

    if executor not in (None, *EXECUTORS):
        raise UserError(f"--executor: {executor!r} is not one of {', '.join(EXECUTORS)}")
    if address is not None and executor != "dask":
        raise UserError(f"--address: {address} belongs to a Dask scheduler; add --executor dask")
    if address is not None and workers is not None:
        raise UserError(
            f"--workers: {workers} with --address; a running cluster has its own number"
        )
    several_inline = executor == "inline" and workers not in (None, 1)
    # `auto` is resolved when there is work to do, unless it matters here: it takes seconds.
    found = devices.chosen(device) if device != "auto" or several_inline else None
    if several_inline and found == "cpu":
        raise UserError(
            f"--workers: {workers} with --executor inline; on the CPU, inline is one process"
        )
    options.require_seconds(max_seconds)
    number, parts = options.shard(shard)
    if plot is not None and isinstance(chosen[0], Trials):
        raise UserError("--plot: draws the curves of studies; trials have none, use --output")
    if plot is not None and plot.suffix not in (".svg", ".png", ".pdf"):
        raise UserError(f"--plot: {plot} must end in .svg, .png or .pdf")
    require_writable(output, "--output")
    require_writable(plot, "--plot")
    if plot is not None:
        import eigenprune.report.figures  # noqa: F401  if matplotlib is missing, say so before any work
    part = shards.networks_of(chosen, number, parts) if parts > 1 else None
    for study in chosen:
        try:
            datasets.require_readable(study.dataset, project.data_dir())
        except UserError:
            if _left(study, part, anew):  # what is recorded is shown without the data
                raise
    from eigenprune.lab.execution import progress, sweep

    clock = options.seconds_left(max_seconds)
    left = finished = 0
    for study in chosen:
        remaining = clock()
        if remaining is not None and remaining <= 0:
            left += _left(study, part, anew)
            continue
        before = _left(study, part, anew) if max_seconds is not None else 0
        with resumable(), progress.shown(study.name) as on_start:
            table = sweep.run_study(
                study,
                device=device,
                executor=executor,
                workers=workers,
                address=address,
                max_seconds=remaining,
                part=part,
                anew=anew,
                on_start=on_start,
            )
        _report(study, part, table, output, plot)
        if max_seconds is not None:
            after = _left(study, part, anew)
            left += after
            finished += before - after
    if left:
        typer.echo(f"The time is up: {left} runs are left; {RESUMES if finished else TOO_SHORT}")


RESUMES = (
    "the same command resumes from there, and networks that were still in training begin again."
)
TOO_SHORT = (
    "no run was finished, and all that were begun begin again: give the command more time "
    "(--max-seconds)."
)


def _left(study: Study | Trials, part: "Part", anew: bool) -> int:
    """How many runs are still to be computed."""
    from eigenprune.lab.execution import sweep
    from eigenprune.lab.store import Store

    return sweep.outlook(study, Store(project.store_dir()), part, anew=anew).runs_to_compute


LOST = "{} rows are missing: the numbers ceased to be finite; a lower learning_rate helps"


def _report(
    study: Study | Trials, part: "Part", table: Any, output: Path | None, plot: Path | None
) -> None:
    from rich.console import Console

    from eigenprune.lab import results
    from eigenprune.lab.plans import runs_of
    from eigenprune.lab.tidy_csv import write_csv
    from eigenprune.report import terminal
    from eigenprune.report.comparison.published import published_curves
    from eigenprune.report.statistics import over_seeds

    console = Console()
    if lost := results.diverged(study):
        console.print(LOST.format(lost))
    if table.empty:
        if part is not None and not any(run.training in part for run in runs_of(study)):
            console.print(f"this part has no network of {study.name}")
        elif not lost:  # otherwise its networks are finished and have no number to show
            console.print("nothing of this study is finished yet")
        return
    if isinstance(study, Trials):
        shown = terminal.trials_tables(study, table)
    else:
        means, published = over_seeds(table), published_curves(study)
        shown = terminal.tables(means, published)
    for each in shown:
        console.print(each)
    if output is not None:
        write_csv(table, output)
        console.print(f"table: {output}")
    if plot is not None:  # refused for trials
        from eigenprune.report import figures

        figures.use_style()
        figures.save(figures.tradeoff(means, published), plot)
        console.print(f"picture: {plot}")
