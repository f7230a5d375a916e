"""Names that are read from the source."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from eigenprune.lab import score_names
from eigenprune.lab.errors import UserError


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Names of this project are read anew after each test."""
    yield
    score_names.score_names.cache_clear()
    score_names.regulariser_names.cache_clear()


def test_a_slip_in_ones_own_score_is_told_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "importance.py").write_text("@score\ndef mine(model:\n")
    monkeypatch.setattr(score_names, "_PACKAGE", tmp_path)
    score_names.score_names.cache_clear()
    with pytest.raises(UserError, match=r"importance\.py: line \d"):
        score_names.score_names("importance")


def test_two_scores_of_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("importance", "saliency"):
        (tmp_path / f"{name}.py").write_text("@score\ndef mine(model): ...\n")
    monkeypatch.setattr(score_names, "_PACKAGE", tmp_path)
    score_names.score_names.cache_clear()
    with pytest.raises(UserError, match=r"importance\.py and saliency\.py both have a score mine"):
        score_names.all_score_names()


@pytest.mark.parametrize("key", ["NAME", "f'{NAME}'", "1", "**OTHERS"])
def test_a_regulariser_without_a_plain_name_is_told_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    (tmp_path / "regularisers").mkdir()
    entry = key if key.startswith("**") else f"{key}: Mine"
    (tmp_path / "regularisers" / "__init__.py").write_text(
        f"REGULARISERS: dict[str, type] = {{\n    'mine': Mine, {entry}}}\n"
    )
    monkeypatch.setattr(score_names, "_PACKAGE", tmp_path)
    score_names.regulariser_names.cache_clear()
    with pytest.raises(UserError, match=r"regularisers/__init__\.py: .*a key of REGULARISERS"):
        score_names.regulariser_names()
