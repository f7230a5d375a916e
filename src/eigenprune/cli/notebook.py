"""`eigenprune notebook`: execute notebooks as the pipeline does."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eigenprune.cli.common import project_params, require_environment, resumable
from eigenprune.lab import project
from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import require_methods_for_notebooks

if TYPE_CHECKING:
    from eigenprune.report.notebooks.at_once import Notebook

EXAMPLES = """Examples:

    eigenprune notebook compare --study digits-1x100

    eigenprune notebook one-hidden-layer

    eigenprune notebook arena which-score compression"""


def notebook(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Notebooks in `notebooks/`, without `.ipynb`. If you name several, none may need "
            "the results of another.",
        ),
    ],
    study: Annotated[
        str | None, typer.Option(help="A name from params.yaml, for notebooks about one study.")
    ] = None,
) -> None:
    """Execute notebooks as the stages of `dvc.yaml` do.

    The executed notebooks and their tables go to results/own/STUDY/, or without a study to
    results/chapters/. What the pipeline makes goes where the pipeline expects it: its own notebooks
    about a quick study to results/quick/STUDY/, experiments to results/experiments/STUDY/. Several
    notebooks run at once, as many as there are cores or as EIGENPRUNE_WORKERS says.
    """
    require_environment()
    wanted = [_wanted(name, study) for name in dict.fromkeys(names)]
    with resumable():
        if len(wanted) > 1:
            from eigenprune.report.notebooks.at_once import run_at_once

            run_at_once(wanted)
        else:
            from eigenprune.report.notebooks.runner import run_notebook

            run_notebook(*wanted[0])


def _wanted(name: str, study: str | None) -> "Notebook":
    """Return what to execute and where it goes, after checking everything that can be wrong."""
    from eigenprune.lab import datasets
    from eigenprune.report.book.contents import CHAPTERS
    from eigenprune.report.notebooks.stages import require_watched, written_by

    root, params = project.root(), project_params()
    output, parameters = root / "results" / "chapters", {}
    writes: tuple[Path, ...] = ()
    if study is not None:
        chosen = params.study(study)
        if name in CHAPTERS:
            require_methods_for_notebooks(chosen)
        if name in params.experiments:
            require_watched(root, name, params)
        datasets.require_readable(chosen.dataset, project.data_dir())
        # Where the notebooks write their tables: only chapters make what the pipeline compares.
        output = (
            project.results_dir(study, params.quick)
            if name in CHAPTERS
            else project.results_dir(study, (), params.experiments)
        )
        parameters, writes = {"study": study}, written_by(root, name, output)
    from eigenprune.report.notebooks.at_once import Notebook
    from eigenprune.report.notebooks.runner import check_parameters, declared_parameters

    source = root / "notebooks" / f"{name}.ipynb"
    if study is None and "study" in declared_parameters(source):
        raise UserError(f"{name}: --study is missing; allowed: {', '.join(params.studies)}")
    check_parameters(source, parameters)
    return Notebook(source, output / f"{name}.ipynb", parameters, writes)
