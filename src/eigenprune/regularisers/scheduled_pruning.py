"""Pruning while training: nodes are silenced one after the other, those that a score ranks last."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune import importance
from eigenprune.networks import FullyConnected, hidden_layers
from eigenprune.pruning import select_nodes
from eigenprune.regularisers.base import Regulariser
from eigenprune.regularisers.scaling import scale_incoming, weights_or_eigenvectors


class ScheduledPruning(Regulariser, ABC):
    r"""Silence a rising share of the hidden nodes; a subclass says how they are ranked.

    After epoch t of T the nodes with the lowest scores, over all hidden layers, are silenced until
    the share is :math:`s\,(1 - (1 - t/T)^3)`: many at first and ever fewer, s in the end. All
    weights into a silenced node, and its bias, are zero from then on; none comes back, and every
    layer keeps one (see `pruning.select_nodes`). In a spectral layer the eigenvectors are set to
    zero.

    Args:
        strength: s, from 0 to below 1, the share of hidden nodes silent in the end.

    Raises:
        ValueError: if `strength` is out of its range; in `prepare`, if the weights or eigenvectors
            of a hidden layer are frozen.

    Source: the cubic schedule: Zhu and Gupta, arXiv 1710.01878 (2017), eq. 1, there for weights.
    """

    LIMIT = 1.0

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Find the hidden layers."""
        self.layers = hidden_layers(model)
        self.silent = [
            torch.zeros_like(weights_or_eigenvectors(layer)[:, 0], dtype=torch.bool)
            for layer in self.layers
        ]
        return model

    @abstractmethod
    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """Scores of 0 or more, one tensor (nodes,) per hidden layer; low ones go first."""

    @torch.no_grad()
    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        """Keep silent nodes silent against the momentum of Adam."""
        for layer, silent in zip(self.layers, self.silent, strict=True):
            self._silence(layer, silent)

    @torch.no_grad()
    def after_epoch(self, model: nn.Sequential, epoch: int, epochs: int) -> None:
        """Silence more nodes."""
        share = self.strength * (1 - (1 - epoch / epochs) ** 3)
        # Below all others, so that the silent ones are chosen first and none comes back.
        scores = [
            score.masked_fill(silent, -1)
            for score, silent in zip(self.rank(model), self.silent, strict=True)
        ]
        for layer, keep, silent in zip(
            self.layers, select_nodes(scores, share), self.silent, strict=True
        ):
            silent |= ~keep.to(silent.device)
            self._silence(layer, silent)

    def _silence(self, layer: FullyConnected, silent: Tensor) -> None:
        if silent.any():
            scale_incoming(layer, (~silent).to(layer.weight))


class NormPruning(ScheduledPruning):
    r"""Scheduled pruning by the norm of the incoming weights, :math:`\lVert w_i \rVert_2`.

    In a spectral layer without lambda_in this is :math:`|\lambda_i|\,\lVert\varphi_i\rVert_2`, the
    eigenvalue freed of its gauge; what remains spectral is how the network moves to it.

    Example:
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=NormPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """Norms of the incoming weights."""
        return importance.weight_norm(model)


class EigenvaluePruning(ScheduledPruning):
    r"""Scheduled pruning by :math:`|\lambda^{out}_i|`, for spectral networks.

    Raises:
        ValueError: in the first epoch, if a hidden layer is not spectral; and as the base does.

    Example:
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=EigenvaluePruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """Absolute eigenvalues."""
        return importance.eigenvalue(model)


class GradientPruning(ScheduledPruning):
    r"""Scheduled pruning of the nodes that the loss asks least for.

    After each step the running score of node i takes in what its incoming weights are worth,

    .. math:: q_i \leftarrow \rho\, q_i
        + (1-\rho) \sum_j \left| w_{ij} \, \partial L / \partial w_{ij} \right|

    with the weights just after the step. In a spectral layer the product of the eigenvectors with
    their gradient is that of w with its own.

    Source: inspired by Molchanov et al., ICLR 2017 (arXiv 1611.06440), a running mean of a
    first-order score for pruning while training, there for feature maps and their activations.

    Example:
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=GradientPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    # rho; the score remembers about 100 steps. Chosen here, not tuned.
    MEMORY = 0.99

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Find the hidden layers, and begin with scores of zero."""
        model = super().prepare(model, inputs, seed)
        self.scores = [torch.zeros_like(silent, dtype=inputs.dtype) for silent in self.silent]
        return model

    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """The running scores."""
        return self.scores

    @torch.no_grad()
    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        """Update the scores, and keep silent nodes silent."""
        for layer, score in zip(self.layers, self.scores, strict=True):
            weights = weights_or_eigenvectors(layer)
            if weights.grad is not None:
                score.lerp_((weights * weights.grad).abs().sum(dim=1), 1 - self.MEMORY)
        super().after_step(model, learning_rate)
