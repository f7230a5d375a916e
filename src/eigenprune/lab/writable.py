"""Whether files can be written, asked before hours are spent on computing their content."""

from pathlib import Path
from tempfile import TemporaryFile

from eigenprune.files import nearest_there
from eigenprune.lab.errors import UserError


def require_room(folder: Path, trouble: str) -> None:
    """Refuse a folder in which no file can be created.

    Args:
        folder: it need not be there, if it can be made.
        trouble: begins the sentence: what cannot be done.

    Raises:
        UserError: if it can neither be written to nor made.
    """
    there = nearest_there(folder)
    if not there.is_dir():
        raise UserError(f"{trouble}: {there} is not a folder")
    try:
        with TemporaryFile(dir=there):  # permissions do not say enough: a disk may be read-only
            pass
    except OSError as error:
        raise UserError(
            f"{trouble}: no file can be created in {there} ({error.strerror})"
        ) from None
