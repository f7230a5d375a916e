"""`eigenprune spot-check`: some recorded runs, computed again."""

import time
from typing import Annotated

import typer

from eigenprune.cli.common import project_params, require_environment, resumable
from eigenprune.lab import options, project
from eigenprune.lab.errors import UserError

EXAMPLES = """Examples:

    eigenprune spot-check mnist-1x500

    eigenprune spot-check mnist-1x500 --runs 3 --seed 7

    eigenprune spot-check --max-seconds 3600 --record"""


def spot_check(
    studies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY]...", help="Names from params.yaml; all that is recorded."),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="How many are drawn of each study.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the draw: another seed draws other runs.")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Worker processes; EIGENPRUNE_WORKERS or all usable cores if not given."
        ),
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="Stop after that time; the same command goes on.")
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--record", help="Keep what is found beside the recording, for the book."),
    ] = False,
) -> None:
    """Compute some recorded runs of results/paper again, drawn at random, and compare.

    They say whether the code as it is still gives the recorded numbers, here, without computing
    everything. What another run makes of the same network without training it is compared too.
    Runs recorded on a machine of this kind are preferred: they must be the same to the last bit.
    Others need not: sums are rounded otherwise, and training makes of it what another seed might.
    Ends with 1 if a run is not the same that has to be, or is further away than seeds are.

    Whatever is finished is kept: the same command goes on from there.
    """
    from eigenprune.lab import datasets, spot_checks
    from eigenprune.lab.execution import progress
    from eigenprune.lab.execution.sweep import recorded_runs
    from eigenprune.report.provenance.spot_checks import sentence, verdicts

    require_environment()
    params = project_params()
    names = studies or [*params.paper, *params.paper_trials]
    chosen = [params.find(name) for name in names]
    options.require_seconds(max_seconds)
    if quick := [study.name for study in chosen if study.name in params.quick]:
        raise UserError(
            f"{quick[0]}: a quick study, which `dvc repro` computes; `eigenprune verify --quick` "
            "compares it with the record"
        )
    samples = {study.name: spot_checks.drawn(study, runs, seed) for study in chosen}
    if studies and (empty := [name for name, sample in samples.items() if not sample]):
        raise UserError(
            f"{empty[0]}: no run of it, as params.yaml has it, is recorded in results/paper; "
            "`eigenprune run` computes it, `eigenprune record` records it"
        )
    recorded = [study for study in chosen if samples[study.name]]
    if not recorded:
        raise UserError("nothing is recorded in results/paper, so nothing can be compared")
    for study in recorded:
        datasets.require_files(study.dataset, project.data_dir())
    deadline = None if max_seconds is None else time.monotonic() + max_seconds
    holds = True
    for number, study in enumerate(recorded):
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            rest = ", ".join(each.name for each in recorded[number:])
            typer.echo(f"The time is up: {rest} left, the same command goes on.")
            break
        sample = samples[study.name]
        with resumable(), progress.shown(study.name) as on_start:
            found = spot_checks.check(
                study, sample, workers=workers, max_seconds=left, on_start=on_start
            )
        if keep and len(found):
            spot_checks.record(study, found)
        said = "no run is finished"
        if len(found):
            said = sentence(found, len(recorded_runs(study)))
            holds &= not {"other", "far"} & set(verdicts(found))
        missing = len(sample) - len(found)
        more = f"; {missing} are left, the same command goes on" if missing else ""
        typer.echo(f"{study.name}: {said}{more}")
    if not holds:
        raise typer.Exit(1)
