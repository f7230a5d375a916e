"""Run a parameterised notebook so that equal inputs give equal bytes.

papermill executes the cells; this module adds what a pipeline needs around it: no parameter is
ignored, nothing of the user's own machine (profile, kernels, plotting defaults) leaks into the
result, nothing half-written is left where a result is expected, and a failure says where and why.
"""

import filecmp
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eigenprune.files import write_whole
from eigenprune.lab.errors import Failure, UserError

# What an executed notebook may say about itself. The rest (times, paths, versions of the kernel)
# differs between two equal runs.
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_KEYS = ("tags", "mystnb")  # mystnb: the alternative text of a figure
LANGUAGE_KEYS = ("name", "file_extension", "mimetype", "pygments_lexer")

FAILED = ".failed.ipynb"  # ends the name of what is kept of a notebook that failed

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class NotebookError(Failure):
    """A cell failed. The text shows notebook, parameters, cell, source line and traceback."""


def run_notebook(
    source: Path,
    output: Path,
    parameters: Mapping[str, object],
    writes: Sequence[Path] = (),
    *,
    line: int = 0,
) -> None:
    """Execute `source` with `parameters` and write the executed notebook to `output`.

    The kernel is the Python that runs this function, whatever kernels are installed. It works in
    the current directory. What it writes to stderr goes to this process's stderr, not into the
    notebook. There is no limit on how long a cell may take.

    Args:
        source: the notebook; its parameters stand in a cell tagged `parameters`.
        output: where the executed notebook goes. It appears only when every cell has passed.
        parameters: values by name; each name must be declared by the notebook.
        writes: files and folders that its cells write. Unless every cell passes, they are
            afterwards what they were before.
        line: where on the terminal its progress bar goes when several are shown.

    Raises:
        UserError: the notebook is missing, or does not declare one of the parameters.
        NotebookError: a cell failed, and the notebook as far as it ran is kept beside `output`
            under `<stem>.failed.ipynb`; or the kernel did not start.
    """
    check_parameters(source, parameters)

    import nbformat
    from papermill.exceptions import PapermillExecutionError

    failed_copy = output.with_name(output.stem + FAILED)
    with (
        _put_back_unless_passed(writes),
        TemporaryDirectory(prefix="eigenprune-notebook-") as name,
    ):
        partial, error = Path(name) / "partial.ipynb", None
        try:
            _execute(source, partial, parameters, line, scratch=Path(name))
        except (PapermillExecutionError, RuntimeError) as raised:  # the latter is from the kernel
            error = raised
        notebook = nbformat.read(partial, as_version=4) if partial.exists() else None
        begun = [] if notebook is None else _begun(notebook)
        if error and not begun:
            raise NotebookError(f"the kernel of {source} did not start: {error}") from error
        if error or _ended_early(notebook):
            # Cells run in order, so the cell that failed is the last that started.
            text = _failure_text(source, failed_copy, parameters, notebook, begun[-1], error)
            _write(_normalised(notebook), failed_copy)
            raise NotebookError(text)
        _write(_normalised(notebook), output)
    failed_copy.unlink(missing_ok=True)


def declared_parameters(source: Path) -> set[str]:
    """The names in the notebook's cell tagged `parameters`.

    Raises:
        UserError: the notebook is missing or names no kernel, or the file is no notebook.
    """
    if not source.is_file():
        raise UserError(f"notebook {source} does not exist")
    from papermill import inspect_notebook

    try:
        return set(inspect_notebook(source))
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        if "found in notebook" in str(error):  # papermill found no kernel or no language
            raise UserError(
                f"{source} names no kernel (`kernelspec` in its metadata); save it in JupyterLab "
                "with the kernel Python 3"
            ) from None
        raise UserError(
            f"{source} is no notebook, which is a file of JSON; a merge conflict may be left in it"
        ) from None


def check_parameters(source: Path, parameters: Mapping[str, object]) -> None:
    """Refuse a parameter that the notebook does not declare: papermill only warns.

    Raises:
        UserError: there is one, or the notebook is missing.
    """
    declared = declared_parameters(source)
    for name in parameters:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise UserError(f"{source} has no parameter {name!r}; it declares: {known}")


