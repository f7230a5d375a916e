"""`eigenprune notebook`: one notebook, executed the way the pipeline does it."""

from typing import Annotated

import typer

from eigenprune.cli.common import project_params, resumable
from eigenprune.lab import project
from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import require_methods_for_notebooks

EXAMPLES = """Examples:

    eigenprune notebook compare --study digits-1x100

    eigenprune notebook one-hidden-layer"""


def notebook(
    name: Annotated[str, typer.Argument(help="A notebook of `notebooks/`, without `.ipynb`.")],
    study: Annotated[
        str | None, typer.Option(help="A name from params.yaml, for notebooks about one study.")
    ] = None,
) -> None:
    """Execute a notebook, the way the stages of `dvc.yaml` do.

    The executed notebook and its tables go to results/quick/STUDY/ or results/experiments/STUDY/,
    or to results/own/STUDY/ for a study in neither list of params.yaml; without a study, to
    results/chapters/.
    """
    from eigenprune.lab import datasets
    from eigenprune.report.book.build import CHAPTERS
    from eigenprune.report.notebooks.experiments import require_watched

    root, params = project.root(), project_params()
    output, parameters = root / "results" / "chapters", {}
    if study is not None:
        chosen = params.study(study)
        if name in CHAPTERS:
            require_methods_for_notebooks(chosen)
        if name in params.experiments:
            require_watched(root, name, params)
        datasets.require_files(chosen.dataset, project.data_dir())
        output = project.results_dir(study, params.quick, params.experiments)
        parameters = {"study": study}
    from eigenprune.report.notebooks.runner import declared_parameters, run_notebook

    source = root / "notebooks" / f"{name}.ipynb"
    if study is None and "study" in declared_parameters(source):
        raise UserError(f"{name}: --study is missing; allowed: {', '.join(params.studies)}")
    with resumable():
        run_notebook(source, output / f"{name}.ipynb", parameters)
