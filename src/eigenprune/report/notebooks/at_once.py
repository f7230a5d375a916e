"""Several notebooks at once, each in a process of its own: drawing keeps one core busy."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import NamedTuple

from eigenprune.lab.errors import Failure
from eigenprune.lab.execution.processes import (
    WORKERS,
    default_workers,
    end_with_parent,
    interrupts_wait,
)
from eigenprune.report.notebooks.runner import NotebookError, run_notebook


class Notebook(NamedTuple):
    """What `run_notebook` takes."""

    source: Path
    output: Path
    parameters: Mapping[str, object]
    writes: tuple[Path, ...] = ()


def run_at_once(notebooks: Sequence[Notebook]) -> None:
    """Execute notebooks that do not need each other's results, see `runner.run_notebook`.

    As many run at once as there are workers by `processes.default_workers`, and what they compute
    shares those workers out. When one fails, those already running are finished and no other
    starts.

    Raises:
        NotebookError: names the notebooks that failed; their own messages are on stderr already.
        UserError: see `default_workers`.
    """
    workers = default_workers()
    at_once = min(workers, len(notebooks))
    context = multiprocessing.get_context("spawn")
    waiting, free_lines = list(notebooks), list(range(at_once))
    running: dict[SpawnProcess, tuple[Notebook, int]] = {}
    failed: list[str] = []
    try:
        while running or (waiting and not failed):
            while waiting and free_lines and not failed:
                notebook, line = waiting.pop(0), free_lines.pop(0)
                process = context.Process(
                    target=_execute, args=(notebook, workers // at_once, line)
                )
                with interrupts_wait():
                    process.start()
                running[process] = notebook, line
            wait([process.sentinel for process in running])
            for process in [process for process in running if not process.is_alive()]:
                notebook, line = running.pop(process)
                free_lines.append(line)
                if process.exitcode:
                    failed.append(f"{notebook.source.stem} ({_why(process.exitcode)})")
    finally:  # after Ctrl-C some are left
        for process in running:
            process.terminate()
        for process in running:
            process.join()
    if failed:
        raise NotebookError(f"failed: {', '.join(failed)}")


def _why(exit_code: int) -> str:
    return f"killed by signal {-exit_code}" if exit_code < 0 else "see above"


def _execute(notebook: Notebook, workers: int, line: int) -> None:
    """Run one notebook in this process; SIGTERM ends its kernel first, as Ctrl-C would."""
    # Ctrl-C reaches the whole group of processes: the parent alone decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # SIGINT ends the kernels
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    end_with_parent()
    os.environ[WORKERS] = str(workers)
    try:
        run_notebook(*notebook, line=line)
    except Failure as error:
        print(f"eigenprune: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
