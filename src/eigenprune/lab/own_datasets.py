"""Datasets of the reader's own, by name under `datasets:` in `params.yaml`.

    wine: {csv: my/wine.csv, target: quality}
    shapes: {images: my/shapes}

A CSV file has a header, one column that names the class (`target`), and numbers in all others,
separated by commas, semicolons or tabs. A folder of images has one folder per class, which holds
its images and no further folders; all images have one size. If all are grey they stay grey, else
all become RGB. Paths are relative to the project. `test`, a second file or folder of the same form,
is the test part.

- Classes are numbered in the order of their names, sorted as text.
- If there is no test part, a fifth of each class, rounded down, is drawn for it with a fixed seed:
  the same rows in every study.
- The rows of the training part are shuffled with a fixed seed: files are often sorted by class, and
  scores that look only at the first rows would see only one class.
- Inputs become numbers from 0 to 1. In a table the smallest and largest number of each column of
  the training part become 0 and 1, a constant column becomes 0, and values of the test part outside
  the range are clipped to it. In images 0 is black and 1 is 255.
- SHA-256 of the bytes, the target and the version of these rules enter the id of every run: a
  changed file is another dataset.
  A process keeps to the bytes that it saw first; if they change afterwards, the dataset is refused.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenprune.lab.csv_table import read_table
from eigenprune.lab.errors import UserError
from eigenprune.lab.params_file import of_project_params, require_keys, require_name
from eigenprune.lab.standard_datasets import STANDARD_NAMES

if TYPE_CHECKING:
    from torch import Tensor

    # Inputs (rows, features), the class of each row, and the form in words: columns, or pixels.
    Labelled = tuple[Tensor, list[str], str]

RULES = 2  # raise this when the same bytes give other numbers: see the top of this file
SPLIT_SEED = 0
TEST_SHARE = 5  # one example in this many


@dataclass(frozen=True)
class OwnDataset:
    """One entry under `datasets:`.

    Args:
        name: the name that studies use for it.
        folder: of the project.
        path: of the CSV file or the folder of images, relative to `folder`.
        test: the same for the test part, if there is one.
        target: the column that names the class; None for images.
    """

    name: str
    folder: Path
    path: str
    test: str | None = None
    target: str | None = None

    @property
    def paths(self) -> list[str]:
        """Paths of the training part and, if there is one, the test part, as in `params.yaml`."""
        return [self.path, *([self.test] if self.test else [])]

    def checksum(self) -> str:
        """SHA-256 of the bytes and of how they are read, as this process first saw them."""
        return _first_seen(self)

    def shape(self) -> tuple[int, int, int]:
        """Training examples, inputs and classes; this reads the data."""
        inputs, targets, _, _ = _read(self)
        return len(inputs), inputs.shape[1], int(targets.max()) + 1

    def require_files(self, data_dir: Path) -> None:
        """Raise UserError if a file is missing or has changed."""
        if _sha256(self) != self.checksum():
            raise UserError(
                f"dataset {self.name!r}: {' or '.join(self.paths)} has changed since this process "
                "read it; start it again (in a notebook, restart the kernel)"
            )

    def load(self, data_dir: Path) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        """Inputs and targets of training, inputs and targets of test."""
        return _read(self)


def of_project() -> dict[str, OwnDataset]:
    """The datasets that the project's `params.yaml` names; none outside a project."""
    return of_project_params(_named_in)


def _named_in(document: Mapping[str, Any], path: Path) -> dict[str, OwnDataset]:
    return named(document.get("datasets", {}), path)


def named(entries: object, params: Path) -> dict[str, OwnDataset]:
    """The datasets under `datasets:`, checked as far as possible without looking at any file.

    Args:
        entries: the mapping as parsed from YAML.
        params: the path of `params.yaml`.

    Raises:
        UserError: at the first thing that is wrong.
    """
    where = f"{params.name}: datasets"
    if not isinstance(entries, dict):
        raise UserError(f"{where}: {entries!r} must map names to datasets")
    return {
        require_name(name, f"{where}.{name}"): _one(entry, str(name), params, f"{where}.{name}")
        for name, entry in entries.items()
    }


def _one(entry: object, name: str, params: Path, where: str) -> OwnDataset:
    if name in STANDARD_NAMES:
        raise UserError(f"{where}: this name is taken by a standard dataset; choose another")
    entry = require_keys(entry, where, {"csv", "images", "target", "test"})
    is_table = "csv" in entry
    if is_table == ("images" in entry) or is_table != ("target" in entry):
        raise UserError(
            f"{where}: {entry!r} is not allowed; allowed: {{csv: FILE, target: COLUMN}} or "
            "{images: FOLDER}, and `test` with the FILE or FOLDER of a test part"
        )
    for key in entry.keys() - {"target"}:
        if not isinstance(entry[key], str) or Path(entry[key]).is_absolute() or not entry[key]:
            raise UserError(
                f"{where}.{key}: {entry[key]!r} is not allowed; allowed: a path that begins at the "
                "project's folder"
            )
    target = entry.get("target")
    if is_table and (not isinstance(target, str) or not target):
        raise UserError(
            f"{where}.target: {target!r} is not allowed; allowed: the name of a column, in quotes "
            'if YAML takes it for something else, such as "1" or "yes"'
        )
    return OwnDataset(
        name,
        params.parent.absolute(),
        path=entry["csv"] if is_table else entry["images"],
        test=entry.get("test"),
        target=target,
    )


