"""Hard thresholding: nodes with small norms are set to zero after every epoch."""

import torch
from torch import Tensor, nn

from eigenprune.regularisers.base import Regulariser
from eigenprune.regularisers.scaling import (
    layers_to_scale,
    scale_incoming,
)


class HardThreshold(Regulariser):
    r"""Silence the hidden nodes whose norm is small compared with the largest of their layer.

    After each epoch all weights into node i, and its bias, are set to zero where

    .. math:: \lVert w_i\rVert_2 < s \max_k \lVert w_k\rVert_2

    with k running over the layer, so that the node with the largest norm always stays. A silenced
    node goes on training and is judged again after the next epoch: it may grow back, until the last
    epoch. In a spectral layer the eigenvectors are set to zero.

    Args:
        strength: s, from 0 to below 1, a share of the largest norm.

    Raises:
        ValueError: if `strength` is out of its range; in `prepare`, if the weights, eigenvectors
            or biases of a hidden layer are frozen, or two layers share a parameter.

    Source: Blumensath and Davies, Appl Comput Harmon Anal 27 (2009), iterative hard thresholding,
    there for single coefficients of a linear model and a fixed number of them.

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=HardThreshold(0.999))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        1
    """

    LIMIT = 1.0

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Find the hidden layers."""
        self.layers = layers_to_scale(model)
        return model

    @torch.no_grad()
    def after_epoch(
        self, model: nn.Sequential, optimiser: torch.optim.Optimizer, epoch: int, epochs: int
    ) -> None:
        """Set nodes with small norms to zero."""
        for layer in self.layers:
            norms = layer.weight.norm(dim=1)
            scale_incoming(layer, (norms >= self.strength * norms.max()).to(norms))
