"""The command line: thin, and quick to start, since heavy imports wait until they are needed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eigenprune.lab import options, project
from eigenprune.lab.errors import UserError

if TYPE_CHECKING:
    from eigenprune.lab.studies import Params, Study

app = typer.Typer(
    name="eigenprune",
    help="Spectral node pruning of fully connected networks: a study that anyone can rerun.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Bring and check the real datasets.", no_args_is_help=True)
app.add_typer(data_app, name="data")

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="A name from params.yaml.")]


@app.command(
    epilog="""Examples:

    eigenprune run digits-1x100

    eigenprune run fashion-mnist-1x500 --activation relu --seeds 1 --anew

    eigenprune run mnist-3x500 --hidden 800-800-800 --methods direct,post --seeds 1-3"""
)
def run(
    study: StudyName,
    activation: Annotated[
        str | None, typer.Option(help="These instead of the study's, e.g. `relu,tanh`.")
    ] = None,
    methods: Annotated[str | None, typer.Option(help="These instead, e.g. `direct,post`.")] = None,
    seeds: Annotated[str | None, typer.Option(help="These instead, e.g. `1,2` or `1-5`.")] = None,
    ratios: Annotated[str | None, typer.Option(help="These instead, e.g. `0.5,0.9`.")] = None,
    hidden: Annotated[str | None, typer.Option(help="Other hidden widths, e.g. `800-800`.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Other number of epochs.")] = None,
    executor: Annotated[
        str | None,
        typer.Option(help="`process`: all cores, `inline`: this process, `dask`: a cluster."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; all usable cores if not given.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of a running Dask scheduler; if not given, one starts here.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Compute what is recorded in results/paper too.")
    ] = False,
    max_seconds: Annotated[
        float | None, typer.Option(help="Stop after that time; the same command goes on.")
    ] = None,
    shard: Annotated[
        str, typer.Option(help="Only the i-th of n parts, e.g. `2/4`: one for each machine.")
    ] = "1/1",
    output: Annotated[
        Path | None, typer.Option(help="Write the tidy table (CSV) here.", dir_okay=False)
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the curves here (.svg, .png, .pdf).", dir_okay=False)
    ] = None,
) -> None:
    """Train and prune the networks of a study; what is in the run store is not done again.

    Nor is what is recorded in results/paper, unless `--anew` asks for it.

    Each finished run is kept at once: stop with Ctrl-C whenever you like, and the same command
    goes on from there. The table shows the published accuracies beside ours where there are any.
    """
    chosen = _changed(
        _params().study(study),
        activations=activation and options.words(activation),
        methods=methods and options.words(methods),
        seeds=seeds and options.seeds(seeds),
        pruning_ratios=ratios and options.ratios(ratios),
        hidden=hidden and options.widths(hidden),
        epochs=epochs,
    )
    from eigenprune.lab.executors import EXECUTORS

    if executor not in (None, *EXECUTORS):
        raise UserError(f"--executor: {executor!r} is not one of {', '.join(EXECUTORS)}")
    if max_seconds is not None and not max_seconds > 0:
        raise UserError(f"--max-seconds: {max_seconds:g} is not above 0")
    part = options.shard(shard)
    if plot is not None and plot.suffix not in (".svg", ".png", ".pdf"):
        raise UserError(f"--plot: {plot} must end in .svg, .png or .pdf")
    if plot is not None:
        import eigenprune.report.figures  # noqa: F401  if matplotlib is missing, say so before any work
    from eigenprune.lab import progress, sweep
    from eigenprune.lab.store import Store

    with _resumable(), progress.shown(chosen.name) as on_start:
        curves = sweep.run_study(
            chosen,
            executor=executor,
            workers=workers,
            address=address,
            max_seconds=max_seconds,
            shard=part,
            anew=anew,
            on_start=on_start,
        )
    _report(chosen, curves, output, plot)
    left = sweep.outlook(chosen, Store(project.store_dir()), part, anew=anew).runs_to_compute
    if max_seconds is not None and left:
        typer.echo(f"The time is up: {left} runs are left, the same command goes on.")


@app.command(epilog="Examples:\n\n    eigenprune status\n\n    eigenprune status mnist-1x500")
def status(
    studies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY]...", help="Names from params.yaml; all if not given."),
    ] = None,
) -> None:
    """Show what of each study is done, running and pending, and about how long it will take."""
    from rich.console import Console

    from eigenprune.lab.status import study_status
    from eigenprune.lab.store import Store
    from eigenprune.report.terminal import status_table

    params, store = _params(), Store(project.store_dir())
    names = studies or list(params.studies)
    chosen = [params.study(name) for name in names]
    Console().print(status_table([study_status(study, store) for study in chosen]))


@app.command(
    epilog="Examples:\n\n    eigenprune record\n\n    eigenprune record fashion-mnist-1x500"
)
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

    params, store = _params(), Store(project.store_dir())
    for name in studies or [name for name in params.studies if name not in params.quick]:
        made = record_study(params.study(name), store)
        if made.rows or studies:
            typer.echo(f"{name}: {made.rows} rows recorded, {made.missing} still to be computed")


@app.command(
    epilog="Example:\n\n    eigenprune notebook compare --study digits-1x100",
)
def notebook(
    name: Annotated[str, typer.Argument(help="A notebook of `notebooks/`, without `.ipynb`.")],
    study: Annotated[str, typer.Option(help="A name from params.yaml.")],
) -> None:
    """Execute a notebook for a study, the way the stages of `dvc.yaml` do.

    The executed notebook and its tables go to results/quick/STUDY/, or to results/own/STUDY/ for
    a study that is not in `quick` of params.yaml.
    """
    from eigenprune.lab import datasets

    params = _params()
    chosen = params.study(study)
    datasets.require_files(chosen.dataset, project.data_dir())
    from eigenprune.report.notebooks import run_notebook

    root = project.root()
    with _resumable():
        run_notebook(
            root / "notebooks" / f"{name}.ipynb",
            project.results_dir(study, params.quick) / f"{name}.ipynb",
            {"study": study},
        )


@app.command(
    epilog="Examples:\n\n    eigenprune bench\n\n    eigenprune bench --hidden 2000 --json"
)
def bench(
    dataset: Annotated[str, typer.Option(help="What to train on.")] = "mnist",
    hidden: Annotated[str, typer.Option(help="Hidden widths, e.g. `500-500-500`.")] = "500",
    rounds: Annotated[int, typer.Option(min=1, help="Epochs timed per kind of network.")] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Time training and inference on all cores; ratios count, the seconds are this machine's."""
    from eigenprune.lab import datasets

    datasets.require_files(dataset, project.data_dir())
    from eigenprune.lab.bench import bench as measure

    measured = measure(dataset, options.widths(hidden), project.data_dir(), rounds)
    if json:
        from json import dumps

        typer.echo(dumps(measured, indent=1, allow_nan=False))
        return
    from rich.console import Console

    from eigenprune.report.terminal import bench_tables

    for table in bench_tables(measured):
        Console().print(table)


