"""A project that computes nothing of the arena itself: its chapters show what is recorded."""

import re
from collections.abc import Callable
from pathlib import Path

CHAPTERS = ("which-regulariser", "modules", "growing-instead-of-pruning")


def test_chapters_of_the_arena_show_what_is_recorded_alone(
    run: Callable[..., str], fresh: Path, copy: Callable[[Path], Path]
) -> None:
    project = copy(fresh)
    params = project / "params.yaml"
    text, lists = re.subn(
        r"^(quick_arena|quick_trials): \[.+\]$", r"\1: []", params.read_text(), flags=re.MULTILINE
    )
    assert lists == 2
    params.write_text(text)
    run(project, f"eigenprune notebook {' '.join(CHAPTERS)}")
    assert not (project / ".eigenprune").exists()
    for name in CHAPTERS:
        names = shown(project / "results" / "chapters" / f"{name}.ipynb")
        assert "-mnist" in names and "digits" not in names


def shown(executed: Path) -> str:
    """The names of the figures and tables of an executed notebook."""
    return " ".join(re.findall(r'"name": "([^"]*)"', executed.read_text()))
