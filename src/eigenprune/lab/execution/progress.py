"""How far a study is and how long it will still take: a bar on a terminal, lines elsewhere."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from eigenprune.lab.execution.sweep import OnStart, Outlook
from eigenprune.lab.execution.tasks import OnUnits


@contextmanager
def shown(title: str) -> Iterator[OnStart]:
    """Show the progress of what is done inside.

    Example:
        `with shown(study.name) as on_start: run_study(study, on_start=on_start)`
    """
    if sys.stderr.isatty():
        yield from _bar(title)
    else:
        yield _lines(title)


def _summary(title: str, todo: Outlook) -> str:
    total = todo.runs_done + todo.runs_to_compute
    return f"{title}: {todo.runs_done} of {total} runs are done"


def _bar(title: str) -> Iterator[OnStart]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        # Runs differ in length: a short memory would make the time left jump.
        speed_estimate_period=600,
    )

    def on_start(todo: Outlook) -> OnUnits:
        console.print(_summary(title, todo), highlight=False)
        task = bar.add_task(title, total=todo.work or 1.0, completed=0 if todo.work else 1)
        return lambda units: bar.advance(task, units)

    with bar:
        yield on_start


def _lines(title: str) -> OnStart:
    def on_start(todo: Outlook) -> OnUnits:
        print(_summary(title, todo), file=sys.stderr, flush=True)
        start, done, next_share = time.monotonic(), 0.0, 0.1

        lock = threading.Lock()  # several threads report what they did on a GPU

        def on_units(units: float) -> None:
            nonlocal done, next_share
            with lock:
                done += units
                share = done / todo.work
                if share >= next_share and share < 1:
                    left = (time.monotonic() - start) / share * (1 - share)
                    when = timedelta(seconds=round(left))
                    print(f"{title}: {share:.0%} done, {when} left", file=sys.stderr, flush=True)
                    next_share = share + 0.1

        return on_units

    return on_start
