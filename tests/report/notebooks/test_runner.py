"""The notebook runner: strict about parameters, deterministic, honest about failures."""

import json
import sys
import tempfile
import tracemalloc
from pathlib import Path

import nbformat
import pytest
import zmq
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from eigenprune.lab.errors import UserError
from eigenprune.report.notebooks.runner import KERNELSPEC, NotebookError, run_notebook

PARAMETERS = 'study = "digits"\nfactor = 2  # doubles'

# Everything that usually makes two runs differ: a stream cut at odd places, warnings between,
# pictures in both formats, the order of a set.
RESTLESS = """
import sys, time
for step in range(4):
    print("step", step, flush=True)
    print("progress", step, file=sys.stderr, flush=True)
    time.sleep(0.05)
print({"direct", "post", "pre"})
"""
FIGURE = """
%config InlineBackend.figure_formats = ["png", "svg"]
import matplotlib.pyplot as plt
plt.plot([0, 1], [1, 0], clip_on=True); plt.fill_between([0, 1], [1, 0], hatch="/"); plt.show()
"""


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook with a title, a parameters cell and one code cell per source."""
    cells = [new_markdown_cell("# A title")]
    cells.append(new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}))
    alt = {"mystnb": {"image": {"alt": "What the picture shows."}}, "collapsed": True}
    cells += [new_code_cell(source.strip(), metadata=alt) for source in sources]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC}), path)
    return path


def printed(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def executed(folder: Path) -> Path:
    source = write_notebook(folder / "restless.ipynb", RESTLESS, FIGURE, "study, factor * 21")
    run_notebook(source, folder / "first" / "out.ipynb", {"factor": 3})
    return folder / "first" / "out.ipynb"


def test_equal_runs_give_equal_bytes(folder: Path, executed: Path) -> None:
    run_notebook(folder / "restless.ipynb", folder / "second" / "other.ipynb", {"factor": 3})
    assert (folder / "second" / "other.ipynb").read_bytes() == executed.read_bytes()
    assert sorted(path.name for path in executed.parent.iterdir()) == ["out.ipynb"]


def test_the_executed_notebook_holds_results_and_no_trace_of_the_run(executed: Path) -> None:
    notebook = nbformat.read(executed, as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == [f"cell-{n}" for n in range(1, 7)]
    assert {key for cell in notebook.cells for key in cell.metadata} == {"tags", "mystnb"}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5]

    (stream,) = code[2].outputs
    assert (stream.name, stream.text.count("step")) == ("stdout", 4)
    assert {"image/png", "image/svg+xml"} <= set(code[3].outputs[0].data)
    assert code[4].outputs[0].data["text/plain"] == "('digits', 63)"


def test_other_parameters_give_other_bytes(folder: Path, executed: Path) -> None:
    output = folder / "third.ipynb"
    run_notebook(folder / "restless.ipynb", output, {"factor": 4})
    assert output.read_bytes() != executed.read_bytes()


def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "n.ipynb", "open('ran', 'w')")
    with pytest.raises(UserError, match=r"no parameter 'factr'; it declares: factor, study"):
        run_notebook(source, tmp_path / "out.ipynb", {"study": "digits", "factr": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["n.ipynb"]


def test_a_missing_notebook_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.ipynb does not exist"):
        run_notebook(tmp_path / "nowhere.ipynb", tmp_path / "out.ipynb", {})


@pytest.mark.parametrize("text", ["{", "[]", "<<<<<<< HEAD", ""])
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, text: str) -> None:
    source = tmp_path / "mine.ipynb"
    source.write_text(text)
    with pytest.raises(UserError, match=r"mine\.ipynb is no notebook"):
        run_notebook(source, tmp_path / "out.ipynb", {})


@pytest.mark.parametrize("kept", [{}, {"kernelspec": {"name": "python3", "display_name": "x"}}])
def test_a_notebook_without_a_kernel_or_language_is_told(
    tmp_path: Path, kept: dict[str, object]
) -> None:
    source = write_notebook(tmp_path / "mine.ipynb", "pass")
    document = json.loads(source.read_text())
    source.write_text(json.dumps(document | {"metadata": kept}))
    with pytest.raises(UserError, match=r"mine\.ipynb names no kernel .* save it in JupyterLab"):
        run_notebook(source, tmp_path / "out.ipynb", {})


def test_a_failing_cell_is_shown_and_leaves_no_result(tmp_path: Path) -> None:
    failing = "if factor > 2:\n    raise ValueError('too large: ' + study)"
    source = write_notebook(tmp_path / "fails.ipynb", "print('before')", failing, "print('after')")
    output = tmp_path / "results" / "fails.ipynb"
    with pytest.raises(NotebookError) as caught:
        run_notebook(source, output, {"study": "digits-1x100", "factor": 3})

    text = str(caught.value)
    first, line, parameters, kept = text.splitlines()[:4]
    assert first == f"{source} failed in cell 5 of 6 (In [4]), line 2:"
    assert line.strip() == "raise ValueError('too large: ' + study)"
    assert parameters == "parameters: study='digits-1x100', factor=3"
    assert kept == f"as far as it ran: {output.with_name('fails.failed.ipynb')}"
    assert "ValueError: too large: digits-1x100" in text
    assert "\x1b" not in text

    assert [path.name for path in output.parent.iterdir()] == ["fails.failed.ipynb"]
    assert printed(output.with_name("fails.failed.ipynb")) == "before\n"

    run_notebook(source, output, {"factor": 2})  # mended: the result replaces the failed copy
    assert [path.name for path in output.parent.iterdir()] == ["fails.ipynb"]
    assert printed(output) == "before\nafter\n"


def test_a_dead_kernel_is_a_failing_cell(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "dies.ipynb", "import os\nos._exit(1)")
    with pytest.raises(NotebookError, match=r"failed in cell 3 of 3.*(?s:.*)The kernel died;"):
        run_notebook(source, tmp_path / "out.ipynb", {})
    assert not (tmp_path / "out.ipynb").exists()


@pytest.mark.parametrize(
    ("cell", "place", "said"),
    [
        ("x = 1\n%nosuch", "which begins:\n    x = 1", "UsageError: Line magic function `%nosuch`"),
        ("%%nosuch\nx", "which begins:\n    %%nosuch", "UsageError: Cell magic `%%nosuch` not fou"),
        ("%run missing.py", "line 1:\n    %run missing.py", "File `'missing.py'` not found"),
        ("%%bash\nexit 3", "line 1:\n    %%bash", "returned non-zero exit status 3"),
        ("import sys\nsys.exit()", "which begins:\n    import sys", "SystemExit"),
    ],
)
def test_a_magic_that_fails_and_an_early_end_are_failing_cells(
    tmp_path: Path, cell: str, place: str, said: str
) -> None:
    source = write_notebook(tmp_path / "n.ipynb", cell, "print('after')")
    with pytest.raises(NotebookError) as caught:
        run_notebook(source, tmp_path / "out.ipynb", {})
    assert f"{source} failed in cell 3 of 4 (In [2]), {place}\n" in str(caught.value)
    assert said in str(caught.value) and "kernel died" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"n.ipynb", "out.failed.ipynb"}


WRITES = """
from pathlib import Path
for name in ("old.csv", "new.csv", "folder/old.csv", "folder/new.csv", "other.csv"):
    Path(name).write_text("half")
