"""Names that are read from the source."""

from pathlib import Path

import pytest

from eigenprune.lab import score_names
from eigenprune.lab.errors import UserError


def test_a_slip_in_ones_own_score_is_told_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "importance.py").write_text("@score\ndef mine(model:\n")
    monkeypatch.setattr(score_names, "_PACKAGE", tmp_path)
    score_names.score_names.cache_clear()
    with pytest.raises(UserError, match=r"importance\.py: line \d"):
        score_names.score_names("importance")