@contextmanager
def _put_back_unless_passed(paths: Sequence[Path]) -> Iterator[None]:
    """Give files, and those in folders, the content that they had before if the block raises.

    DVC has removed the outputs of its stage before, so there they are gone afterwards. Outputs may
    be large: the old ones are kept on the disk.
    """
    with TemporaryDirectory(prefix="eigenprune-outputs-") as folder:
        kept = {path: Path(folder, str(number)) for number, path in enumerate(_files_in(paths))}
        for path, copy in kept.items():
            shutil.copy2(path, copy)
        try:
            yield
        except BaseException:
            for path in _files_in(paths):
                if path not in kept:
                    path.unlink(missing_ok=True)
            for path, copy in kept.items():
                if path.is_dir():
                    shutil.rmtree(path)
                if not (path.exists() and filecmp.cmp(path, copy, shallow=False)):
                    path.unlink(missing_ok=True)  # it may be a link into DVC's cache
                    path.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(copy, path)
            raise


def _files_in(paths: Iterable[Path]) -> list[Path]:
    files = [each for path in paths for each in (path, *path.rglob("*")) if each.is_file()]
    return [file for file in files if not file.name.endswith(FAILED)]


def _execute(
    source: Path, partial: Path, parameters: Mapping[str, object], line: int, scratch: Path
) -> None:
    from papermill import execute_notebook

    execute_notebook(
        source,
        partial,
        parameters=dict(parameters),
        kernel_name=KERNELSPEC["name"],
        language=KERNELSPEC["language"],
        kernel_manager_class=_own_kernel(scratch),
        stderr_file=_Terminal(),
        # `disable=None` tells tqdm to draw a bar on a terminal and nothing in a log file.
        progress_bar={"desc": source.stem, "leave": False, "disable": None, "position": line},
    )


def _own_kernel(scratch: Path) -> type[Any]:
    """A kernel manager that knows one kernel: this Python, in an environment of its own.

    Without it, a kernelspec named python3 in the user's home or in JUPYTER_PATH, made for another
    Python, would be started instead.
    """
    import zmq
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from traitlets import default

    style = scratch / "matplotlibrc"
    style.write_text("svg.hashsalt: eigenprune\n")  # element ids in SVG are random without it
    environment = {
        "PYTHONHASHSEED": "0",
        # A user's startup files, IPython profile and matplotlib style change no result.
        "PYTHONSTARTUP": "",
        "IPYTHONDIR": str(scratch / "ipython"),
        "MATPLOTLIBRC": str(style),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        # matplotlib writes the time into an SVG unless this fixes it: 1980, the oldest a zip takes.
        "SOURCE_DATE_EPOCH": "315532800",
    }
    launcher = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {
        # No message on how the kernel is connected, nor on the interrupt that ends it.
        "argv": [*launcher, "--log-level=CRITICAL"],
        "display_name": KERNELSPEC["display_name"],
        "language": KERNELSPEC["language"],
        "env": environment,
    }
    folder = scratch / "kernels" / KERNELSPEC["name"]
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec))

    sockets = str(scratch / "kernel")
    # Two kernels that start at the same moment may be given the same free port, and one dies.
    # Sockets in a folder of its own avoid this, where they exist and the path is not too long.
    by_folder = zmq.has("ipc") and len(f"{sockets}-5".encode()) <= zmq.IPC_PATH_MAX_LEN

    class OwnKernelManager(AsyncKernelManager):
        @default("transport")
        def _meets_by(self) -> str:
            return "ipc" if by_folder else "tcp"

        @default("ip")
        def _where_they_meet(self) -> str:
            return sockets if by_folder else super()._ip_default()

        @default("kernel_spec_manager")
        def _only_this_python(self) -> KernelSpecManager:
            return KernelSpecManager(kernel_dirs=[str(folder.parent)])

    return OwnKernelManager


