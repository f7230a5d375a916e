"""`eigenprune notebook`: one notebook, executed the way the pipeline does it."""

from typing import Annotated

import typer

from eigenprune.cli.common import project_params, resumable
from eigenprune.lab import project

EXAMPLES = """Example:

    eigenprune notebook compare --study digits-1x100"""


def notebook(
    name: Annotated[str, typer.Argument(help="A notebook of `notebooks/`, without `.ipynb`.")],
    study: Annotated[str, typer.Option(help="A name from params.yaml.")],
) -> None:
    """Execute a notebook for a study, the way the stages of `dvc.yaml` do.

    The executed notebook and its tables go to results/quick/STUDY/, or to results/own/STUDY/ for
    a study that is not in `quick` of params.yaml.
    """
    from eigenprune.lab import datasets

    params = project_params()
    chosen = params.study(study)
    datasets.require_files(chosen.dataset, project.data_dir())
    from eigenprune.report.notebooks import run_notebook

    root = project.root()
    with resumable():
        run_notebook(
            root / "notebooks" / f"{name}.ipynb",
            project.results_dir(study, params.quick) / f"{name}.ipynb",
            {"study": study},
        )
