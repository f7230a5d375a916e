"""`eigenprune new-experiment`: a notebook, a study, a stage and a page for your own idea."""

from typing import Annotated

import typer

from eigenprune.lab import project
from eigenprune.lab.errors import UserError

EXAMPLES = """Examples:

    eigenprune new-experiment my-idea

    eigenprune new-experiment my-wine --dataset wine

    eigenprune new-experiment my-idea --remove"""


def new_experiment(
    name: Annotated[str, typer.Argument(help="Name of all its parts: a-z, 0-9, single hyphens.")],
    dataset: Annotated[
        str | None,
        typer.Option(help="Name of a dataset, which may be your own; `digits` if not given."),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove an experiment.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --remove: remove even what you have changed.")
    ] = False,
) -> None:
    """Start an experiment: notebook, study in params.yaml, stage in dvc.yaml, page of the book.

    `dvc repro` runs it, and the book shows it. `--remove` removes all of it, including its results.
    """
    if force and not remove:
        raise UserError("--force: allowed only with --remove")
    if dataset is not None and remove:
        raise UserError("--dataset: not allowed with --remove")
    from eigenprune.report.notebooks import experiments

    root = project.root()
    if remove:
        for path in experiments.remove_experiment(root, name, force=force):
            how = "changed" if path.exists() else "removed"
            typer.echo(f"{how}  {path.relative_to(root)}")
        return
    for path in experiments.new_experiment(root, name, dataset or "digits"):
        typer.echo(f"{path.relative_to(root)}")
    typer.echo(f"`dvc repro {name}` runs it; `dvc repro` also makes its page in the book.")
