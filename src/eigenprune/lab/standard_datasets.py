"""The datasets of the study, byte by byte as published: digits, MNIST and Fashion-MNIST."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from eigenprune.lab.errors import UserError

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
STANDARD_NAMES = ("digits", *FILES)

_IMAGES_HEADER, _LABELS_HEADER = 16, 8  # bytes before the data in an IDX file


@cache  # it enters the id of every run
def _of_table(files: tuple[tuple[str, str], ...]) -> str:
    table = "".join(f"{sha256}  {file}\n" for file, sha256 in sorted(files))
    return hashlib.sha256(table.encode()).hexdigest()


@dataclass(frozen=True)
class IdxFiles:
    """60,000 training and 10,000 test images of 28 x 28 pixels, in four files of MNIST's form."""

    name: str

    def checksum(self) -> str:
        """SHA-256 of the table of checksums, fixed here; every load compares the bytes with it."""
        return _of_table(tuple(FILES[self.name].items()))

    def shape(self) -> tuple[int, int, int]:
        """Training examples, inputs and classes."""
        return 60_000, 784, 10

    def require_files(self, data_dir: Path) -> None:
        """Raise UserError if a file is not there; cheap, reads no bytes."""
        for file in FILES[self.name]:
            if not (data_dir / file).is_file():
                raise UserError(
                    f"dataset {self.name!r}: {data_dir / file} is missing; `eigenprune data fetch` "
                    "downloads it, `eigenprune data fetch --from DIR` copies it from your disk"
                )

    def load(self, data_dir: Path) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        """Inputs and targets of training, inputs and targets of test."""
        import torch

        contents = [
            read_checked(data_dir / file, sha256) for file, sha256 in FILES[self.name].items()
        ]
        train_images, train_labels, test_images, test_labels = (
            # bytearray: torch wants memory it may write to.
            torch.frombuffer(bytearray(content), dtype=torch.uint8)
            for content in contents
        )
        return (
            train_images[_IMAGES_HEADER:].reshape(-1, 784).float() / 255,
            train_labels[_LABELS_HEADER:].long(),
            test_images[_IMAGES_HEADER:].reshape(-1, 784).float() / 255,
            test_labels[_LABELS_HEADER:].long(),
        )


@dataclass(frozen=True)
class Digits:
    """1,797 images of 8 x 8 pixels that ship inside scikit-learn; every fifth is a test image."""

    def checksum(self) -> str:
        """SHA-256 of the images and labels, fixed here; every load compares the bytes with it."""
        return DIGITS_SHA256

    def shape(self) -> tuple[int, int, int]:
        """Training examples, inputs and classes."""
        return 1_437, 64, 10

    def require_files(self, data_dir: Path) -> None:
        """Nothing: they need no files."""

    def load(self, data_dir: Path) -> "tuple[Tensor, Tensor, Tensor, Tensor]":
        """Inputs and targets of training, inputs and targets of test."""
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
        return inputs[~is_test], targets[~is_test], inputs[is_test], targets[is_test]


def read_checked(path: Path, sha256: str) -> bytes:
    """The bytes of a file; if they are wrong, the error names the file and both checksums."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise UserError(
            f"{path}: the bytes are not the canonical ones: SHA-256 expected {sha256}, found "
            f"{found}; delete the file and run `eigenprune data fetch`"
        )
    return content
