"""How far a study is and how long it will still take: a bar on a terminal, lines elsewhere."""

import math
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
        start, done, told = time.monotonic(), 0.0, 0
        whole = todo.work or 1.0  # an untrained network is no work

        lock = threading.Lock()  # with a GPU, several threads report

        def on_units(units: float) -> None:
            nonlocal done, told
            with lock:
                done += units
                share = done / whole
                tenth = math.floor(10 * share + 1e-9)  # rounding may leave the sum just short
                if told < tenth < 10:
                    left = (time.monotonic() - start) / share * (1 - share)
                    when = timedelta(seconds=round(left))
                    print(f"{title}: {share:.0%} done, {when} left", file=sys.stderr, flush=True)
                    told = tenth

        return on_units

    return on_start
