"""Functions that several commands share."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from eigenprune.lab import project
from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import Params, Study, change_study, load_params
from eigenprune.lab.trials.entries import Trials, change_trials
from eigenprune.lab.values import NETWORKS
from eigenprune.lab.writable import require_room


def project_params() -> Params:
    """The project's `params.yaml`, checked."""
    return load_params(project.root() / "params.yaml")


def changed(study: Study | Trials, **changes: Any) -> Study | Trials:
    """Return the study or trials with the given values replaced; None leaves a value as it is.

    Raises:
        UserError: if a value is not allowed, or trials are to take an option of studies.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    if not isinstance(study, Trials):
        return change_study(study, given)
    for key in given:
        if key not in NETWORKS:
            shared = ", ".join(_option(key) for key in changes if key in NETWORKS)
            raise UserError(
                f"{_option(key)}: not an option for the trials {study.name}, only for studies; "
                f"allowed: {shared}"
            )
    return change_trials(study, given)


def _option(key: str) -> str:
    """What the command line calls a key of `params.yaml`."""
    return {"activations": "--activation", "pruning_ratios": "--ratios"}.get(key, f"--{key}")


def require_environment() -> None:
    """Refuse an invalid EIGENPRUNE_WORKERS before any work starts.

    Raises:
        UserError: if it is not a number of processes.
    """
    from eigenprune.lab.execution.processes import default_workers

    default_workers()


def require_writable(path: Path | None, option: str) -> None:
    """Refuse a file that cannot be written, before hours are spent on computing its content.

    Raises:
        UserError: if its folder can neither be written to nor created.
    """
    if path is None:
        return
    require_room(path.absolute().parent, f"{option}: {path} cannot be written")


@contextmanager
def resumable() -> Iterator[None]:
    """Turn Ctrl-C into a message that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        print(
            "\neigenprune: interrupted; finished runs are kept, the same command resumes from here",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
