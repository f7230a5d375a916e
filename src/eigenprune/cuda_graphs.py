"""A GPU told once what a training step is, and then only to do it again.

A step of a small network is a hundred short kernels. Launched one by one from Python they leave a
GPU waiting; captured in a CUDA graph they are launched as one.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

# Steps taken plainly before the capture: libraries and optimiser set themselves up in the first.
PLAIN_STEPS = 3

# While one thread captures, no other may ask for the whole device, as the begin of a capture does.
_capturing = threading.Lock()
_of_thread = threading.local()


@contextmanager
def own_stream(device: torch.device) -> Iterator[None]:
    """What is done inside is done on a stream of this thread's own, one for each device.

    So several threads share a GPU: what one leaves idle another uses. It begins after what the
    stream outside was told before, and what is told there later waits for it.

    Args:
        device: a GPU; for any other device nothing is different.
    """
    if device.type != "cuda":
        yield
        return
    outside = torch.cuda.current_stream(device)
    # Kept: CUDA's libraries set memory aside for every stream that they see.
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

    Every call is one step on the rows it is given, on the current stream, which `own_stream` has
    chosen. The first ones run plainly, which warms up what a capture needs warm; the capture itself
    computes nothing. A batch of another shape, as the last of an epoch may be, runs plainly too.

    Args:
        step: does all its work on the GPU, without reading a number back, and in tensors that stay
            where they are from call to call.
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
        # Other threads go on meanwhile, and may ask for memory.
        how = torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local")
        with _capturing, how:
            self.step(self.rows)
        return graph
