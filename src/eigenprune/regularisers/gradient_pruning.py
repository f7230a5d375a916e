"""Gradient-driven pruning: nodes are silenced one after the other while the network is trained."""

import torch
from torch import Tensor, nn

from eigenprune.networks import FullyConnected, hidden_layers
from eigenprune.pruning import select_nodes
from eigenprune.regularisers.base import Regulariser
from eigenprune.regularisers.scaling import scale_incoming, weights_or_eigenvectors


class GradientPruning(Regulariser):
    r"""Silence a rising share of the hidden nodes, those that the loss asks least for.

    After each step the running score of node i takes in what its incoming weights are worth,

    .. math:: q_i \leftarrow \rho\, q_i
        + (1-\rho) \sum_j \left| w_{ij} \, \partial L / \partial w_{ij} \right|

    with the weights just after the step. After epoch t of T the nodes with the lowest scores, over
    all hidden layers, are silenced until the share is :math:`s\,(1 - (1 - t/T)^3)`: many at first
    and ever fewer, s in the end. All weights into a silenced node, and its bias, are zero from then
    on; none comes back, and every layer keeps one (see `pruning.select_nodes`). In a spectral layer
    the eigenvectors are set to zero; their product with their gradient is that of w with its own.

    Args:
        strength: s, from 0 to below 1, the share of hidden nodes silent in the end.

    Raises:
        ValueError: if `strength` is out of its range; in `prepare`, if the weights or eigenvectors
            of a hidden layer are frozen.

    Source: inspired by Molchanov et al., ICLR 2017 (arXiv 1611.06440), a running mean of a
    first-order score for pruning while training, there for feature maps and their activations. The
    cubic schedule: Zhu and Gupta, arXiv 1710.01878 (2017), eq. 1.

    Example:
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=GradientPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    LIMIT = 1.0
    # rho; the score remembers about 100 steps. Chosen here, not tuned.
    MEMORY = 0.99

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Find the hidden layers."""
        self.layers = hidden_layers(model)
        self.scores = [
            torch.zeros_like(weights_or_eigenvectors(layer)[:, 0]) for layer in self.layers
        ]
        self.silent = [torch.zeros_like(score, dtype=torch.bool) for score in self.scores]
        return model

    @torch.no_grad()
    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        """Update the scores, and keep silent nodes silent against the momentum of Adam."""
        for layer, score, silent in zip(self.layers, self.scores, self.silent, strict=True):
            weights = weights_or_eigenvectors(layer)
            if weights.grad is not None:
                score.lerp_((weights * weights.grad).abs().sum(dim=1), 1 - self.MEMORY)
            self._silence(layer, silent)

    @torch.no_grad()
    def after_epoch(self, model: nn.Sequential, epoch: int, epochs: int) -> None:
        """Silence more nodes."""
        share = self.strength * (1 - (1 - epoch / epochs) ** 3)
        # Below all others, so that the silent ones are chosen first and none comes back.
        scores = [
            score.masked_fill(silent, -1)
            for score, silent in zip(self.scores, self.silent, strict=True)
        ]
        for layer, keep, silent in zip(
            self.layers, select_nodes(scores, share), self.silent, strict=True
        ):
            silent |= ~keep.to(silent.device)
            self._silence(layer, silent)

    def _silence(self, layer: FullyConnected, silent: Tensor) -> None:
        if silent.any():
            scale_incoming(layer, (~silent).to(layer.weight))
