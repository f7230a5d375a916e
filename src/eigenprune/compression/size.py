"""How much there is to store of a network: one measure for all ways of making it smaller."""

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
        parameters: numbers that carry values: weights (of a sparse network those that are not
            zero), biases, and scales or centroids where there are some.
        bytes: all that is stored, the places of the values in a sparse network included.
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
    """Weights that are not zero, and biases; each layer sparse or dense, whichever is smaller.

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
    """Bytes of a matrix in compressed sparse rows (CSR), or dense where that is smaller.

    CSR holds the values that are not zero (4 bytes each), their columns (2 bytes where these are at
    most 65536, else 4) and where each row begins and the last ends (4 bytes each).
    """
    rows, columns = weight.shape
    column = 2 if columns <= 2**16 else 4
    compressed = int(weight.count_nonzero()) * (FLOAT + column) + (rows + 1) * POINTER
    return min(compressed, weight.numel() * FLOAT)


def bias_size(layer: FullyConnected) -> int:
    """Number of biases of a layer."""
    return layer.out_features if layer.bias is not None else 0
