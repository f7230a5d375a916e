"""Experiments of the reader's own: a notebook, a study, a stage and a page, made and removed.

`new_experiment` makes the notebook NAME, a copy of the template. It adds the study NAME to
`params.yaml`, and its name under `experiments`, where the book finds it. It adds the stage NAME to
`dvc.yaml`, and its results to what the book depends on. Everything is prepared and checked before
the first file is written.
"""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from eigenprune.files import write_all
from eigenprune.lab import datasets, project
from eigenprune.lab.errors import UserError
from eigenprune.lab.params_file import parse_params, read_params, require_name
from eigenprune.lab.studies import check_params, load_params
from eigenprune.report.notebooks import experiment_parts as parts
from eigenprune.report.notebooks import yaml_text
from eigenprune.report.notebooks.stages import read, stages


@dataclass(frozen=True)
class _Files:
    """Where the parts of an experiment are, and how the book depends on them."""

    root: Path
    name: str

    @property
    def notebook(self) -> Path:
        return self.root / "notebooks" / f"{self.name}.ipynb"

    @property
    def template(self) -> Path:
        return self.root / "notebooks" / "template.ipynb"

    @property
    def params(self) -> Path:
        return self.root / "params.yaml"

    @property
    def pipeline(self) -> Path:
        return self.root / "dvc.yaml"

    @property
    def lock(self) -> Path:
        return self.root / "dvc.lock"

    @property
    def results(self) -> Path:
        return self.root / "results" / "experiments" / self.name

    @property
    def dep(self) -> str:
        """The dependency of the book on the results."""
        return f"results/experiments/{self.name}"


def new_experiment(root: Path, name: str, dataset: str = "digits") -> list[Path]:
    """Create an experiment.

    Args:
        root: the project.
        name: of notebook, study, stage and page: a-z, 0-9 and single hyphens, a letter first.
        dataset: what its study trains on, a standard one or one of the reader's own.

    Returns:
        The files that were made or changed.

    Raises:
        UserError: if the name is not allowed or exists, the dataset is not known, a dataset of the
            reader's own cannot be read, or a file is not as it must be; then nothing is changed.
    """
    import yaml

    require_name(name, f"NAME: {name!r}")
    if not name[0].isalpha() or yaml.safe_load(name) != name:
        raise UserError(
            f"NAME: {name!r}: is a number or a value in YAML, and no name; begin it with another "
            "letter"
        )
    files = _Files(root, name)
    params, pipeline = load_params(files.params), stages(files.pipeline)
    taken = {
        f"params.yaml has a study {name}": name in params.studies,
        f"params.yaml has trials {name}": name in params.trials,
        f"dvc.yaml has a stage {name}": name in pipeline,
        f"notebooks/{name}.ipynb exists": files.notebook.exists(),
        f"{files.dep} exists": files.results.exists(),
    }
    if reasons := [reason for reason, is_so in taken.items() if is_so]:
        raise UserError(f"NAME: {name!r} is taken: {', '.join(reasons)}")
    datasets.find(dataset)
    if dataset in params.datasets:  # the files of a standard one may be fetched later
        datasets.load(dataset, project.data_dir())
    study = parts.study(name, dataset)
    stage = parts.stage(name, dataset, params.datasets.get(dataset))
    contents: dict[Path, bytes | None] = {
        files.notebook: parts.notebook(files.template, name),
        files.pipeline: _edited(
            files.pipeline,
            partial(yaml_text.insert_before, keys=("stages", "book"), entry=stage),
            partial(yaml_text.append_item, keys=("stages", "book", "deps"), item=files.dep),
        ),
        files.params: _edited(
            files.params,
            partial(yaml_text.append_entry, keys=("studies",), entry=study),
            partial(yaml_text.append_item, keys=("experiments",), item=name),
        ),
    }
    _check(files, contents, is_there=True)
    write_all(contents)
    return list(contents)


