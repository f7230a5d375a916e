"""Bring MNIST and Fashion-MNIST into `data/`, from the official mirrors or from disk."""

import gzip
import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError
from eigenprune.lab.standard_datasets import FILES


def fetch(data_dir: Path, source: Path | None = None) -> Iterator[tuple[str, str]]:
    """Bring the files that are missing or damaged; leave the others alone.

    Afterwards `data_dir` holds exactly the bytes that `data.dvc` pins.

    Args:
        data_dir: where the files go, in torchvision's layout.
        source: a folder to search for the files, plain or gzipped, with its subfolders; None to
            download them.

    Yields:
        Each file's name below `data_dir`, and `there`, `copied` or `downloaded`.

    Raises:
        UserError: if `source` is not a folder, lacks a file, or no mirror answers.
    """
    if source is not None and not source.is_dir():
        raise UserError(f"--from: {source} is not a folder")
    for name, files in FILES.items():
        missing = {f: sha for f, sha in files.items() if _sha256(data_dir / f) != sha}
        for file in files:
            if file not in missing:
                yield file, "there"
        if not missing:
            continue
        if source is not None:
            for file, sha256 in missing.items():
                write_whole(data_dir / file, _find(file, sha256, source))
                yield file, "copied"
        else:
            yield from _download(name, missing, data_dir)


def _download(name: str, files: dict[str, str], data_dir: Path) -> Iterator[tuple[str, str]]:
    from torchvision import datasets

    dataset = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[name]
    # A folder of its own: torchvision leaves the archives beside the files.
    with tempfile.TemporaryDirectory() as folder:
        try:
            dataset(folder, download=True)
        except (OSError, RuntimeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(
                f"{name}: no mirror gave the files ({reason}); with the files at hand, use "
                "`eigenprune data fetch --from DIR`"
            ) from error
        for file, sha256 in files.items():
            write_whole(data_dir / file, _find(file, sha256, Path(folder)))
            yield file, "downloaded"


def _find(file: str, sha256: str, source: Path) -> bytes:
    # The files of MNIST and Fashion-MNIST have the same names: only the bytes tell them apart.
    name, found = Path(file).name, []
    for path in sorted([*source.rglob(name), *source.rglob(f"{name}.gz")]):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if path.suffix == ".gz":
            try:
                content = gzip.decompress(content)
            except (OSError, EOFError, zlib.error):
                found.append(f"{path} is a damaged archive")
                continue
        digest = hashlib.sha256(content).hexdigest()
        if digest == sha256:
            return content
        found.append(f"{path} has {digest}")
    raise UserError(
        f"{file}: not found in {source}; wanted is {name} or {name}.gz with SHA-256 {sha256}"
        + (f" ({'; '.join(found)})" if found else "")
    )


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
