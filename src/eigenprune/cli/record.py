"""`eigenprune record`: write finished runs to files that Git keeps."""

from typing import Annotated

import typer

from eigenprune.cli.common import project_params
from eigenprune.cli.tables import write_tables
from eigenprune.lab import project
from eigenprune.lab.errors import UserError

EXAMPLES = """Examples:

    eigenprune record

    eigenprune record fashion-mnist-1x500

    eigenprune record --quick"""


def record(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY]...",
            help="Names from params.yaml; if not given, all but quick ones and experiments.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Record the quick studies in results/reference/.")
    ] = False,
) -> None:
    """Write finished runs of studies and trials to results/paper/, as small files for Git.

    Recorded runs count as done in every clone, so a sweep can be continued elsewhere. Quick
    studies go to results/reference/ and do not count as done: each reader computes them, and
    `eigenprune verify --quick` compares the result with the reference.

    Networks of the arena without a recorded latency are timed, which takes a minute or so.
    """
    if quick and studies:
        raise UserError("--quick records all quick studies: do not name any")
    from eigenprune.lab import arena, datasets
    from eigenprune.lab.records import latencies
    from eigenprune.lab.records.recorded import record as record_study
    from eigenprune.lab.records.recorded import reference_of
    from eigenprune.lab.store import Store
    from eigenprune.lab.trials import tables
    from eigenprune.lab.trials.entries import Trials
    from eigenprune.report.comparison.published import published_curves
    from eigenprune.report.comparison.summary import write_summary

    params, store = project_params(), Store(project.store_dir())
    for name in studies or ():
        if name in (*params.quick_arena, *params.quick_trials):
            raise UserError(
                f"{name}: not recorded, because the chapters compute it where they are made"
            )
    names = studies or (params.quick if quick else [*params.paper, *params.paper_trials])
    chosen = {name: params.find(name) for name in names}
    for study in chosen.values():
        datasets.checksum(study.dataset)  # a missing file is told before anything is written
    for name, study in chosen.items():
        what = "runs" if isinstance(study, Trials) else "rows"
        if isinstance(study, Trials):
            made = tables.record(study, store)
        else:
            is_quick = name in params.quick
            made = record_study(study, store, reference_of(study) if is_quick else None)
            if made.rows and not is_quick:
                write_summary(made.folder, published_curves(study, same_width=True))
        if made.rows or studies or quick:
            lost = f", {made.diverged} without results: their numbers ceased to be finite"
            typer.echo(
                f"{name}: {made.rows} {what} recorded, {made.here} of them from this run store, "
                f"{made.missing} still to be computed" + (lost if made.diverged else "")
            )
        if made.gone:
            typer.echo(
                f"{name}: {made.gone} {what} that were recorded do not belong to what params.yaml "
                "asks for now, and are gone; Git has them"
            )
        if made.to_compare:
            typer.echo(
                f"{name}: methods that share a network have it from two machines, which round "
                f"differently; to compare them on one network, run: {made.to_compare}"
            )
    if not quick and len(networks := arena.recorded(params)):
        untimed = latencies.record(
            networks, lambda name, count: typer.echo(f"{name}: timing {count} networks")
        )
        for name, count in untimed.items():
            typer.echo(
                f"{name}: {count} networks have no latency, because another kind of machine timed "
                "the others; to time all of them here, remove results/paper/latency.csv and "
                "record again"
            )
        write_tables(arena.with_times(networks))
