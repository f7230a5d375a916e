"""Files that are either complete or absent, and where they can be."""

import contextlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a crash at any moment leaves the old one, the new one or none.

    The content is written under a temporary name beside `path`, flushed to the disk, and then
    renamed to `path`. Missing folders are created.

    Raises:
        OSError: if the file cannot be written; the error names `path`, not the temporary file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "new" / "file", b"content")
    ...     [path.name for path in Path(folder, "new").iterdir()]
    ['file']
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def state(path: Path) -> tuple[int, ...]:
    """Inode, time and size, which tell a file from another in its place; () if there is no file.

    For caches, which keep what they derived from a file for as long as its state stays the same.

    >>> state(Path("no-such-file"))
    ()
    """
    if not path.is_file():
        return ()
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def write_all(contents: Mapping[Path, bytes | None]) -> None:
    """Write several files, or delete those whose content is None: all of them or none.

    If one cannot be written, the files before it get their old content back. Only a crash can leave
    some files new and some old, each of them whole. The files are written in the given order.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one, two = Path(folder) / "one", Path(folder) / "two"
    ...     write_all({one: b"1", two: b"2"})
    ...     write_all({one: b"new", two: None})
    ...     one.read_bytes(), two.exists()
    (b'new', False)
    """
    before = {path: path.read_bytes() if path.exists() else None for path in contents}
    touched: list[Path] = []
    try:
        for path, content in contents.items():
            touched.append(path)  # first: a write that fails may still have changed the file
            _write_or_delete(path, content)
    except BaseException:
        for path in reversed(touched):
            with contextlib.suppress(OSError):  # the others still get their content back
                _write_or_delete(path, before[path])
        raise


def nearest_there(path: Path) -> Path:
    """The path itself if anything is there, even a broken link; else its nearest existing parent.

    >>> nearest_there(Path("/no-folder-of-this-name/nor-this"))
    PosixPath('/')
    """
    return next(each for each in (path, *path.parents) if os.path.lexists(each))


def _write_or_delete(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    elif not path.exists() or path.read_bytes() != content:
        write_whole(path, content)


def _sync_folder(folder: Path) -> None:
    # Makes the new name itself durable; Windows cannot open a folder and does not need this.
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
