"""`eigenprune new-experiment`: a notebook, a study, a stage and a page of one's own."""

from typing import Annotated

import typer

from eigenprune.lab import project
from eigenprune.lab.errors import UserError

EXAMPLES = """Examples:

    eigenprune new-experiment my-idea

    eigenprune new-experiment my-wine --dataset wine

    eigenprune new-experiment my-idea --remove"""


def new_experiment(
    name: Annotated[str, typer.Argument(help="Of all its parts: a-z, 0-9, single hyphens.")],
    dataset: Annotated[
        str | None,
        typer.Option(help="What it trains on; `digits` if not given. Your own too, by its name."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take an experiment back.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --remove: even what you have changed in it.")
    ] = False,
) -> None:
    """Begin an experiment: notebook, study in params.yaml, stage in dvc.yaml, page of the book.

    `dvc repro` runs it, and the book shows it. `--remove` takes all of it back, its results too.
    """
    if force and not remove:
        raise UserError("--force: goes with --remove alone")
    if dataset is not None and remove:
        raise UserError("--dataset: does not go with --remove")
    from eigenprune.report.notebooks import experiments

    root = project.root()
    if remove:
        for path in experiments.remove_experiment(root, name, force=force):
            how = "changed" if path.exists() else "removed"
            typer.echo(f"{how}  {path.relative_to(root)}")
        return
    for path in experiments.new_experiment(root, name, dataset or "digits"):
        typer.echo(f"{path.relative_to(root)}")
    typer.echo(f"`dvc repro {name}` runs it, `dvc repro` makes its page in the book as well.")
