"""Scores and regularisers of the reader's own: their code is part of the ids of their runs.

An author changes a score and looks again. If runs were known by the score's name alone, the store
would return the old numbers. Scores and regularisers that came with the package are known by name
alone, even if their files change: recorded runs keep their ids, and the versions in `runs` stand
for the code.
"""

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from eigenprune.lab.errors import Failure, UserError
from eigenprune.lab.fingerprint import fingerprint, short_hash
from eigenprune.lab.score_names import score_names

_PACKAGE = Path(__file__).parents[1]

# By the field of a run that names one. A name that is missing here is the reader's own. The lists
# are not read from the source as in `score_names`, since readers add their own there: the ids of
# recorded runs depend on the lists here.
CAME_WITH_IT = {
    "score": (
        "activation_entropy",
        "connectivity",
        "eigenvalue",
        "eigenvalue_times_eigenvector",
        "eigenvector_norm",
        "grasp",
        "iterative_synflow",
        "mean_activation",
        "optimal_brain_damage",
        "random",
        "snip",
        "taylor",
        "weight_norm",
        "weight_norm_in_out",
    ),
    "regulariser": (
        "autoencoder",
        "averaged_gradient_pruning",
        "averaged_random_pruning",
        "averaged_shuffled_pruning",
        "averaged_taylor_pruning",
        "averaging",
        "dropout",
        "eigenvalue_l1",
        "eigenvalue_l1_eigenvector_l2",
        "eigenvalue_l2",
        "eigenvalue_l2_eigenvector_l2",
        "eigenvalue_pruning",
        "eigenvector_l1",
        "eigenvector_l2",
        "flow_angle",
        "flow_curvature",
        "flow_length",
        "gate_l1",
        "gradient_pruning",
        "group_lasso",
        "group_lasso_in_loss",
        "hard_concrete",
        "hard_threshold",
        "l1",
        "l2",
        "norm_pruning",
        "random_pruning",
        "taylor_pruning",
    ),
}


@cache  # an id is needed thousands of times, and a process has loaded one state of the code
def own_code(field: str, name: str) -> str:
    """A fingerprint of the files that a score or regulariser of the reader's own may use.

    It covers more than the function or class itself, which may call others: for a score its module,
    for a regulariser all of `eigenprune.regularisers`.

    Args:
        field: `score` or `regulariser`.
        name: as in `params.yaml`; may be empty.

    Returns:
        Hexadecimal digits; an empty string for a name that came with the package.

    Example:
        >>> own_code("score", "taylor"), len(own_code("score", "a_new_one"))
        ('', 12)
    """
    files = _own_files(field, name)
    if not files:
        return ""
    return short_hash(fingerprint(file.read_text(encoding="utf-8")) for file in files)


@contextmanager
def told_where(used: Iterable[tuple[str, str]]) -> Iterator[None]:
    """Tell what code of the reader's own raises in one sentence, above the lines that led there.

    Args:
        used: field and name of each score and regulariser that is used, as `own_code` takes them.

    Raises:
        UserError: instead of what a score or regulariser of the reader's own raised. What the
            package itself raised stays as it is.
    """
    try:
        yield
    except (Failure, UserError):
        raise
    except Exception as error:
        said = "".join(traceback.format_exception_only(error)).strip()
        calls = traceback.extract_tb(error.__traceback__)
        for field, name in used:
            files = _own_files(field, name)
            if files and said.startswith(f"TypeError: {_called(field, name)}"):
                raise UserError(f"{field} {name!r}: {said}") from error
            own = [call for call in calls if Path(call.filename) in files]
            if own:
                where = f"{_short(own[-1].filename)}, line {own[-1].lineno}"
                lines = "".join(traceback.format_list(own)).rstrip()
                raise UserError(f"{field} {name!r}: {where}: {said}\n{lines}") from error
        raise


def _called(field: str, name: str) -> str:
    """What Python calls a score, or a method of a regulariser, that is given too much or little."""
    if field == "score":
        return f"{name}()"
    from eigenprune.regularisers import REGULARISERS

    return f"{REGULARISERS[name].__qualname__}."


def _short(file: str) -> Path:
    path = Path(file)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _own_files(field: str, name: str) -> list[Path]:
    """The files that a score or regulariser of the reader's own may use, see `own_code`."""
    if not name or name in CAME_WITH_IT[field]:
        return []
    if field == "regulariser":
        return sorted((_PACKAGE / "regularisers").glob("*.py"))
    module = "importance" if name in score_names("importance") else "saliency"
    return [_PACKAGE / f"{module}.py"]
