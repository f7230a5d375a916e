"""Pruning while training by scores made of gradients, averaged over many steps."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.layers import SpectralLinear
from eigenprune.networks import FullyConnected, hidden_layers
from eigenprune.regularisers.scaling import weights_or_eigenvectors
from eigenprune.regularisers.scheduled_pruning import ScheduledPruning


class RunningScorePruning(ScheduledPruning):
    r"""Scheduled pruning by a running mean, :math:`q_i \leftarrow \rho\, q_i + (1-\rho)\, a_i`.

    After each step node i is worth :math:`a_i`, which a subclass computes from the gradients.
    """

    # rho; the score remembers about 1000 steps. Once the training loss is near zero, so are the
    # gradients, and a score with a short memory ranks by noise. Chosen on held-out MNIST examples.
    MEMORY = 0.999

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Begin with scores of zero."""
        model = super().prepare(model, inputs, seed)
        self.scores = [inputs.new_zeros(len(kept)) for kept in self.kept]
        return model

    @abstractmethod
    def worth(self, layer: FullyConnected) -> Tensor:
        """What the nodes of a layer are worth after a step, (nodes,), 0 or more."""

    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """The running scores."""
        return self.scores

    @torch.no_grad()
    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        """Update the scores."""
        for layer, score in zip(hidden_layers(model), self.scores, strict=True):
            score.lerp_(self.worth(layer), 1 - self.MEMORY)

    def remove(
        self, model: nn.Sequential, masks: Sequence[Tensor], optimiser: torch.optim.Optimizer
    ) -> None:
        """Remove the nodes, and their scores."""
        super().remove(model, masks, optimiser)
        self.scores = [
            score[mask.to(score.device)] for score, mask in zip(self.scores, masks, strict=True)
        ]


class GradientPruning(RunningScorePruning):
    r"""Scheduled pruning of the nodes with the smallest products of weights and gradients.

    A node is worth the sum of what its incoming weights are worth,

    .. math:: a_i = \sum_j \left| w_{ij} \, \partial L / \partial w_{ij} \right|

    with the weights just after the step. In a spectral layer, the product of an eigenvector entry
    with its gradient equals that of the weight with its gradient.

    Source: inspired by Molchanov et al., ICLR 2017 (arXiv 1611.06440), a running mean of a
    first-order score for pruning while training, there for feature maps and their activations.

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=GradientPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    def worth(self, layer: FullyConnected) -> Tensor:
        """The sum over the incoming weights of their absolute products with their gradients."""
        weights = weights_or_eigenvectors(layer)
        return (weights * _gradient(weights)).abs().sum(dim=1)


class TaylorPruning(RunningScorePruning):
    r"""Scheduled pruning of the nodes whose removal, to first order, would change the loss least.

    The squared gradient that a gate on the whole node would have at 1:

    .. math:: a_i = \Big( \sum_j w_{ij} \, \frac{\partial L}{\partial w_{ij}} \Big)^2
        = \Big( \lambda^{out}_i \, \frac{\partial L}{\partial \lambda^{out}_i} \Big)^2

    on a batch, with the weights just after the step and without the bias. The second form holds in
    a spectral layer without lambda_in. There the eigenvalue is that gate, its gradient is computed
    in any case, and the score itself costs one product per node instead of one per weight; but what
    the layer computes for its eigenvalues in every step takes more time than that saves. The score
    does not depend on the gauge, because :math:`\lambda_i \to c\lambda_i` divides the gradient by
    c.

    Source: Molchanov et al., CVPR 2019 (arXiv 1906.10771), eq. 7 and the gates of sect. 3.2; the
    form with eigenvalues is ours.

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=TaylorPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    def worth(self, layer: FullyConnected) -> Tensor:
        """The squared first-order change of the loss."""
        if (
            isinstance(layer, SpectralLinear)
            and layer.eigenvalues_in is None
            and layer.eigenvalues_out.requires_grad
        ):
            return (layer.eigenvalues_out * _gradient(layer.eigenvalues_out)) ** 2
        weights = weights_or_eigenvectors(layer)
        return (weights * _gradient(weights)).sum(dim=1) ** 2


def _gradient(parameter: Tensor) -> Tensor:
    """The gradient of the step just taken."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
