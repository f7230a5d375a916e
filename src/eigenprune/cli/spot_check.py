"""`eigenprune spot-check`: compute some recorded runs again."""

from typing import Annotated

import typer

from eigenprune.cli import options
from eigenprune.cli.common import project_params, require_environment, resumable
from eigenprune.lab import project
from eigenprune.lab.errors import UserError

EXAMPLES = """Examples:

    eigenprune spot-check mnist-1x500

    eigenprune spot-check mnist-1x500 --runs 3 --seed 7

    eigenprune spot-check --max-seconds 3600 --record"""


def spot_check(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STUDY]...",
            help="Names from params.yaml; if not given, all recorded.",
        ),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Number of runs drawn from each study.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the draw: another seed draws other runs.")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Worker processes; EIGENPRUNE_WORKERS or all usable cores if not given."
        ),
    ] = None,
    max_seconds: options.MaxSeconds = None,
    keep: Annotated[
        bool,
        typer.Option("--record", help="Save the findings beside the recorded runs, for the book."),
    ] = False,
) -> None:
    """Compute some recorded runs of results/paper again, drawn at random, and compare.

    This shows whether the present code still gives the recorded numbers on this machine, without
    computing everything. Other runs that use a drawn run's network without retraining it are
    compared too. Runs recorded on a machine of this kind are preferred: they must be the same to
    the last bit. Other machines round sums differently, and training can amplify this to the
    difference between two seeds. The exit status is 1 if a run that must be the same is not, or if
    another run differs by more than seeds do.

    Finished runs are kept: the same command resumes from there.
    """
    from eigenprune.lab import datasets, spot_checks
    from eigenprune.lab.execution import progress
    from eigenprune.lab.records.recorded import folder_of
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
            f"{empty[0]}: none of its runs, as params.yaml defines them, is recorded in "
            "results/paper; `eigenprune run` computes them, `eigenprune record` records them"
        )
    recorded = [study for study in chosen if samples[study.name]]
    if not recorded:
        raise UserError("nothing is recorded in results/paper, so nothing can be compared")
    for study in recorded:
        datasets.require_files(study.dataset, project.data_dir())
    clock = options.seconds_left(max_seconds)
    holds = True
    for number, study in enumerate(recorded):
        left = clock()
        if left is not None and left <= 0:
            rest = ", ".join(each.name for each in recorded[number:])
            typer.echo(f"The time is up: {rest} left; the same command resumes from there.")
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
            said = sentence(found, spot_checks.networks(folder_of(study)))
            holds &= not {"other", "far"} & set(verdicts(found))
        missing = len(sample) - len(found)
        more = f"; {missing} are left, and the same command resumes from there" if missing else ""
        typer.echo(f"{study.name}: {said}{more}")
    if not holds:
        raise typer.Exit(1)
