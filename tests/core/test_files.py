"""Writing a file whole: an interruption leaves the old content and nothing else."""

import os
from pathlib import Path

import pytest

from eigenprune.files import state, write_all, write_whole


def test_folders_are_made_and_content_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    for content in (b"old", b"", b"new\r\n"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("what", [OSError("No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, what: BaseException
) -> None:
    def break_off(*_: object) -> None:
        raise what

    write_whole(tmp_path / "file", b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, moment, break_off)
        with pytest.raises(type(what)):
            write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_of_several_files_all_are_written_or_none(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    one.write_bytes(b"old")
    three.write_bytes(b"there")
    with pytest.raises(OSError):
        write_all({one: b"new", two: b"new", three / "below a file": b"new"})
    assert one.read_bytes() == b"old" and not two.exists()
    with pytest.raises(OSError):  # the first file fails: nothing has to be undone
        write_all({three / "below a file": b"new", one: b"new"})
    assert one.read_bytes() == b"old" and three.read_bytes() == b"there"


def test_what_was_written_is_undone_as_far_as_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    for path in (one, two, three):
        write_whole(path, b"old")
    replace, done = os.replace, []

    def stopped_at_the_end(source: Path, to: Path) -> None:
        done.append(to)
        if len(done) == 4:  # the first file to be put back
            raise OSError("No space left on device")
        replace(source, to)
        if len(done) == 3:  # just after the last file
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        write_all(dict.fromkeys((one, two, three), b"new"))
    assert [path.read_bytes() for path in (one, two, three)] == [b"old", b"old", b"new"]


def test_what_cannot_be_written_is_named_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "new", tmp_path / "folder"):
        with pytest.raises(OSError) as refusal:
            write_whole(path, b"")
        assert (refusal.value.filename, refusal.value.filename2) == (str(path), None)
        assert refusal.value.strerror
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_the_state_changes_with_a_file_put_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "file"
    assert state(file) == ()
    write_whole(file, b"old")
    before = state(file)
    assert state(file) == before
    write_whole(file, b"new")  # equally long, and perhaps at the same tick of the clock
    assert state(file) != before