def remove_experiment(root: Path, name: str, *, force: bool = False) -> list[Path]:
    """Remove an experiment: notebook, study, stage, page and results.

    Args:
        root: the project.
        name: of the experiment.
        force: remove even what has been changed since it was made.

    Returns:
        The files and folders that were removed or changed.

    Raises:
        UserError: if there is no such experiment, or a part of it has been changed and `force` is
            not given; then nothing is removed.
    """
    files = _Files(root, name)
    params, pipeline = load_params(files.params), stages(files.pipeline)
    if name not in params.experiments and parts.command(name) != pipeline.get(name, {}).get("cmd"):
        known = ", ".join(params.experiments) or "none"
        raise UserError(f"NAME: {name!r} is not an experiment of params.yaml; there are: {known}")
    import yaml

    dataset = parts.made_on(read(files.params), name)
    study = parts.study(name, dataset)
    stage = parts.stage(name, dataset, params.datasets.get(dataset))
    studies = read_params(files.params)["studies"]
    # Values are compared, not text: the text as made may be only a part of a longer entry.
    own_study = name in studies and studies[name] != yaml.safe_load(study)[name]
    own_stage = name in pipeline and pipeline[name] != yaml.safe_load(stage)[name]
    changed = {
        f"notebooks/{name}.ipynb": files.notebook.exists()
        and files.notebook.read_bytes() != parts.notebook(files.template, name),
        f"studies.{name} in params.yaml": own_study,
        f"stages.{name} in dvc.yaml": own_stage,
    }
    if not force and (named := [part for part, is_so in changed.items() if is_so]):
        raise UserError(
            f"{name}: {', '.join(named)} changed since it was made, so nothing was removed; keep "
            "what you want to keep, then `--remove --force` removes all of it"
        )
    contents: dict[Path, bytes | None] = {
        files.params: _edited(
            files.params,
            partial(yaml_text.remove_item, keys=("experiments",), item=name),
            partial(_cut, keys=("studies", name), entry="" if own_study else study),
        ),
        files.pipeline: _edited(
            files.pipeline,
            partial(yaml_text.remove_item, keys=("stages", "book", "deps"), item=files.dep),
            partial(_cut, keys=("stages", name), entry="" if own_stage else stage),
        ),
    }
    if files.lock.exists() and name in stages(files.lock):
        contents[files.lock] = _edited(
            files.lock, partial(yaml_text.remove_entry, keys=("stages", name))
        )
    if files.notebook.exists():
        contents[files.notebook] = None
    _check(files, contents, is_there=False)
    write_all(contents)
    removed = list(contents)
    if files.results.exists():
        shutil.rmtree(files.results)
        with suppress(OSError):  # the folder may hold other experiments
            files.results.parent.rmdir()
        removed.append(files.results)
    return removed


def _edited(path: Path, *edits: Callable[[str], str]) -> bytes:
    text = read(path)
    try:
        for edit in edits:
            text = edit(text)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from error
    return text.encode()


def _cut(text: str, keys: tuple[str, ...], entry: str) -> str:
    """Take out the entry as it was written, or else the entry that is there now, if any."""
    import yaml

    if entry and entry in text:
        return text.replace(entry, "", 1)
    section, name = keys
    is_there = name in (yaml.safe_load(text).get(section) or {})
    return yaml_text.remove_entry(text, keys) if is_there else text


def _check(files: _Files, contents: Mapping[Path, bytes | None], *, is_there: bool) -> None:
    """Read what is to be written, and refuse it if it changes anything but what was meant."""
    import yaml

    name = files.name
    new, old = ((contents[files.params] or b"").decode(), read_params(files.params))
    params = parse_params(new, files.params)
    check_params(params, files.params)
    wanted = {**old, "studies": dict(old["studies"]), "experiments": list(old["experiments"])}
    pipeline = dict(stages(files.pipeline))
    book = dict(pipeline["book"])
    if is_there:
        wanted["studies"][name] = params["studies"].get(name)
        wanted["experiments"].append(name)
        book["deps"] = [*book["deps"], files.dep]
    else:
        wanted["studies"].pop(name, None)
        wanted["experiments"] = [each for each in wanted["experiments"] if each != name]
        book["deps"] = [dep for dep in book["deps"] if dep != files.dep]
        pipeline.pop(name, None)
    found = yaml.safe_load((contents[files.pipeline] or b"").decode())["stages"]
    if is_there:
        pipeline[name] = found.get(name)
    if params != wanted or found != {**pipeline, "book": book}:
        raise UserError(
            "params.yaml or dvc.yaml is written in a way that cannot be edited here; nothing was "
            f"changed: {'add' if is_there else 'remove'} {name} by hand"
        )
