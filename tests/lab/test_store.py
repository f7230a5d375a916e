"""The run store: whole entries or none, whatever happens."""

import errno
import fcntl
import json
import os
import signal
import time
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigenprune.lab.errors import UserError
from eigenprune.lab.store import Store

RECORD = {"run": {"kind": "training"}, "result": {"accuracy": 0.125, "losses": [1.5, 0.1]}}
TENSORS = {"0.weight": torch.arange(6.0).reshape(2, 3), "0.bias": torch.tensor([0.5])}
PAST = {"1": torch.tensor([[0.5], [0.25]])}
RUN = "ab0123456789cdef"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def files(store: Store) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


def the_file(store: Store, suffix: str) -> Path:
    (path,) = store.folder.rglob(f"*.{suffix}")
    return path


def test_what_is_put_is_got(store: Store) -> None:
    put = store.put(RUN, RECORD, TENSORS)
    got = store.get(RUN)
    assert got == put and got.record == RECORD and RUN in store
    assert got.tensors().keys() == TENSORS.keys()
    assert all(torch.equal(got.tensors()[name], TENSORS[name]) for name in TENSORS)
    names = [path.relative_to(store.folder).as_posix() for path in files(store)]
    assert names == [f"ab/{RUN}.json", f"ab/{RUN}.safetensors"]


def test_an_entry_may_have_no_arrays(store: Store) -> None:
    store.put(RUN, RECORD)
    entry = store.get(RUN)
    assert entry is not None and entry.arrays is None
    with pytest.raises(ValueError, match="no arrays"):
        entry.tensors()


def test_an_entry_may_have_a_history(store: Store) -> None:
    past = {"epoch": torch.arange(3)}
    assert store.put(RUN, RECORD, TENSORS).past() is None
    without = the_file(store, "json").read_bytes()
    arrays = the_file(store, "safetensors").read_bytes()
    store.put(RUN, RECORD, TENSORS, past)
    entry = store.get(RUN)
    assert entry is not None and torch.equal(entry.past()["epoch"], past["epoch"])
    assert the_file(store, "safetensors").read_bytes() == arrays, "the weights are what they were"
    # An entry of an earlier version names no history: it is whole, and has none.
    assert b"history" not in without
    the_file(store, "json").write_bytes(without)
    entry = store.get(RUN)
    assert entry is not None and entry.past() is None


def test_a_run_that_is_not_there(store: Store) -> None:
    assert store.get(RUN) is None and RUN not in store
    assert not store.folder.exists()


def test_a_later_entry_takes_the_place_of_an_earlier_one(store: Store) -> None:
    store.put(RUN, RECORD, TENSORS)
    store.put(RUN, {"n": 2}, {"w": torch.ones(1)})
    entry = store.get(RUN)
    assert entry is not None and entry.record == {"n": 2} and list(entry.tensors()) == ["w"]


def test_the_same_entry_is_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        Store(tmp_path / name).put(RUN, RECORD, TENSORS)
    for one, other in zip(files(Store(tmp_path / "a")), files(Store(tmp_path / "b")), strict=True):
        assert one.read_bytes() == other.read_bytes()


# Writing is slow, since each file is flushed to the disk: fewer examples than usual.
one_folder_for_all = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(data=st.data(), suffix=st.sampled_from(["json", "safetensors", "history"]))
@one_folder_for_all
def test_a_damaged_byte_is_noticed(store: Store, data: st.DataObject, suffix: str) -> None:
    store.put(RUN, RECORD, TENSORS, PAST)
    path = the_file(store, suffix)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    entry = store.get(RUN)
    if entry is not None:  # only the layout changed: one blank for another
        assert suffix == "json" and json.loads(content)["record"] == RECORD
        assert entry.record == RECORD
    # Written again, the entry is whole again.
    store.put(RUN, RECORD, TENSORS, PAST)
    assert RUN in store


@given(share=st.floats(0, 0.999), suffix=st.sampled_from(["json", "safetensors", "history"]))
@one_folder_for_all
def test_a_truncated_file_is_noticed(store: Store, share: float, suffix: str) -> None:
    store.put(RUN, RECORD, TENSORS, PAST)
    path = the_file(store, suffix)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert store.get(RUN) is None


