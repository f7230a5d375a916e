"""Which steps run plainly and which are replayed, with stand-ins for the GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from eigenprune import cuda_graphs
from eigenprune.cuda_graphs import CapturedStep


class Recorder:
    """A step that notes its rows each time it runs, plainly or by replay."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[int]]] = []
        self.captures = 0
        self.captured: Tensor | None = None
        self.capturing = False

    def __call__(self, rows: Tensor) -> None:
        if self.capturing:
            self.captured = rows
        else:
            self.taken.append(("plain", rows.flatten().tolist()))

    def replay(self) -> None:
        assert self.captured is not None
        self.taken.append(("replayed", self.captured.flatten().tolist()))

    @contextmanager
    def capture(self, graph: object, **how: object) -> Iterator[None]:
        self.captures += 1
        self.capturing = True
        yield
        self.capturing = False


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    stand_ins: dict[str, Callable[..., object]] = {
        "current_stream": lambda device: None,
        "CUDAGraph": lambda: recorder,
        "graph": recorder.capture,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    return recorder


def test_every_batch_is_one_step_on_its_own_rows(step: Recorder) -> None:
    order = torch.randperm(2 * 32).view(2, 32)
    batches = order.split(5, dim=1)  # six of ten rows and a smaller one
    captured = CapturedStep(step, batches[0])
    for _ in range(2):
        for rows in batches:
            captured(rows)
    assert [rows for _, rows in step.taken] == [rows.flatten().tolist() for rows in batches] * 2
    assert step.captures == 1


def test_first_steps_and_smaller_batches_run_plainly(step: Recorder) -> None:
    batches = torch.arange(32).view(1, 32).split(5, dim=1)
    captured = CapturedStep(step, batches[0])
    for rows in batches * 2:
        captured(rows)
    plain = ["plain"] * cuda_graphs.PLAIN_STEPS
    epoch = ["replayed"] * 6 + ["plain"]
    assert [how for how, _ in step.taken] == plain + epoch[len(plain) :] + epoch


def test_an_order_drawn_anew_leaves_the_captured_batch_alone(step: Recorder) -> None:
    rows = torch.arange(10).view(2, 5)
    captured = CapturedStep(step, rows)
    for _ in range(cuda_graphs.PLAIN_STEPS + 1):
        captured(rows)
    captured(rows + 10)
    assert rows.flatten().tolist() == list(range(10))
    assert step.taken[-1] == ("replayed", list(range(10, 20)))
