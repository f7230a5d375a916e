"""What the tests of the core share."""

from collections.abc import Iterator

import pytest
import torch

from eigenprune import onednn


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """One thread: with networks so small, threads on a busy machine mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def onednn_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use oneDNN for products, even on Intel's processors, where it works but is not worth it."""
    monkeypatch.setattr(onednn, "_intel", lambda: False)
    if not onednn.available():
        pytest.skip("no AVX-512 here, or no oneDNN: there is nothing to compare")