if factor == 2:
    raise ValueError
"""


def test_what_the_cells_of_a_failed_notebook_wrote_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("old.csv", "folder/old.csv", "folder/out.ipynb"):
        (tmp_path / name).write_text("whole")
    source = write_notebook(tmp_path / "n.ipynb", WRITES)
    output = tmp_path / "folder" / "out.ipynb"
    writes = [tmp_path / "old.csv", tmp_path / "new.csv", tmp_path / "folder"]
    with pytest.raises(NotebookError, match=r"out\.failed\.ipynb"):
        run_notebook(source, output, {}, writes)

    def found(text: str) -> set[str]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        return {str(p.relative_to(tmp_path)) for p in files if p.read_text() == text}

    assert found("whole") == {"old.csv", "folder/old.csv", "folder/out.ipynb"}
    assert found("half") == {"other.csv"}  # not said to be its own
    assert output.with_name("out.failed.ipynb").is_file()
    run_notebook(source, output, {"factor": 3}, writes)
    assert len(found("half")) == 5 and not found("whole")


SWAPS = """
import shutil
from pathlib import Path
shutil.rmtree("folder")
Path("folder").write_text("half")
Path("file").unlink()
Path("file").mkdir()
Path("file/half").write_text("half")
raise ValueError
"""


def test_a_file_in_the_place_of_a_folder_hides_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    whole = [tmp_path / "file", tmp_path / "folder" / "old"]
    for path in whole:
        path.write_text("whole")
    source = write_notebook(tmp_path / "n.ipynb", SWAPS)
    writes = [tmp_path / "file", tmp_path / "folder"]
    with pytest.raises(NotebookError, match="ValueError"):
        run_notebook(source, tmp_path / "out.ipynb", {}, writes)
    assert [path.read_text() for path in whole] == ["whole"] * 2


def test_large_outputs_are_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    size = 100_000_000
    with (tmp_path / "old").open("wb") as file:
        file.truncate(size)
    cell = f"for name in ('old', 'new'):\n    open(name, 'wb').truncate({size} + 1)\n1 / 0"
    source = write_notebook(tmp_path / "n.ipynb", cell)
    tracemalloc.start()
    with pytest.raises(NotebookError):
        run_notebook(source, tmp_path / "out.ipynb", {}, [tmp_path / "old", tmp_path / "new"])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < size / 2
    assert (tmp_path / "old").stat().st_size == size and not (tmp_path / "new").exists()


def test_a_kernel_that_does_not_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit(1)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    source = write_notebook(tmp_path / "never.ipynb", "study")
    with pytest.raises(NotebookError, match=r"the kernel of .*never.ipynb did not start: .+"):
        run_notebook(source, tmp_path / "out.ipynb", {})
    assert not list(tmp_path.glob("*out*"))


CONNECTION = """
import json, ipykernel
print(json.load(open(ipykernel.get_connection_file()))["transport"])
"""


@pytest.mark.skipif(not zmq.has("ipc"), reason="here there are no sockets in folders")
@pytest.mark.parametrize(("folder", "transport"), [("short", "ipc"), (25 * "long", "tcp")])
def test_kernels_meet_in_a_folder_of_their_own_and_not_at_ports_that_another_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, transport: str
) -> None:
    source = write_notebook(tmp_path / "where.ipynb", CONNECTION)
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        scratch = Path(short, folder)
        scratch.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(scratch))
        run_notebook(source, tmp_path / "out.ipynb", {})
        assert not list(scratch.iterdir())
    assert printed(tmp_path / "out.ipynb") == f"{transport}\n"


def test_nothing_of_the_persons_own_machine_reaches_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["/nonexistent/python"], "display_name": "Other", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("from_profile = 1")
    (tmp_path / "startup.py").write_text("from_startup = 1")
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 99\n")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("PYTHONHASHSEED", "7")

    look = "import sys, os, matplotlib\nprint(sys.executable)\nprint(os.getcwd())\n"
    look += "print(matplotlib.rcParams['lines.linewidth'], os.environ['PYTHONHASHSEED'])\n"
    look += "print(matplotlib.get_backend())\n"
    look += "print([name for name in list(globals()) if name.startswith('from_')])"
    monkeypatch.chdir(tmp_path / "jupyter")
    run_notebook(write_notebook(tmp_path / "look.ipynb", look), tmp_path / "out.ipynb", {})
    python, directory, style, backend, names = printed(tmp_path / "out.ipynb").splitlines()
    assert python == sys.executable
    assert directory == str(tmp_path / "jupyter")
    assert style == "1.5 0"
    assert "inline" in backend
    assert names == "[]"


def test_what_the_kernel_says_on_stderr_reaches_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_notebook(tmp_path / "warns.ipynb", "import warnings\nwarnings.warn('careful')")
    run_notebook(source, tmp_path / "out.ipynb", {})
    assert "careful" in capsys.readouterr().err
    assert "careful" not in printed(tmp_path / "out.ipynb")
