"""Datasets as tensors in memory, by name: those of the study, and the reader's own.

A name is looked up among the standard ones first, then under `datasets:` in the project's
`params.yaml`. Every dataset has a checksum of its bytes, and every load compares the bytes with it.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from eigenprune.lab import own_datasets
from eigenprune.lab.errors import UserError, did_you_mean
from eigenprune.lab.standard_datasets import FILES, STANDARD_NAMES, Digits, IdxFiles

if TYPE_CHECKING:
    from torch import Tensor


class Source(Hashable, Protocol):
    """Where a dataset comes from."""

    def checksum(self) -> str:
        """SHA-256 that stands for the bytes."""

    def shape(self) -> tuple[int, int, int]:
        """Training examples, inputs and classes."""

    def require_files(self, data_dir: Path) -> None:
        """Raise UserError if a file is not there."""

    def load(self, data_dir: Path) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        """Inputs and targets of training and of test, read after comparing the bytes."""


STANDARD: dict[str, Source] = {"digits": Digits(), **{name: IdxFiles(name) for name in FILES}}
NAMES = STANDARD_NAMES


@dataclass(frozen=True)
class Dataset:
    """A classification task.

    Inputs are float32 in [0, 1], (rows, features); targets int64, (rows,).
    """

    name: str
    train_inputs: "Tensor"
    train_targets: "Tensor"
    test_inputs: "Tensor"
    test_targets: "Tensor"

    @property
    def features(self) -> int:
        """Number of inputs of a network for this task."""
        return self.train_inputs.shape[1]

    @property
    def classes(self) -> int:
        """Number of outputs of a network for this task."""
        return int(self.train_targets.max()) + 1


def find(name: str) -> Source:
    """The source of the dataset with this name.

    Raises:
        UserError: if no dataset has this name.
    """
    if name in STANDARD:
        return STANDARD[name]
    own = own_datasets.of_project()
    if name not in own:
        known = [*STANDARD, *own]
        hint = did_you_mean(name, known)
        raise UserError(f"dataset: {name!r} is not known{hint}; allowed: {', '.join(known)}")
    return own[name]


def checksum(name: str) -> str:
    """SHA-256 that stands for the dataset's bytes; `load` compares them with it.

    Raises:
        UserError: if the name is unknown, or a file of the reader's own is missing.
    """
    return find(name).checksum()


def shape(name: str) -> tuple[int, int, int]:
    """Training examples, inputs and classes; for the standard datasets nothing is read.

    >>> shape("mnist")
    (60000, 784, 10)
    """
    return find(name).shape()


def require_files(name: str, data_dir: Path) -> None:
    """Raise UserError if a file of the dataset is not there; cheap for the standard ones."""
    find(name).require_files(data_dir)


def require_readable(name: str, data_dir: Path) -> None:
    """Raise UserError if the dataset could not be loaded, as far as a quick check can tell.

    For a standard dataset this checks only that the files are there. Anything may be wrong in one
    of the reader's own, so it is read, and need not be read again in this process.
    """
    if name in STANDARD:
        require_files(name, data_dir)
    else:
        load(name, data_dir)


def load(name: str, data_dir: Path) -> Dataset:
    """Read a dataset, once per process.

    `digits` (scikit-learn) needs no files: every fifth of its 1,797 images is a test image.
    MNIST and Fashion-MNIST come from `data_dir` with their own test sets. A dataset of the reader's
    own comes from the place that `params.yaml` names, see `own_datasets`.

    Raises:
        UserError: if the name is unknown, a file is missing, any of its bytes differs, or a file of
            the reader's own cannot be read.

    Example:
        >>> digits = load("digits", Path("data"))
        >>> digits.train_inputs.shape, digits.classes
        (torch.Size([1437, 64]), 10)
    """
    return load_from(find(name), name, data_dir)


@cache
def load_from(source: Source, name: str, data_dir: Path) -> Dataset:
    """What `load` does after looking up the name, which may later stand for another source."""
    source.require_files(data_dir)
    return Dataset(name, *source.load(data_dir))


def held_out(name: str, data_dir: Path, share: float) -> Dataset:
    """Only the training part of a dataset, some of it held out in place of the test set.

    The held-out examples are always the same: they are drawn with a fixed seed. If nothing is held
    out, this is the whole dataset with its own test set.

    Args:
        name: see `load`.
        data_dir: see `load`.
        share: of the training examples, from 0 to less than 1; rounded down, and at least one
            where it is above 0.

    Example:
        >>> digits = held_out("digits", Path("data"), 0.25)
        >>> len(digits.train_inputs), len(digits.test_inputs)
        (1078, 359)
    """
    return _held_out(find(name), name, data_dir, share) if share else load(name, data_dir)


@cache
def _held_out(source: Source, name: str, data_dir: Path, share: float) -> Dataset:
    import torch

    from eigenprune import seeds

    data = load_from(source, name, data_dir)
    rows = len(data.train_inputs)
    order = torch.randperm(rows, generator=seeds.generator(0, "held out"))
    out, rest = order.tensor_split([max(1, int(share * rows))])
    return Dataset(
        name,
        data.train_inputs[rest],
        data.train_targets[rest],
        data.train_inputs[out],
        data.train_targets[out],
    )
