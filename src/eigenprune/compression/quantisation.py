"""Weights of few bits: whole numbers with one scale for each output node."""

from numbers import Integral

import torch
from torch import Tensor, nn

from eigenprune.compression.size import FLOAT, Size, bias_size
from eigenprune.divergence import require_finite
from eigenprune.networks import as_dense, fully_connected

BITS = (4, 8)


@torch.no_grad()
def quantise(model: nn.Sequential, bits: int) -> tuple[nn.Sequential, Size]:
    """Round the weights to 4 or 8 bits; activations stay float32.

    The rounding is symmetric and to the nearest, row by row (see `quantise_rows`), after training
    and without data. Two 4-bit weights share a byte. The code here needs only torch. A test
    compares it with `torchao`, which has kernels that compute with such weights.

    Args:
        model: a trained network, see `networks.mlp`.
        bits: 4 or 8.

    Returns:
        The network, with the rounded weights as ordinary float32 ones, and its size, which counts
        weights, one float32 scale for each output node and biases.

    Raises:
        ValueError: if `bits` is neither 4 nor 8.
        eigenprune.Diverged: a ValueError, if a weight is not finite.

    Source: Krishnamoorthi, arXiv 1806.08342 (2018), symmetric quantisation per channel.

    Example:
        >>> from eigenprune import mlp
        >>> quantise(mlp([784, 500, 10]), bits=8)[1]
        Size(parameters=397510, bytes=399040)
    """
    rounded = as_dense(model)
    require_finite(rounded)
    parameters = stored = 0
    for layer in fully_connected(rounded):
        integers, scales = quantise_rows(layer.weight, bits)
        layer.weight.copy_(integers * scales[:, None])
        others = len(scales) + bias_size(layer)
        parameters += integers.numel() + others
        stored += -(-integers.numel() * bits // 8) + others * FLOAT  # whole bytes
    return rounded, Size(parameters, stored)


@torch.no_grad()
def quantise_rows(weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    r"""Whole numbers q and scales s with :math:`w_{ij} \approx s_i q_{ij}`.

    .. math:: s_i = \frac{\max_j |w_{ij}|}{2^{b-1} - 1}, \qquad
        q_{ij} = \mathrm{round}(w_{ij} / s_i)

    Zero stays zero, the largest weight of a row stays as it is, and no weight moves by more than
    half a scale.

    Args:
        weight: (out_features, in_features).
        bits: b, 4 or 8.

    Returns:
        q (out_features, in_features), int8, from -(2^(b-1) - 1) to 2^(b-1) - 1; s (out_features,).

    Raises:
        ValueError: if `bits` is neither 4 nor 8.

    Example:
        >>> import torch
        >>> quantise_rows(torch.tensor([[0.7, -0.2, 0.0]]), bits=4)[0]
        tensor([[ 7, -2,  0]], dtype=torch.int8)
    """
    if not isinstance(bits, Integral) or bits not in BITS:
        raise ValueError(f"bits={bits!r}: 4 or 8")
    largest = 2 ** (bits - 1) - 1
    scales = weight.abs().amax(dim=1) / largest
    steps = weight / torch.where(scales > 0, scales, 1.0)[:, None]
    return steps.round().clamp(-largest, largest).to(torch.int8), scales
