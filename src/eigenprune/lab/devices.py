"""The device that computes a network: the CPU, or a GPU if there is one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from eigenprune.lab.errors import UserError

if TYPE_CHECKING:
    import torch


def chosen(word: str) -> str:
    """The requested device, by torch's name.

    Args:
        word: `"cpu"`, `"cuda"`, `"cuda:1"` and so on, or `"auto"`: a GPU where torch finds one,
            else the CPU.

    Raises:
        UserError: if it is none of these words, or the device is not there.
    """
    if word == "cpu":
        return word
    if word != "auto" and not re.fullmatch(r"cuda(:\d{1,3})?", word):
        raise UserError(f"--device: {word!r} is not one of auto, cpu, cuda, cuda:1 and so on")
    import torch

    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if word == "auto":
        return "cuda" if found else "cpu"
    if int(word.partition(":")[2] or 0) >= found:
        there = ", ".join(["cpu", *(f"cuda:{number}" for number in range(found))])
        raise UserError(f"--device: {word!r} is not available; torch finds {there}")
    return word


def name(device: str) -> str:
    """`cpu`, or the name of the GPU, for the record of a run."""
    if device == "cpu":
        return device
    import torch

    return torch.cuda.get_device_name(device)


@contextmanager
def full_precision(device: "torch.device") -> Iterator[None]:
    """Compute on a device in full float32 (no TF32 on a GPU), whatever torch's setting was before.

    Nothing more is done to make runs equal bit for bit: training uses no operation that CUDA
    documents as differing between two runs on one GPU.
    """
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
            yield
    finally:
        torch.set_float32_matmul_precision(before)
