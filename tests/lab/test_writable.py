"""A store that cannot be written is told before anything is computed."""

import pytest

from eigenprune.lab.errors import UserError
from eigenprune.lab.execution import sweep
from eigenprune.lab.studies import Study


def test_a_store_that_cannot_be_written_is_named(
    tiny: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIGENPRUNE_STORE", "/proc/nowhere")
    with pytest.raises(UserError, match=r"/proc/nowhere \(EIGENPRUNE_STORE\): no file can be"):
        sweep.run_study(tiny, executor="inline")