class _Terminal:
    """The kernel's stderr, shown above the progress bar instead of through it."""

    def write(self, text: str) -> None:
        from tqdm.auto import tqdm

        tqdm.write(text, file=sys.stderr, end="")

    def flush(self) -> None:
        sys.stderr.flush()


def _normalised(notebook: Any) -> Any:
    """The notebook without what differs between two equal runs: times, ids, paths, stderr."""
    from nbformat import NotebookNode, from_dict

    language = notebook.metadata.get("language_info", {})
    kept = {key: language[key] for key in LANGUAGE_KEYS if key in language}
    cells: list[Any] = []
    for cell in _without_markers(notebook):
        cell = NotebookNode(cell, id=f"cell-{len(cells) + 1}", metadata=_cell_metadata(cell))
        if cell.cell_type == "code":
            cell.outputs = _normalised_outputs(cell.outputs)
        cells.append(cell)
    return from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": KERNELSPEC, "language_info": kept},
            "cells": cells,
        }
    )


def _without_markers(notebook: Any) -> list[Any]:
    """The cells without those in which papermill points at an error."""
    from papermill.execute import ERROR_MARKER_TAG

    return [
        cell for cell in notebook.cells if ERROR_MARKER_TAG not in cell.metadata.get("tags", [])
    ]


def _begun(notebook: Any) -> list[int]:
    """The numbers, from 0, of the cells that were begun."""
    cells = enumerate(_without_markers(notebook))
    return [n for n, cell in cells if cell.metadata.get("papermill", {}).get("start_time")]


def _ended_early(notebook: Any) -> bool:
    """Whether a cell left the notebook by `sys.exit()`, which papermill takes for success."""
    return any(cell.metadata.get("papermill", {}).get("exception") for cell in notebook.cells)


def _cell_metadata(cell: Any) -> Any:
    from nbformat import NotebookNode

    return NotebookNode({key: cell.metadata[key] for key in CELL_KEYS if cell.metadata.get(key)})


def _normalised_outputs(outputs: list[Any]) -> list[Any]:
    """Drop stderr and join the pieces of stdout: where it is cut depends on timing."""
    kept: list[Any] = []
    for output in outputs:
        if output.output_type != "stream":
            kept.append(output)
        elif output.name == "stdout":
            if kept and kept[-1].output_type == "stream":
                kept[-1].text += output.text
            else:
                kept.append(output)
    return kept


def _write(notebook: Any, path: Path) -> None:
    import nbformat

    # As nbformat writes a file: the text and one line break.
    write_whole(path, (nbformat.writes(notebook).rstrip("\n") + "\n").encode())


def _failure_text(
    source: Path,
    failed_copy: Path,
    parameters: Mapping[str, object],
    notebook: Any,
    number: int,
    error: Exception | None,
) -> str:
    cells = _without_markers(notebook)
    said, count = _said(cells[number], error), cells[number].get("execution_count")
    match = re.search(rf"In\[{count}\], line (\d+)", said)
    line = int(match[1]) if match else 1
    values = ", ".join(f"{name}={value!r}" for name, value in parameters.items()) or "none"
    execution = f" (In [{count}])" if count else ""
    return "\n".join(
        [
            f"{source} failed in cell {number + 1} of {len(cells)}{execution}, "
            f"{f'line {line}' if match else 'which begins'}:",
            *(f"    {text.strip()}" for text in cells[number].source.splitlines()[line - 1 : line]),
            f"parameters: {values}",
            f"as far as it ran: {failed_copy}",
            "",
            said,
        ]
    )


def _said(cell: Any, error: Exception | None) -> str:
    """What tells why a cell failed."""
    from nbclient.exceptions import DeadKernelError

    if isinstance(error, DeadKernelError):
        return "The kernel died; too little memory is the usual cause."
    traces = ["\n".join(each.traceback) for each in cell.outputs if each.output_type == "error"]
    # A magic that does not exist has no traceback: IPython writes a sentence to stderr.
    told = [each.text for each in cell.outputs if each.get("name") == "stderr"]
    return ANSI.sub("", "\n".join(traces or told)).strip("\n") or str(error)
