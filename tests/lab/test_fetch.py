"""Bringing the data: from a folder or from the mirrors, and never other bytes."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.fetch import fetch

# Two datasets whose files have the same names, as those of MNIST and Fashion-MNIST do.
CONTENT = {
    f"{folder}/raw/{name}": f"{folder} {name} ".encode() * 500
    for folder in ("FashionMNIST", "MNIST")
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
}


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {
        name: {
            file: hashlib.sha256(content).hexdigest()
            for file, content in CONTENT.items()
            if file.startswith(folder)
        }
        for name, folder in (("fashion-mnist", "FashionMNIST"), ("mnist", "MNIST"))
    }
    monkeypatch.setattr("eigenprune.lab.fetch.FILES", table)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def all_there(data: Path) -> bool:
    files = {p.relative_to(data).as_posix(): p.read_bytes() for p in data.rglob("*") if p.is_file()}
    return files == CONTENT


LAYOUTS: dict[str, Callable[[Path, str, bytes], object]] = {
    "plain": lambda top, file, content: write(top / file, content),
    "gzipped": lambda top, file, content: write(top / f"{file}.gz", gzip.compress(content)),
    "other folders": lambda top, file, content: write(
        top / "a b" / file.split("/")[0][::-1] / Path(file).name, content
    ),
    "plain in folders of their own names": lambda top, file, content: write(
        top / file / Path(file).name, content
    ),
    "beside damaged ones": lambda top, file, content: (
        write(top / "0-old" / file, content[:-1]),
        write(top / "0-old" / f"{file}.gz", gzip.compress(content)[:-9]),
        write(top / "1-old" / f"{file}.gz", b"no gzip"),
        write(top / "new" / file, content),
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_from_a_folder(data: Path, source: Path, layout: str) -> None:
    for file, content in CONTENT.items():
        LAYOUTS[layout](source, file, content)
    assert dict(fetch(data, source)) == dict.fromkeys(CONTENT, "copied")
    assert all_there(data)
    written = {path: path.stat().st_mtime_ns for path in data.rglob("*ubyte")}
    assert dict(fetch(data, source)) == dict.fromkeys(CONTENT, "there")
    assert {path: path.stat().st_mtime_ns for path in data.rglob("*ubyte")} == written


def test_what_is_there_needs_no_source(data: Path) -> None:
    for file, content in CONTENT.items():
        write(data / file, content)
    assert dict(fetch(data)) == dict.fromkeys(CONTENT, "there")


def test_only_what_is_missing_or_damaged_is_brought(data: Path, source: Path) -> None:
    for file, content in CONTENT.items():
        write(source / file, content)
        write(data / file, content)
    damaged, missing, *whole = CONTENT
    write(data / damaged, b"x")
    (data / missing).unlink()
    brought = dict(fetch(data, source))
    assert brought == {damaged: "copied", missing: "copied", **dict.fromkeys(whole, "there")}
    assert all_there(data)


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
def test_other_bytes_are_refused_and_not_written(data: Path, source: Path, packed: bool) -> None:
    for file, content in CONTENT.items():
        wrong = flipped(content)
        write(
            source / (f"{file}.gz" if packed else file), gzip.compress(wrong) if packed else wrong
        )
    first = next(iter(CONTENT))
    with pytest.raises(UserError) as refusal:
        list(fetch(data, source))
    assert first in str(refusal.value) and str(source) in str(refusal.value)
    assert hashlib.sha256(CONTENT[first]).hexdigest() in str(refusal.value)
    assert hashlib.sha256(flipped(CONTENT[first])).hexdigest() in str(refusal.value)
    assert not data.exists()


@pytest.mark.parametrize(
    "damage", [flipped, lambda packed: packed[:-20], lambda packed: b"<html>not found</html>"]
)
def test_a_damaged_archive_is_refused_and_named(
    data: Path, source: Path, damage: Callable[[bytes], bytes]
) -> None:
    first = next(iter(CONTENT))
    archive = write(source / f"{first}.gz", damage(gzip.compress(CONTENT[first])))
    with pytest.raises(UserError) as refusal:
        list(fetch(data, source))
    assert str(archive) in str(refusal.value)
    assert not data.exists()


def test_an_empty_or_missing_source_is_refused(data: Path, source: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte: not found in .*source"):
        list(fetch(data, source))
    with pytest.raises(UserError, match=r"--from: .*nowhere is not a folder"):
        list(fetch(data, tmp_path / "nowhere"))
    assert not data.exists()


def stand_in(folder_name: str, change: Callable[[bytes], bytes]) -> type:
    """A stand-in for torchvision's dataset class that writes what a mirror would give."""

    class Downloads:
        def __init__(self, root: str, download: bool) -> None:
            assert download
            for file, content in CONTENT.items():
                if file.startswith(folder_name):
                    write(Path(root) / file, change(content))
                    write(Path(root) / f"{file}.gz", gzip.compress(change(content)))

    return Downloads


def use_mirrors(monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]) -> None:
    for name in ("MNIST", "FashionMNIST"):
        monkeypatch.setattr(f"torchvision.datasets.{name}", stand_in(name, change))


def test_from_the_mirrors(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_mirrors(monkeypatch, lambda content: content)
    assert dict(fetch(data)) == dict.fromkeys(CONTENT, "downloaded")
    assert all_there(data)  # and the archives are not left beside the files


def test_a_mirror_with_other_bytes_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_mirrors(monkeypatch, lambda content: content[::-1])
    with pytest.raises(UserError, match="train-images-idx3-ubyte"):
        list(fetch(data))
    assert not data.exists()


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nTried ..."),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_mirrors_that_do_not_answer(
    data: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def no_answer(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("torchvision.datasets.FashionMNIST", no_answer)
    with pytest.raises(UserError) as refusal:
        list(fetch(data))
    sentence = str(refusal.value)
    assert sentence.startswith("fashion-mnist: no mirror gave the files (")
    assert "`eigenprune data fetch --from DIR`" in sentence and "\n" not in sentence
    assert not data.exists()