@pytest.mark.parametrize("suffix", ["json", "safetensors", "history"])
def test_a_missing_file_is_noticed(store: Store, suffix: str) -> None:
    store.put(RUN, RECORD, TENSORS, PAST)
    the_file(store, suffix).unlink()
    assert store.get(RUN) is None


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "3", "{}", '{"record": {}}', '{"record": NaN, "sha256": ""}']
)
def test_other_json_is_no_entry(store: Store, text: str) -> None:
    store.put(RUN, RECORD)
    the_file(store, "json").write_text(text)
    assert store.get(RUN) is None


def test_arrays_of_another_entry_are_noticed(store: Store) -> None:
    store.put(RUN, RECORD, TENSORS)
    store.put("ab" * 8, RECORD, {"w": torch.ones(1)})
    arrays = sorted(store.folder.rglob("*.safetensors"))
    arrays[1].write_bytes(arrays[0].read_bytes())
    assert [run in store for run in (RUN, "ab" * 8)].count(True) == 1


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused_and_nothing_is_written(
    store: Store, number: float
) -> None:
    with pytest.raises(ValueError, match="JSON"):
        store.put(RUN, {"result": {"loss": number}}, TENSORS)
    assert RUN not in store and not store.folder.exists()
    store.put(RUN, RECORD, TENSORS)
    with pytest.raises(ValueError, match="JSON"):
        store.put(RUN, {"result": {"loss": number}}, {"w": torch.ones(1)})
    entry = store.get(RUN)
    assert entry is not None and entry.record == RECORD


def test_a_full_disk_leaves_the_old_entry(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    store.put(RUN, RECORD, TENSORS)
    before = {path: path.read_bytes() for path in files(store)}
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(RUN, {"n": 2}, {"w": torch.ones(1)})
    assert {path: path.read_bytes() for path in files(store)} == before


def write_for_ever(store: Store, first: int) -> None:
    """Write the entries of eight runs over and over, with other content each time."""
    n = first
    while True:
        store.put(f"{n % 8:016x}", {"n": n}, {"n": torch.full((2000,), float(n))})
        n += 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which Windows has not")
def test_killed_while_writing_no_half_entry_is_ever_seen(store: Store) -> None:
    seen = set()
    for attempt in range(25):
        if (child := os.fork()) == 0:  # a copy of this process, which never returns from here
            try:
                write_for_ever(store, first=1000 * attempt)
            finally:
                os._exit(1)
        begun = time.monotonic()
        while max(seen, default=-1) < 1000 * attempt and time.monotonic() < begun + 30:
            seen |= numbers_seen(store)
        time.sleep(0.001 * attempt)  # killed at another moment each time
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, "the writer failed"
        seen |= numbers_seen(store)
    assert len(seen) >= 25, "each writer has written something"
    # A file that a killed writer leaves half written has a name that no reader asks for.
    visible = [path for path in files(store) if not path.name.startswith(".")]
    assert {path.suffix for path in visible} == {".json", ".safetensors"}


def numbers_seen(store: Store) -> set[int]:
    """The numbers of the entries that are there, after checking that each has its own arrays."""
    for path in store.folder.glob("*/[!.]*.json"):
        json.loads(path.read_bytes())  # no checksum needed: a file with its final name is whole
    entries = [store.get(f"{run:016x}") for run in range(8)]
    numbers = {entry.record["n"]: entry.tensors()["n"] for entry in entries if entry is not None}
    assert all(torch.equal(t, torch.full((2000,), float(n))) for n, t in numbers.items())
    return set(numbers)


def test_a_file_system_without_locks_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*of: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with store.claim(RUN):
        monkeypatch.setattr(fcntl, "flock", refuse)
        for ask in (lambda: store.claimed(RUN), lambda: store.claim(RUN).__enter__()):
            with pytest.raises(UserError, match=r"has no file locks \(No locks available\); EIG"):
                ask()
        monkeypatch.undo()
