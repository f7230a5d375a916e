"""Network slimming: a gain for each node, penalised by its absolute value."""

import torch
from torch import Tensor, nn

from eigenprune.regularisers.insertion import insert, remove
from eigenprune.regularisers.penalty import Penalty, total
from eigenprune.regularisers.scaling import (
    layers_to_scale,
    scale_incoming,
    weights_or_eigenvectors,
)


class Gain(nn.Module):
    """Multiplies each node by a trainable number, 1 at the start.

    Args:
        nodes: number of gains.
    """

    def __init__(self, nodes: int) -> None:
        """Take the number of nodes."""
        super().__init__()
        self.gain = nn.Parameter(torch.ones(nodes, device="cpu"))

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., nodes) to (..., nodes)."""
        return inputs * self.gain


class GateL1(Penalty):
    r"""Give each hidden node a gain before its activation, and penalise :math:`R = \sum_i |g_i|`.

    The gain stands where batch normalisation has its scale, :math:`a_i = f(g_i z_i)` with
    :math:`z_i` the node's input sum. In the end it is multiplied into the incoming weights and the
    bias, which is exact; the score that takes it into account is `importance.weight_norm`. Without
    the batch normalisation of the source, the gain can be traded against the weights, a gauge like
    that between eigenvalue and eigenvector. Nodes are ranked by the norm because the norm does not
    depend on this gauge. Adam's steps carry a gain back and forth across zero, so it comes only as
    near to zero as a step is long. Strength 0 is not plain training: the gains are trained.

    Args:
        strength: s, 0 or more.

    Raises:
        ValueError: in `prepare`, if the weights, eigenvectors or biases of a hidden layer are
            frozen or shared with another, since the gains could not be multiplied into them.

    Source: Liu et al., ICCV 2017 (arXiv 1708.06519), eq. 1, there for channels and with batch
    normalisation.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=GateL1(1e-3))
        >>> len(model)
        3
    """

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Put gains after every hidden layer."""
        self.layers = layers_to_scale(model)
        self.gains = [
            Gain(layer.out_features).to(weights_or_eigenvectors(layer)) for layer in self.layers
        ]
        return insert(model, after=dict(zip(self.layers, self.gains, strict=True)))

    def penalty(self) -> Tensor:
        """R, a number."""
        return total([gain.gain.abs() for gain in self.gains])

    @torch.no_grad()
    def finish(self, model: nn.Sequential) -> nn.Sequential:
        """Multiply the gains into the incoming weights and take them out."""
        for layer, gain in zip(self.layers, self.gains, strict=True):
            scale_incoming(layer, gain.gain)
        return remove(model, self.gains)
