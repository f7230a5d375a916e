"""Notebooks in parallel: really at once, workers shared out, failures named, nothing left over."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from eigenprune.lab.errors import UserError
from eigenprune.report.notebooks.at_once import Notebook, run_at_once
from eigenprune.report.notebooks.runner import NotebookError

# Each waits for the file of the other: run one after the other, they would never end.
MEETING = """
import os, pathlib, time
pathlib.Path("{mine}").touch()
while not pathlib.Path("{other}").exists():
    time.sleep(0.05)
print("workers", os.environ["EIGENPRUNE_WORKERS"])
"""
ENDLESS = """
import os, pathlib, time
pathlib.Path("{name}.tmp").write_text(str(os.getpid()))
os.rename("{name}.tmp", "{name}.pid")
while True:
    time.sleep(0.05)
"""
SCRIPT = """
import sys
from pathlib import Path
from eigenprune.report.notebooks.at_once import Notebook, run_at_once
if __name__ == "__main__":
    names = sys.argv[1:]
    run_at_once([Notebook(Path(f"{n}.ipynb"), Path(f"out/{n}.ipynb"), {}) for n in names])
"""


def notebook(folder: Path, name: str, source: str) -> Notebook:
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
    return Notebook(path, folder / "out" / path.name, {})


def printed(executed: Notebook) -> str:
    (cell,) = nbformat.read(executed.output, as_version=4).cells
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EIGENPRUNE_WORKERS", "5")


def test_they_run_at_the_same_time_and_share_the_workers(tmp_path: Path) -> None:
    one = notebook(tmp_path, "one", MEETING.format(mine="a", other="b"))
    other = notebook(tmp_path, "other", MEETING.format(mine="b", other="a"))
    run_at_once([one, other])
    assert printed(one) == printed(other) == "workers 2\n"


def test_with_one_worker_they_run_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIGENPRUNE_WORKERS", "1")
    alone = "import pathlib; p = pathlib.Path('busy'); p.touch(exist_ok=False); p.unlink()"
    run_at_once([notebook(tmp_path, name, alone) for name in ("one", "two", "three")])
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_no_workers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("EIGENPRUNE_WORKERS", wrong)
        with pytest.raises(UserError, match=r"EIGENPRUNE_WORKERS='.*': allowed is a whole number"):
            run_at_once([notebook(tmp_path, "one", "1")])
    assert not (tmp_path / "out").exists()


def test_what_failed_is_named_what_ran_is_finished_and_nothing_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EIGENPRUNE_WORKERS", "2")
    slow = "import time, pathlib\nwhile not pathlib.Path('out/bad.failed.ipynb').exists():\n"
    slow += "    time.sleep(0.05)\ntime.sleep(0.5)"
    these = [
        notebook(tmp_path, "bad", "raise ValueError('too large')"),
        notebook(tmp_path, "slow", slow),
        notebook(tmp_path, "late", "1"),
    ]
    with pytest.raises(NotebookError, match=r"^failed: bad \(see above\)$"):
        run_at_once(these)
    told = capfd.readouterr().err
    assert "bad.ipynb failed in cell 1 of 1" in told and "ValueError: too large" in told
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "bad.failed.ipynb",
        "slow.ipynb",
    ]


def test_each_puts_back_its_own_files_alone(tmp_path: Path) -> None:
    one = notebook(tmp_path, "one", "open('one.csv', 'w').write('1')")
    bad = notebook(tmp_path, "bad", "open('bad.csv', 'w').write('1')\nraise ValueError")
    these = [each._replace(writes=(tmp_path / f"{each.source.stem}.csv",)) for each in (one, bad)]
    with pytest.raises(NotebookError, match=r"^failed: bad"):
        run_at_once(these)
    assert [path.name for path in tmp_path.glob("*.csv")] == ["one.csv"]


def test_a_killed_one_is_told_as_such(tmp_path: Path) -> None:
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"
    with pytest.raises(NotebookError, match=r"^failed: one \(killed by signal 9\)$"):
        run_at_once([notebook(tmp_path, "one", kill)])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_no_kernel_is_left_behind(tmp_path: Path, how: signal.Signals) -> None:
    for name in ("one", "two"):
        notebook(tmp_path, name, ENDLESS.format(name=name))
    (tmp_path / "script.py").write_text(
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n" + SCRIPT
    )
    script = [sys.executable, "script.py", "one", "two"]
    process = subprocess.Popen(script, start_new_session=True, stderr=subprocess.PIPE, text=True)
    kernels = [int(wait_for(tmp_path / f"{name}.pid").read_text()) for name in ("one", "two")]
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does: to the whole group
    else:
        process.kill()
    told = process.communicate(timeout=60)[1]
    assert told.count("KeyboardInterrupt\n") == (how == signal.SIGINT), told
    for kernel in kernels:
        wait_until_gone(kernel)
    assert not list(tmp_path.glob("out/*"))


def wait_for(path: Path) -> Path:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} does not come"
        time.sleep(0.05)
    return path


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.1)


@pytest.mark.parametrize(
    "workers, names, said",
    [
        ("1", ["speed", "arenna"], "arenna.ipynb does not exist"),
        ("1", ["speed", "train"], "train: --study is missing; allowed: "),
        ("no", ["speed", "arena"], "EIGENPRUNE_WORKERS='no': allowed is a whole number, 1 or more"),
    ],
)
def test_a_mistake_is_told_before_any_work(
    workers: str, names: list[str], said: str, root: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eigenprune", "notebook", *names],
        cwd=root,
        env={**os.environ, "EIGENPRUNE_WORKERS": workers},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("\n") == 1
