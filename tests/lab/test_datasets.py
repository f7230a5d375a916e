"""Datasets: shapes, ranges, and the bytes that are refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torch

from eigenprune.lab import datasets
from eigenprune.lab.datasets import FILES, Dataset, checksum, load, require_files
from eigenprune.lab.errors import UserError
from eigenprune.lab.standard_datasets import DIGITS_SHA256


@pytest.fixture(autouse=True)
def read_anew() -> None:
    """Empty the cache of `load`, since some tests here change what there is to read."""
    datasets.load_from.cache_clear()


def is_sound(data: Dataset, train: int, test: int, features: int) -> None:
    assert data.train_inputs.shape == (train, features) and data.train_targets.shape == (train,)
    assert data.test_inputs.shape == (test, features) and data.test_targets.shape == (test,)
    assert (data.features, data.classes) == (features, 10)
    for inputs in (data.train_inputs, data.test_inputs):
        assert inputs.dtype == torch.float32
        assert (inputs.min().item(), inputs.max().item()) == (0.0, 1.0)
    for targets in (data.train_targets, data.test_targets):
        assert targets.dtype == torch.int64 and targets.unique().tolist() == list(range(10))


def test_digits(tmp_path: Path) -> None:
    data = load("digits", tmp_path)
    is_sound(data, 1437, 360, 64)
    images, labels = sklearn.datasets.load_digits(return_X_y=True)
    assert data.test_inputs[1].tolist() == (images[5] / 16).tolist()
    assert data.train_inputs[4].tolist() == (images[6] / 16).tolist()
    assert data.test_targets.tolist() == labels[::5].tolist()
    assert load("digits", tmp_path) is data


def test_digits_that_have_changed_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = sklearn.datasets.load_digits(return_X_y=True)
    images[17, 3] += 1
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda **_: (images, np.array(labels)))
    with pytest.raises(UserError, match=f"expected {DIGITS_SHA256}, found [0-9a-f]{{64}}"):
        load("digits", tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_real_data(real_data: Path, name: str) -> None:
    data = load(name, real_data)
    is_sound(data, 60_000, 10_000, 784)
    # Both sets are close to balanced, Fashion-MNIST exactly.
    counts = data.train_targets.bincount()
    assert counts.min() > 5000 and (name == "mnist" or counts.tolist() == [6000] * 10)


def test_the_first_digit_of_mnist_is_a_five(real_data: Path) -> None:
    data = load("mnist", real_data)
    assert data.train_targets[:5].tolist() == [5, 0, 4, 1, 9]
    image = data.train_inputs[0].reshape(28, 28)
    assert image[0].sum() == 0 and image[14].max() > 0.9  # dark border, bright strokes


@pytest.mark.parametrize("changed", range(4))
def test_one_changed_byte_is_refused(real_data: Path, tmp_path: Path, changed: int) -> None:
    for number, file in enumerate(FILES["mnist"]):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        if number != changed:
            (tmp_path / file).symlink_to(real_data / file)
            continue
        shutil.copyfile(real_data / file, tmp_path / file)
        with (tmp_path / file).open("r+b") as content:
            content.seek(5000)
            byte = content.read(1)[0]
            content.seek(5000)
            content.write(bytes([byte ^ 1]))
    with pytest.raises(UserError) as refusal:
        load("mnist", tmp_path)
    file, expected = list(FILES["mnist"].items())[changed]
    sentence = str(refusal.value)
    assert str(tmp_path / file) in sentence
    assert f"expected {expected}, found " in sentence
    assert "`eigenprune data fetch`" in sentence


@pytest.mark.parametrize("name", FILES)
def test_missing_files_name_the_command_that_brings_them(tmp_path: Path, name: str) -> None:
    for look in (require_files, load):
        with pytest.raises(UserError) as refusal:
            look(name, tmp_path)
        assert str(tmp_path / next(iter(FILES[name]))) in str(refusal.value)
        assert "`eigenprune data fetch`" in str(refusal.value)
        assert "`eigenprune data fetch --from DIR`" in str(refusal.value)


def test_one_missing_file_is_enough(tmp_path: Path) -> None:
    *there, missing = FILES["mnist"]
    for file in there:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    with pytest.raises(UserError, match=Path(missing).name):
        require_files("mnist", tmp_path)
    (tmp_path / missing).touch()
    require_files("mnist", tmp_path)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    for look in (checksum, lambda name: load(name, tmp_path)):
        with pytest.raises(UserError, match=r"'mnsit' is not known \(did you mean 'mnist'\?\)"):
            look("mnsit")


def test_every_dataset_and_every_byte_has_a_checksum_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = [checksum(name) for name in datasets.NAMES]
    assert len(set(before)) == len(before) == 3
    for file in FILES["mnist"]:
        with monkeypatch.context() as patch:
            patch.setitem(FILES["mnist"], file, "0" * 64)
            assert checksum("mnist") not in before
    assert [checksum(name) for name in datasets.NAMES] == before