@cache
def _first_seen(dataset: OwnDataset) -> str:
    return _sha256(dataset)


def _sha256(dataset: OwnDataset) -> str:
    """SHA-256 of the table of all files; the location of the two parts does not matter."""
    lines = [f"rules {RULES}"]
    lines.append(f"target {dataset.target}" if dataset.target is not None else "images")
    for part, path in zip(("train", "test"), dataset.paths, strict=False):
        start = dataset.folder / path
        for file in _files(dataset, path):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            lines.append(f"{digest}  {part}/{file.relative_to(start).as_posix()}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _files(dataset: OwnDataset, path: str) -> list[Path]:
    """The file, or all files of the folder that are not hidden, in a fixed order."""
    start = dataset.folder / path
    is_there = start.is_dir() if dataset.target is None else start.is_file()
    if not is_there:
        kind = "folder" if dataset.target is None else "file"
        raise UserError(
            f"dataset {dataset.name!r}: {path} is missing, or no {kind}; paths under `datasets:` "
            "of params.yaml begin at the project's folder"
        )
    if start.is_file():
        return [start]
    found = sorted(_visible(start))
    for each in found:
        if not each.is_file():  # a link; without this the examples behind it would just be missing
            what = "a folder; only links to files are followed" if each.is_dir() else "nothing"
            shown = f"{path}/{each.relative_to(start).as_posix()}"
            raise UserError(f"dataset {dataset.name!r}: {shown} is a link to {what}")
    return found


def _visible(folder: Path) -> Iterator[Path]:
    """Files and links in a folder, at any depth."""
    for path in folder.rglob("*"):
        if (path.is_file() or path.is_symlink()) and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        ):
            yield path


@cache
def _read(dataset: OwnDataset) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
    import torch

    from eigenprune import seeds

    parts = [_labelled(dataset, path) for path in dataset.paths]
    dataset.require_files(Path())  # so that what was read are the bytes of the checksum
    names, form = parts[0][1:]
    if parts[-1][2] != form:
        raise UserError(f"{dataset.test}: has {parts[-1][2]}, and {dataset.path} has {form}")
    classes = sorted(set(names))
    if len(classes) < 2:
        raise UserError(f"{dataset.path}: all examples are of the class {classes[0]!r}; two needed")
    if unknown := sorted(set(parts[-1][1]) - set(classes)):
        raise UserError(f"{dataset.test}: the class {unknown[0]!r} is not one of {dataset.path}")
    numbers = {name: number for number, name in enumerate(classes)}
    tensors = [
        (inputs, torch.tensor([numbers[name] for name in names], dtype=torch.int64))
        for inputs, names, _ in parts
    ]
    if len(tensors) == 1:
        [(inputs, targets)] = tensors
        is_test = _drawn_for_test(targets)
        if not is_test.any():
            raise UserError(
                f"{dataset.path}: no class has {TEST_SHARE} examples, of which one could be drawn "
                "for the test part; name a test part of its own under `test`"
            )
        tensors = [(inputs[kept], targets[kept]) for kept in (~is_test, is_test)]
    (train_inputs, train_targets), (test_inputs, test_targets) = tensors
    order = torch.randperm(
        len(train_targets), generator=seeds.generator(SPLIT_SEED, "order of the rows")
    )
    train_inputs, train_targets = train_inputs[order], train_targets[order]
    low: Tensor | float = 0.0
    high: Tensor | float = 255.0
    if dataset.target is not None:
        low, high = train_inputs.amin(dim=0), train_inputs.amax(dim=0)
    return (
        _scaled(train_inputs, low, high),
        train_targets,
        _scaled(test_inputs, low, high),
        test_targets,
    )


def _labelled(dataset: OwnDataset, path: str) -> "Labelled":
    """One part of a dataset."""
    import torch

    if dataset.target is None:
        from eigenprune.lab.images import read_images

        folder = dataset.folder / path
        return read_images(folder, _files(dataset, path), path)
    [file] = _files(dataset, path)
    table = read_table(file.read_bytes(), dataset.target, path)
    form = f"the columns {', '.join(table.columns)}"
    return torch.tensor(table.rows, dtype=torch.float64), table.classes, form


def _drawn_for_test(targets: "Tensor") -> "Tensor":
    """True for a fifth of each class, rounded down, drawn with a fixed seed."""
    import torch

    from eigenprune import seeds

    generator = seeds.generator(SPLIT_SEED, "split")
    is_test = torch.zeros(len(targets), dtype=torch.bool)
    for number in range(int(targets.max()) + 1):
        rows = (targets == number).nonzero().flatten()
        drawn = torch.randperm(len(rows), generator=generator)[: len(rows) // TEST_SHARE]
        is_test[rows[drawn]] = True
    return is_test


def _scaled(inputs: "Tensor", low: "Tensor | float", high: "Tensor | float") -> "Tensor":
    """Scale from `low`..`high` to 0..1; where both are equal, 0."""
    import torch

    inputs = inputs.double()
    span = torch.as_tensor(high, dtype=torch.float64) - low
    scaled = (inputs - low) / torch.where(span > 0, span, 1.0)
    return torch.where(span > 0, scaled, 0.0).clamp(0, 1).float()
