"""The run store: one entry per run id, complete or not there; damage is noticed."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

_PATIENCE = 0.5  # seconds between checks whether to go on waiting


@dataclass(frozen=True)
class Entry:
    """What a run left: its record, its arrays if it has any, and their history if it was kept."""

    record: dict[str, Any]
    arrays: bytes | None = None
    history: bytes | None = None

    def tensors(self) -> dict[str, "Tensor"]:
        """The arrays by name."""
        from safetensors.torch import load

        if self.arrays is None:
            raise ValueError("this entry has no arrays")
        return load(self.arrays)

    def past(self) -> dict[str, "Tensor"] | None:
        """The history by name; None if there is none, as in entries made before it was kept."""
        from safetensors.torch import load

        return None if self.history is None else load(self.history)


class Busy(Exception):
    """Another process is computing this run."""


class Store:
    """A folder of results: `ab/abcdef0123456789.json` and, beside it, `.safetensors`.

    A network whose training was watched has a third file, `.history`, in the format of the second.
    The JSON file is written last and holds the checksums of all, so that an entry is complete once
    it can be seen. An entry with anything that does not match its checksum counts as not there.
    """

    def __init__(self, folder: Path) -> None:
        """Open `folder`; it is made when the first entry is written."""
        self.folder = folder

    def get(self, run_id: str) -> Entry | None:
        """The entry of a run, or None if it is missing or damaged."""
        try:
            document = json.loads(self._path(run_id, "json").read_bytes())
            record = document["record"]
            if document["sha256"] != _sha256(_encode(record)):
                return None
            arrays = self._checked(run_id, "safetensors", document["arrays_sha256"])
            history = self._checked(run_id, "history", document.get("history_sha256"))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return Entry(record, arrays, history)

    def __contains__(self, run_id: str) -> bool:
        return self.get(run_id) is not None

    def put(
        self,
        run_id: str,
        record: dict[str, Any],
        tensors: dict[str, "Tensor"] | None = None,
        past: dict[str, "Tensor"] | None = None,
    ) -> Entry:
        """Write an entry so that a crash at any moment leaves the old one, the new one or none.

        Raises:
            ValueError: if the record holds a number that JSON does not have (NaN, infinity).
        """
        arrays, history = _packed(tensors), _packed(past)
        encoded = _encode(record)
        document = {
            "record": record,
            "sha256": _sha256(encoded),
            "arrays_sha256": None if arrays is None else _sha256(arrays),
        }
        if history is not None:
            document["history_sha256"] = _sha256(history)
            write_whole(self._path(run_id, "history"), history)
        if arrays is not None:
            write_whole(self._path(run_id, "safetensors"), arrays)
        text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False)
        write_whole(self._path(run_id, "json"), text.encode())
        return Entry(json.loads(encoded), arrays, history)

    @contextlib.contextmanager
    def claim(
        self, run_id: str, *, wait: bool = False, stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[None]:
        """Keep other processes from computing a run while this one does.

        The operating system releases a claim whose process has died. Code that gets a claim must
        look into the store first: another process may just have finished the run.

        Args:
            run_id: the run's name.
            wait: wait until the other process is done, instead of raising at once.
            stopped: called while waiting; waiting ends with Busy when it returns True.

        Raises:
            Busy: if another process has the claim.
            UserError: if the file system has no file locks.
        """
        from filelock import FileLock, Timeout

        path = self._claim_path(run_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        while True:
            try:
                with self._locking():
                    lock.acquire(timeout=_PATIENCE if wait else 0)
                break
            except Timeout:
                if not wait or stopped():
                    raise Busy(run_id) from None
        try:
            yield
            # The file may be deleted only now, with the result in the store: another process that
            # still waits for this very file finds the result when it gets the lock.
            path.unlink(missing_ok=True)
        finally:
            lock.release()

    def claimed(self, run_id: str) -> bool:
        """Whether another process is computing a run at this moment."""
        from filelock import FileLock, Timeout

        path = self._claim_path(run_id)
        if not path.exists():
            return False
        try:
            with self._locking(), FileLock(path, timeout=0):
                return False
        except Timeout:
            return True

    @contextlib.contextmanager
    def _locking(self) -> Iterator[None]:
        """Tell in a sentence that the file system has no locks; the error then names no file."""
        try:
            yield
        except OSError as error:
            if error.filename is not None or isinstance(error, TimeoutError):
                raise
            raise UserError(
                f"{self.folder}: the file system has no file locks ({error.strerror}); "
                "EIGENPRUNE_STORE names another folder"
            ) from error

    def _checked(self, run_id: str, suffix: str, expected: str | None) -> bytes | None:
        """The content of a file of an entry; None if the entry has no such file.

        Raises:
            ValueError: if it is not what was written.
        """
        if expected is None:
            return None
        content = self._path(run_id, suffix).read_bytes()
        if _sha256(content) != expected:
            raise ValueError(f"{run_id}.{suffix} is damaged")
        return content

    def _claim_path(self, run_id: str) -> Path:
        return self.folder / "claims" / run_id

    def _path(self, run_id: str, suffix: str) -> Path:
        return self.folder / run_id[:2] / f"{run_id}.{suffix}"


def _packed(tensors: dict[str, "Tensor"] | None) -> bytes | None:
    if tensors is None:
        return None
    from safetensors.torch import save

    return save({name: tensor.contiguous().cpu() for name, tensor in tensors.items()})


def _encode(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, allow_nan=False).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
