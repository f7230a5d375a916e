"""The whole book as one PDF, by way of LaTeX."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import Params
from eigenprune.report.book.build import BookError, assemble, run_sphinx

# The programs that are called, and the Debian packages with them and the files they need.
PROGRAMS = {
    "latexmk": "latexmk",
    "rsvg-convert": "librsvg2-bin",
    "xelatex": "texlive-xetex texlive-fonts-recommended fonts-freefont-otf",
}


def build_pdf(root: Path, params: Params) -> Path:
    """Build `root/build/book/eigenprune.pdf` from the sources of `build_book`.

    Figures stay vector graphics. The date of the PDF is SOURCE_DATE_EPOCH if that is set, else the
    date of the commit; the same sources and date give the same bytes.

    Args:
        root: the repository, see `build_book`.
        params: see `build_book`.

    Returns:
        The file; it is replaced only by a finished one.

    Raises:
        UserError: a program, a notebook or a figure is missing.
        BookError: Sphinx or LaTeX failed.
    """
    require_programs()
    epoch = _epoch(root)
    latex = run_sphinx(assemble(root, params), "latex", epoch)
    made = typeset(latex, epoch)
    pdf = root / "build" / "book" / "eigenprune.pdf"
    made.replace(pdf)
    shutil.rmtree(latex.parent)
    return pdf


def require_programs() -> None:
    """Fail before the long build if a program is missing.

    Raises:
        UserError: naming the Debian packages that are missing.
    """
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        packages = " ".join(PROGRAMS[name] for name in missing)
        raise UserError(
            f"the PDF needs {', '.join(missing)}, which PATH does not hold: "
            f"on Debian and Ubuntu, `apt-get install {packages}`"
        )


def _epoch(root: Path) -> str:
    """The date of the book in seconds since 1970: SOURCE_DATE_EPOCH, else that of the commit."""
    if stated := os.environ.get("SOURCE_DATE_EPOCH"):
        return stated
    command = ["git", "-C", str(root), "log", "-1", "--format=%ct"]
    run = subprocess.run(command, capture_output=True, text=True)
    return run.stdout.strip() or "315532800"


def typeset(folder: Path, epoch: str) -> Path:
    """Run LaTeX until all references are right.

    Args:
        folder: what Sphinx has written, with `eigenprune.tex`.
        epoch: the date of the PDF, in seconds since 1970.

    Returns:
        `eigenprune.pdf` in that folder.

    Raises:
        BookError: LaTeX failed.
    """
    source = folder / "eigenprune.tex"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch, "FORCE_SOURCE_DATE": "1", "TZ": "UTC"}
    run = subprocess.run(
        ["latexmk", "-xelatex", "-interaction=nonstopmode", "-halt-on-error", source.name],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if run.returncode:
        raise BookError(f"LaTeX failed:\n{complaint(run.stdout)}")
    return source.with_suffix(".pdf")


def complaint(log: str) -> str:
    r"""The first error in the output of LaTeX, with the lines that show where it is.

    >>> complaint("(file.tex\n! Undefined control sequence.\nl.7 \\nowhere\n\nNo pages.")
    '! Undefined control sequence.\nl.7 \\nowhere'
    """
    found = re.search(r"^! .*?(?=\n\n|\Z)", log, re.MULTILINE | re.DOTALL)
    return found[0] if found else log.strip()[-1000:]
