"""Where the project's files are, found from any folder inside it."""

import os
from collections.abc import Collection
from pathlib import Path

from eigenprune.files import nearest_there
from eigenprune.lab.errors import UserError


def root() -> Path:
    """The nearest folder that holds `params.yaml`, from the current one upwards.

    A notebook opened in `notebooks/` thus finds the same files as a command at the top.

    Raises:
        UserError: if there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return folder
    raise UserError(f"no params.yaml in {here} or above it: run this inside the project's folder")


def data_dir() -> Path:
    """`data/` of the project, or the folder named by EIGENPRUNE_DATA.

    Raises:
        UserError: if the variable's value is not a folder and cannot become one.
    """
    return _named_by("EIGENPRUNE_DATA") or root() / "data"


def store_dir() -> Path:
    """`.eigenprune/runs` of the project, or the folder named by EIGENPRUNE_STORE.

    Raises:
        UserError: if the variable's value is not a folder and cannot become one.
    """
    return _named_by("EIGENPRUNE_STORE") or root() / ".eigenprune" / "runs"


def _named_by(variable: str) -> Path | None:
    """The folder that an environment variable names, existing or not; None if it is not set."""
    if not (named := os.environ.get(variable)):
        return None
    path = Path(named).absolute()
    there = nearest_there(path)  # a folder that does not exist yet can be made inside a folder
    if not there.is_dir():
        raise UserError(f"{variable}={named!r}: {there} is not a folder")
    return path


def results_dir(study: str, quick: Collection[str], experiments: Collection[str] = ()) -> Path:
    """Where the notebooks of a study write their tables and figures.

    `results/quick/STUDY` and `results/experiments/STUDY` for the studies of the pipeline;
    `results/own/STUDY` for any other, so that trying one out leaves DVC's files alone.
    """
    folder = "quick" if study in quick else "experiments" if study in experiments else "own"
    return root() / "results" / folder / study
