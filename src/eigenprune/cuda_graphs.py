"""A GPU told once what a training step is, and then only to do it again.

A step of a small network is a hundred short kernels. Launched one by one from Python they leave a
GPU waiting; captured in a CUDA graph they are launched as one.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

# Steps taken plainly before the capture: libraries and optimiser set themselves up in the first.
PLAIN_STEPS = 3


class CapturedStep:
    """A step on a batch of rows, captured in a CUDA graph and replayed from then on.

    Every call is one step on the rows it is given. The first ones run plainly, which warms up what
    a capture needs warm; the capture itself computes nothing. A batch of another shape, as the last
    of an epoch may be, runs plainly too.

    Args:
        step: does all its work on the GPU, without reading a number back, and in tensors that stay
            where they are from call to call.
        rows: the first batch, of the shape to capture: row numbers on the GPU.
    """

    def __init__(self, step: Callable[[Tensor], None], rows: Tensor) -> None:
        self.step = step
        self.rows = rows.clone()  # the graph reads this memory: each batch is copied into it
        self.stream = _side_stream(rows.device)
        self.plain_steps = PLAIN_STEPS
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, rows: Tensor) -> None:
        """Take one step on these rows."""
        if rows.shape != self.rows.shape:
            self.step(rows)
        elif self.plain_steps:
            self.plain_steps -= 1
            self._step_aside(rows)
        else:
            if self.graph is None:
                self.graph = self._capture()
            self.rows.copy_(rows)
            self.graph.replay()

    def _step_aside(self, rows: Tensor) -> None:
        """A plain step on the stream of the capture, as CUDA wants it for the warm-up."""
        current = torch.cuda.current_stream(rows.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            self.step(rows)
        current.wait_stream(self.stream)

    def _capture(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            self.step(self.rows)
        return graph


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    # One for all captures: CUDA's libraries set memory aside for every stream that they see.
    return torch.cuda.Stream(device)
