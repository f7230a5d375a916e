"""Which code computed a result: fingerprints of the files that decide the numbers of a run.

A commit hash would not do: it changes with every comment, and does not tell whether a run would
give other results.
"""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from tokenize import TokenError

from eigenprune.lab.errors import UserError
from eigenprune.lab.fingerprint import fingerprint, short_hash

_PACKAGE = Path(__file__).parents[2]

# These files of the package, and those below, decide what a run computes; a test makes sure that no
# other file that they import does. Which runs a study has is not decided here: run ids tell that.
ALONE = (
    "adam.py",
    "backward.py",
    "counts.py",
    "denormals.py",
    "divergence.py",
    "fixed_products.py",
    "gradients.py",
    "heap.py",
    "importance.py",
    "lab/datasets.py",
    "lab/fitting.py",
    "lab/protocols.py",
    "lab/standard_datasets.py",
    "layers.py",
    "metrics.py",
    "networks.py",
    "onednn.py",
    "pruning.py",
    "regularisers/base.py",
    "seeds.py",
    "switch.py",
    "training.py",
)
# And these, for methods of the arena; the published methods do without them.
OF_ARENA = (
    "lab/tuning.py",
    "reconstruction.py",
    *sorted(
        f"regularisers/{path.name}"
        for path in (_PACKAGE / "regularisers").glob("*.py")
        if path.name != "base.py"
    ),
    "saliency.py",
    "sanity.py",
    "shrinking.py",
    "synflow.py",
)
# And these, if networks train as a stack, as they do on a GPU.
AS_STACK = (
    "cuda_graphs.py",
    "ensemble.py",
    "lab/execution/one_shape.py",
    "lab/execution/together.py",
)
# And these, for trials, which do more than remove nodes, see `lab.trials`.
OF_TRIALS = (
    *sorted(f"compression/{path.name}" for path in (_PACKAGE / "compression").glob("*.py")),
    "connections.py",
    *sorted(f"growing/{path.name}" for path in (_PACKAGE / "growing").glob("*.py")),
    "lab/modules.py",
    *(f"lab/trials/{name}.py" for name in ("compression", "flow", "growing", "kinds", "modules")),
    "lab/trials/retraining.py",
    "paths.py",
    "residual.py",
)
# What some of these files were called at earlier commits.
MOVED = {
    "lab/one_shape.py": "lab/execution/one_shape.py",
    "lab/together.py": "lab/execution/together.py",
    "regularisers/averaged_taylor_pruning.py": "regularisers/averaged_pruning.py",
}
COMPUTING = (*ALONE, *OF_ARENA, *AS_STACK, *OF_TRIALS)
# What `lab.bench` times.
TIMED = (*ALONE, *AS_STACK, "lab/bench.py", "lab/timing.py")

Fingerprints = dict[str, str]  # by file, as in COMPUTING; a file that is not there has none


def current(files: Sequence[str] = COMPUTING) -> Fingerprints:
    """The fingerprints of the code that runs.

    Args:
        files: those that are asked for.

    Raises:
        UserError: if a file is no Python.
    """
    found = {}
    for file in files:
        if (_PACKAGE / file).is_file():
            try:
                found[file] = fingerprint((_PACKAGE / file).read_text(encoding="utf-8"))
            except (SyntaxError, TokenError) as error:
                raise UserError(f"{_PACKAGE / file} is no Python: {error}") from None
    return found


@cache
def state_now(*, of_trials: bool, of_arena: bool) -> str:
    """One hash of the code that decides the results on the CPU, as this process first saw it.

    Args:
        of_trials: whether the run is a trial.
        of_arena: whether the run belongs to a method of the arena, see OF_ARENA.
    """
    now = current()
    files = _deciding(of_trials=of_trials, of_arena=of_arena)
    return short_hash(f"{file} {now.get(file)}" for file in files)


@cache
def at_commit(commit: str) -> Fingerprints | None:
    """The fingerprints as they were at a commit; None if this repository does not have it.

    Args:
        commit: as `machine.commit` gives it. Uncommitted changes (`+changes`) cannot be looked up,
            so the commit below them counts.
    """
    name = commit.removesuffix("+changes")
    files = (*MOVED, *COMPUTING)
    there, *texts = _objects([f"{name}^{{commit}}", *(f"{name}:./{file}" for file in files)])
    if there is None:
        return None
    return {
        MOVED.get(file, file): fingerprint(text)
        for file, text in zip(files, texts, strict=True)
        if text is not None
    }


def changed(
    before: Mapping[str, str],
    now: Mapping[str, str],
    *,
    device: str = "cpu",
    of_trials: bool = False,
    of_arena: bool = True,
) -> list[str]:
    """The files that differ, as far as a run depends on them.

    A new file is not listed: what it decides now was decided before by an older file alone, and
    that file has changed too.

    Args:
        before: fingerprints of one state of the code.
        now: those of another.
        device: the device that computed the run; only on devices other than `cpu` do networks train
            as a stack.
        of_trials: whether the run was a trial.
        of_arena: whether the run belonged to a method of the arena, see OF_ARENA.

    Example:
        >>> changed({"layers.py": "a", "seeds.py": "b"}, {"layers.py": "c", "seeds.py": "b"})
        ['layers.py']
    """
    files = _deciding(device, of_trials=of_trials, of_arena=of_arena)
    return differing(before, now, files)


def as_called_now(state: Mapping[str, str]) -> Fingerprints:
    """Fingerprints under the names that the files have now, see MOVED."""
    return {MOVED.get(file, file): its for file, its in state.items()}


def differing(before: Mapping[str, str], now: Mapping[str, str], files: Iterable[str]) -> list[str]:
    """Those of some files whose fingerprints are not the same; a file that is new is left out."""
    return [file for file in files if file in before and before[file] != now.get(file)]


def _deciding(device: str = "cpu", *, of_trials: bool, of_arena: bool) -> list[str]:
    """The files that decide the numbers of a run; a trial may use any file of the arena."""
    groups = {OF_ARENA: of_arena or of_trials, AS_STACK: device != "cpu", OF_TRIALS: of_trials}
    return [*ALONE, *(file for files, counts in groups.items() if counts for file in files)]


def _objects(names: Sequence[str]) -> list[str | None]:
    """What Git has under these names, read by one process; None where Git has nothing."""
    command = ["git", "cat-file", "--batch"]
    wanted = "\n".join(names).encode()
    try:
        done = subprocess.run(command, cwd=_PACKAGE, input=wanted, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return [None] * len(names)
    answer, found = BytesIO(done.stdout), list[str | None]()
    for _ in names:
        match answer.readline().split():
            case [_, b"blob" | b"commit", size]:
                found.append(answer.read(int(size)).decode("utf-8", errors="replace"))
                answer.readline()
            case _:
                found.append(None)
    return found