@app.command(epilog="Example:\n\n    eigenprune book")
def book() -> None:
    """Build the book from its pages and the executed notebooks of the quick studies."""
    params = _params()
    from eigenprune.report.book import build_book

    html = build_book(project.root(), [params.study(name) for name in params.quick])
    typer.echo(f"The book is at {html / 'index.html'}")


@data_app.command(
    epilog="Examples:\n\n    eigenprune data fetch\n\n    eigenprune data fetch --from ~/Downloads"
)
def fetch(
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Search this folder instead of downloading."),
    ] = None,
) -> None:
    """Bring MNIST and Fashion-MNIST into `data/`: from the official mirrors, or from your disk.

    Files that are there with the right bytes are left alone; every byte is checked.
    """
    from eigenprune.lab.fetch import fetch as fetch_files

    for file, how in fetch_files(project.data_dir(), source):
        typer.echo(f"{how:<10} {file}")


@data_app.command(epilog="Example:\n\n    eigenprune data check")
def check() -> None:
    """Compare every file of the datasets with its checksum."""
    from eigenprune.lab import datasets

    folder = project.data_dir()
    for name, files in datasets.FILES.items():
        datasets.require_files(name, folder)
        for file, sha256 in files.items():
            datasets.read_checked(folder / file, sha256)
        typer.echo(f"{name}: as published")


@contextmanager
def _resumable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print(
            "\neigenprune: interrupted; finished runs are kept, the same command goes on from here",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None


def _params() -> "Params":
    from eigenprune.lab.studies import load_params

    return load_params(project.root() / "params.yaml")


def _changed(study: "Study", **changes: Any) -> "Study":
    from eigenprune.lab.studies import change_study

    return change_study(study, {key: v for key, v in changes.items() if v is not None})


def _report(study: "Study", curves: Any, output: Path | None, plot: Path | None) -> None:
    from rich.console import Console

    from eigenprune.lab import results
    from eigenprune.report.curves import write_curves
    from eigenprune.report.published import published_curves
    from eigenprune.report.statistics import over_seeds
    from eigenprune.report.terminal import tables

    console = Console()
    if lost := results.diverged(study):
        console.print(
            f"{lost} rows are missing: the numbers ceased to be finite; a lower learning_rate helps"
        )
    if curves.empty:
        console.print("no network of this study is finished yet")
        return
    means, published = over_seeds(curves), published_curves(study)
    for table in tables(means, published):
        console.print(table)
    if output is not None:
        write_curves(curves, output)
        console.print(f"table: {output}")
    if plot is not None:
        from eigenprune.report import figures

        figures.use_style()
        figures.save(figures.tradeoff(means, published), plot)
        console.print(f"picture: {plot}")
