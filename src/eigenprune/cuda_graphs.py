"""Training steps that are captured once in a CUDA graph and then replayed.

A step of a small network is a hundred short kernels. Launched one by one from Python, they leave a
GPU waiting; captured in a CUDA graph, they are launched as one.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

# Steps taken without a graph before the capture: libraries and the optimiser set themselves up in
# the first one.
PLAIN_STEPS = 3

# While one thread captures, no other may synchronise the whole device, as starting a capture does.
_capturing = threading.Lock()
_of_thread = threading.local()


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """Do the work inside on this thread's own stream, of which it has one for each device.

    Several threads can then share a GPU: one uses what another leaves idle. The work inside starts
    after all work given earlier to the surrounding stream, and work given to that stream later
    waits for it.

    Args:
        device: a GPU; for any other device nothing changes.
    """
    if device.type != "cuda":
        yield
        return
    outside = torch.cuda.current_stream(device)
    # Streams are kept and reused: CUDA's libraries set memory aside for every stream they see.
    streams: dict[torch.device, torch.cuda.Stream] = _of_thread.__dict__.setdefault("streams", {})
    if outside.device not in streams:
        streams[outside.device] = torch.cuda.Stream(device)
    stream = streams[outside.device]
    stream.wait_stream(outside)
    with torch.cuda.stream(stream):
        yield
    outside.wait_stream(stream)


class CapturedStep:
    """A step on a batch of rows, captured in a CUDA graph and replayed from then on.

    Every call takes one step on the rows it is given, on the current stream, which `own_stream` has
    chosen. The first calls run without a graph, which warms up what a capture needs warm. The
    capture itself computes nothing. A batch of another shape, as the last of an epoch may be, runs
    without a graph too.

    Args:
        step: does all its work on the GPU, reads no number back, and works in tensors that stay at
            the same place in memory from call to call.
        rows: the first batch, of the shape to capture: row numbers on the GPU.
    """

    def __init__(self, step: Callable[[Tensor], None], rows: Tensor) -> None:
        self.step = step
        self.rows = rows.clone()  # the graph reads this memory: each batch is copied into it
        self.plain_steps = PLAIN_STEPS
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, rows: Tensor) -> None:
        """Take one step on these rows."""
        if rows.shape != self.rows.shape:
            self.step(rows)
        elif self.plain_steps:
            self.plain_steps -= 1
            self.step(rows)
        else:
            if self.graph is None:
                self.graph = self._capture()
            self.rows.copy_(rows)
            self.graph.replay()

    def _capture(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.current_stream(self.rows.device)
        # Other threads continue meanwhile and may allocate memory.
        how = torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local")
        with _capturing, how:
            self.step(self.rows)
        return graph
