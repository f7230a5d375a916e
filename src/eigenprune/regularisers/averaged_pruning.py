"""Pruning while training whose result is an average of the last steps, not the last step."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.regularisers.averaging import RunningMean
from eigenprune.regularisers.gradient_pruning import GradientPruning, TaylorPruning
from eigenprune.regularisers.scheduled_pruning import RandomPruning, ScheduledPruning


class Averaged(ScheduledPruning):
    """Mixin for a scheduled pruning whose result is averaged, see `Averaging`.

    All removals are over after half of the epochs. Put it first among the bases of a class, before
    the pruning.
    """

    # Later is no better where many nodes stay, worse where few stay, and takes longer. Chosen on
    # held-out examples with Taylor pruning, as is m.
    UNTIL = 0.5
    # m: the mean covers about 100 steps, a third of an epoch of MNIST.
    AVERAGE = 0.99

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Begin the mean with the network as it is."""
        model = super().prepare(model, inputs, seed)
        self.mean = RunningMean(model, self.AVERAGE)
        return model

    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        """Update the scores, and the mean."""
        super().after_step(model, learning_rate)
        self.mean.update(model)

    def remove(
        self, model: nn.Sequential, masks: Sequence[Tensor], optimiser: torch.optim.Optimizer
    ) -> None:
        """Remove the nodes, from the mean too."""
        super().remove(model, masks, optimiser)
        self.mean.remove(masks)

    def finish(self, model: nn.Sequential) -> nn.Sequential:
        """The mean, at the network's first size."""
        return super().finish(self.mean.network())


class AveragedTaylorPruning(Averaged, TaylorPruning):
    """`TaylorPruning` in the first half of the epochs, averaged (see `Averaging`).

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model = mlp([8, 16, 2])
        >>> model, _ = train(model, x, y, epochs=3, regulariser=AveragedTaylorPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """


class AveragedGradientPruning(Averaged, GradientPruning):
    """`GradientPruning` in the first half of the epochs, averaged (see `Averaging`).

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model = mlp([8, 16, 2])
        >>> model, _ = train(model, x, y, epochs=3, regulariser=AveragedGradientPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """


class AveragedRandomPruning(Averaged, RandomPruning):
    """`RandomPruning` in the first half of the epochs, averaged (see `Averaging`).

    The control for the other averaged prunings.

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model = mlp([8, 16, 2])
        >>> model, _ = train(model, x, y, epochs=3, regulariser=AveragedRandomPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """
