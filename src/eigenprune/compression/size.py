"""How much storage a network needs: one measure for all ways of making it smaller."""

import math
from dataclasses import dataclass

from torch import Tensor, nn

from eigenprune.metrics import parameters
from eigenprune.networks import FullyConnected, fully_connected

FLOAT = 4  # bytes of a float32
POINTER = 4  # bytes of a whole number that counts weights


@dataclass(frozen=True)
class Size:
    """What must be stored of a network.

    Attributes:
        parameters: numbers that carry values: weights (in a sparse network, those that are not
            zero), biases, and scales or centroids where there are some.
        bytes: all that is stored, including the places of the values in a sparse network.
    """

    parameters: int
    bytes: int


def dense_size(model: nn.Sequential) -> Size:
    """All weights and biases as float32.

    Example:
        >>> from eigenprune import mlp
        >>> dense_size(mlp([784, 500, 10]))
        Size(parameters=397000, bytes=1588000)
    """
    return Size(parameters(model), FLOAT * parameters(model))


def sparse_size(model: nn.Sequential) -> Size:
    """Weights that are not zero, and biases; each layer in its smallest form, see `sparse_bytes`.

    Example:
        >>> import torch
        >>> sparse_size(nn.Sequential(nn.Linear(4, 2, bias=False)).requires_grad_(False))
        Size(parameters=8, bytes=32)
    """
    layers = fully_connected(model)
    biases = sum(bias_size(layer) for layer in layers)
    weights = sum(int(layer.weight.count_nonzero()) for layer in layers)
    return Size(
        weights + biases, sum(sparse_bytes(layer.weight) for layer in layers) + FLOAT * biases
    )


def sparse_bytes(weight: Tensor) -> int:
    """Bytes of a matrix with many zero weights, in whichever form is the smallest.

    All forms hold the values that are not zero, 4 bytes each. Compressed sparse rows (CSR) also
    hold the column of each value (2 bytes if there are at most 65536 columns, else 4) and where
    each row begins and the last ends (4 bytes each). A bitmap also says in one bit per weight
    whether it is zero. The dense matrix holds the zeros as well.

    Example:
        >>> import torch
        >>> [sparse_bytes(torch.rand(64, 64) < share) for share in (0, 1)], 64 * 64 * 4
        ([260, 16384], 16384)
        >>> sparse_bytes(torch.eye(2).repeat(32, 32))  # half of them zero: a bitmap
        8704
    """
    rows, columns = weight.shape
    values = int(weight.count_nonzero()) * FLOAT
    column = 2 if columns <= 2**16 else 4
    in_rows = values // FLOAT * column + (rows + 1) * POINTER
    bitmap = math.ceil(weight.numel() / 8)
    return min(values + min(in_rows, bitmap), weight.numel() * FLOAT)


def bias_size(layer: FullyConnected) -> int:
    """Number of biases of a layer."""
    return layer.out_features if layer.bias is not None else 0
