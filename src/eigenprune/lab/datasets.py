"""Datasets as tensors in memory, their bytes checked against fixed checksums at every load."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from eigenprune.lab.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

# SHA-256 of the canonical, uncompressed files, in the layout that torchvision reads.
FILES: dict[str, dict[str, str]] = {
    "fashion-mnist": {
        "FashionMNIST/raw/train-images-idx3-ubyte": (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        "FashionMNIST/raw/train-labels-idx1-ubyte": (
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
        ),
        "FashionMNIST/raw/t10k-images-idx3-ubyte": (
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        "FashionMNIST/raw/t10k-labels-idx1-ubyte": (
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
        ),
    },
    "mnist": {
        "MNIST/raw/train-images-idx3-ubyte": (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        "MNIST/raw/train-labels-idx1-ubyte": (
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
        ),
        "MNIST/raw/t10k-images-idx3-ubyte": (
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
        ),
        "MNIST/raw/t10k-labels-idx1-ubyte": (
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
        ),
    },
}
DIGITS_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
NAMES = ("digits", *FILES)
# Training examples, inputs and classes, for whoever must not wait for the data themselves.
SHAPES = {
    "digits": (1_437, 64, 10),
    "fashion-mnist": (60_000, 784, 10),
    "mnist": (60_000, 784, 10),
}

_IMAGES_HEADER, _LABELS_HEADER = 16, 8  # bytes before the data in an IDX file


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


def checksum(name: str) -> str:
    """SHA-256 that stands for the dataset's bytes: fixed here, held true by `load`."""
    require_known(name)
    if name == "digits":
        return DIGITS_SHA256
    table = "".join(f"{sha256}  {file}\n" for file, sha256 in sorted(FILES[name].items()))
    return hashlib.sha256(table.encode()).hexdigest()


def require_known(name: str) -> None:
    """Raise UserError unless `name` is one of NAMES."""
    if name not in NAMES:
        hint = did_you_mean(name, list(NAMES))
        raise UserError(f"dataset: {name!r} is not known{hint}; allowed: {', '.join(NAMES)}")


def require_files(name: str, data_dir: Path) -> None:
    """Raise UserError if a file of the dataset is not there; cheap, reads no bytes."""
    require_known(name)
    for file in FILES.get(name, {}):
        if not (data_dir / file).is_file():
            raise UserError(
                f"dataset {name!r}: {data_dir / file} is missing; `eigenprune data fetch` "
                "downloads it, `eigenprune data fetch --from DIR` copies it from your disk"
            )


@cache
def load(name: str, data_dir: Path) -> Dataset:
    """Read a dataset, once in a process.

    `digits` (scikit-learn) needs no files: every fifth of its 1,797 images is a test image.
    MNIST and Fashion-MNIST come from `data_dir` with their own test sets.

    Raises:
        UserError: if the name is unknown, a file is missing or any byte of it differs.

    Example:
        >>> digits = load("digits", Path("data"))
        >>> digits.train_inputs.shape, digits.classes
        (torch.Size([1437, 64]), 10)
    """
    require_files(name, data_dir)
    return _digits() if name == "digits" else _from_files(name, data_dir)


def read_checked(path: Path, sha256: str) -> bytes:
    """The bytes of a file, refused with file, expected and found if they are not those wanted."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise UserError(
            f"{path}: the bytes are not the canonical ones: SHA-256 expected {sha256}, found "
            f"{found}; delete the file and run `eigenprune data fetch`"
        )
    return content


def _from_files(name: str, data_dir: Path) -> Dataset:
    import torch

    contents = [read_checked(data_dir / file, sha256) for file, sha256 in FILES[name].items()]
    train_images, train_labels, test_images, test_labels = (
        # bytearray: torch wants memory it may write to.
        torch.frombuffer(bytearray(content), dtype=torch.uint8)
        for content in contents
    )
    return Dataset(
        name,
        train_images[_IMAGES_HEADER:].reshape(-1, 784).float() / 255,
        train_labels[_LABELS_HEADER:].long(),
        test_images[_IMAGES_HEADER:].reshape(-1, 784).float() / 255,
        test_labels[_LABELS_HEADER:].long(),
    )


def _digits() -> Dataset:
    import torch
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    found = hashlib.sha256(
        images.astype("uint8").tobytes() + labels.astype("uint8").tobytes()
    ).hexdigest()
    if found != DIGITS_SHA256:
        raise UserError(
            "dataset 'digits': scikit-learn's digits have changed: SHA-256 expected "
            f"{DIGITS_SHA256}, found {found}; install the versions of requirements.lock"
        )
    inputs = torch.tensor(images, dtype=torch.float32) / 16
    targets = torch.tensor(labels, dtype=torch.int64)
    is_test = torch.arange(len(inputs)) % 5 == 0
    return Dataset("digits", inputs[~is_test], targets[~is_test], inputs[is_test], targets[is_test])
