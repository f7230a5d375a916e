"""What the tests of the core share."""

from collections.abc import Iterator

import pytest
import torch

from eigenprune import onednn


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks of a few nodes: on a busy machine, threads that wait for each other cost most."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def onednn_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products go by oneDNN, on Intel's processors too, where it is not worth it but possible."""
    monkeypatch.setattr(onednn, "_intel", lambda: False)
    if not onednn.available():
        pytest.skip("no AVX-512 here, or no oneDNN: there is nothing to compare")
