"""What the stages of `dvc.yaml` say about notebooks: what they depend on, and what they write."""

from pathlib import Path, PurePosixPath
from typing import Any

from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import Params


def read(path: Path) -> str:
    """The text of a file of the project.

    Raises:
        UserError: if it is missing.
    """
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        raise UserError(f"{path} is missing: it is part of the project") from None


def stages(path: Path) -> dict[str, Any]:
    """The stages of `dvc.yaml` or `dvc.lock`, by name.

    Raises:
        UserError: if it is missing, not valid YAML, or has no stages; or one is no mapping.
    """
    import yaml

    try:
        document = yaml.safe_load(read(path))
    except yaml.YAMLError as error:
        text = " ".join(str(error).split())
        raise UserError(f"{path.name}: not valid YAML: {text}") from error
    found = document.get("stages") if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise UserError(f"{path.name}: has no stages")
    for name, stage in found.items():
        if not isinstance(stage, dict):
            raise UserError(f"{path.name}: stages.{name}: {stage!r} must map keys to values")
    return found


def require_watched(root: Path, name: str, params: Params) -> None:
    """Refuse an experiment whose stage would not see when data of the reader's own change.

    Both count: the files that its study reads, and what `params.yaml` says on how to read them.

    Raises:
        UserError: if there is no stage of that name, or it lacks one of these.
    """
    stage = stages(root / "dvc.yaml").get(name)
    if stage is None:
        raise UserError(f"dvc.yaml: has no stage {name} for the experiment {name} of params.yaml")
    own = params.datasets.get(params.studies[name].dataset)
    if own is None:
        return
    deps = stage.get("deps") or []
    lacking = [f"stages.{name}.deps lacks {path}" for path in own.paths if path not in deps]
    if not {"datasets", f"datasets.{own.name}"} & _params(stage):
        lacking.append(f"stages.{name}.params lacks datasets.{own.name}")
    if lacking:
        raise UserError(
            f"dvc.yaml: {' and '.join(lacking)}, which the study reads: add it, or DVC would not "
            "see when it changes"
        )


def written_by(root: Path, name: str, folder: Path) -> tuple[Path, ...]:
    """The outputs that the stage of a notebook about one study declares.

    Args:
        root: the project.
        name: of the notebook.
        folder: where the executed notebook goes, which depends on the study; its other outputs go
            there too.

    Raises:
        UserError: if `dvc.yaml` cannot be read.
    """
    path = root / "dvc.yaml"
    for stage in stages(path).values() if path.exists() else ():
        if not str(stage.get("cmd")).startswith(f"eigenprune notebook {name} --study "):
            continue
        declared = [
            PurePosixPath(_key(out))
            for kind in ("outs", "metrics", "plots")
            for out in stage.get(kind) or ()
        ]
        homes = [out.parent for out in declared if out.name == f"{name}.ipynb"]
        return tuple(
            folder / out.relative_to(home)
            for home in homes
            for out in declared
            if out.is_relative_to(home)
        )
    return ()


def _params(stage: dict[str, Any]) -> set[str]:
    """The keys of `params.yaml` that a stage depends on; DVC lets them be listed below the file."""
    listed: set[str] = set()
    for each in stage.get("params") or []:
        listed |= {each} if isinstance(each, str) else {*(each.get("params.yaml") or [])}
    return listed


def _key(entry: str | dict[str, Any]) -> str:
    """The path of an output, which may have options."""
    return entry if isinstance(entry, str) else next(iter(entry))
