"""Numbers for the sentences of the pages, from results: `{{ quick_time }}` in a page becomes one.

`eigenprune book` writes them into the settings of the copy from which it builds. Everything here
comes from files in Git, so that the same checkout gives the same sentences.
"""

from datetime import timedelta
from pathlib import Path

from eigenprune.lab.records import manifest


def facts(root: Path) -> dict[str, str]:
    """The sentences' numbers by name, for the repository at `root`.

    They say how long all quick studies took together when they were recorded, and how long all that
    is recorded at the paper's scale.
    """
    results = root / "results"
    folders = {"quick_time": results / "reference", "paper_time": results / "paper"}
    return {name: duration(_seconds(folder)) for name, folder in folders.items()}


def duration(seconds: float) -> str:
    """A time in words, in the largest unit of which there are two or more.

    >>> duration(200), duration(3600 * 25.4), duration(0)
    ('3 minutes', '25 hours', 'no time')
    """
    span = timedelta(seconds=seconds)
    for unit in ("hours", "minutes", "seconds"):
        if (count := round(span / timedelta(**{unit: 1}))) >= 2:
            return f"{count} {unit}"
    return "a second" if seconds else "no time"


def _seconds(folder: Path) -> float:
    """Trainings and prunings of all recorded studies; a network in two studies counts in both."""
    manifests = (manifest.read(path.parent) for path in sorted(folder.glob(f"*/{manifest.FILE}")))
    return sum(manifest.seconds(found) for found in manifests if found is not None)
