"""Pruning while training whose result is an average of the last steps, not the last step."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.regularisers.gradient_pruning import GradientPruning, TaylorPruning
from eigenprune.regularisers.scheduled_pruning import RandomPruning, ScheduledPruning
from eigenprune.shrinking import shrink


class Averaged(ScheduledPruning):
    r"""What makes of a scheduled pruning one whose result has a running mean of the parameters.

    .. math:: \bar\theta \leftarrow m\,\bar\theta + (1 - m)\,\theta

    after each step, of weights or eigenvalues and eigenvectors, whichever the layers have; in the
    end without what is left in it of the network before the first of n steps,
    :math:`(\bar\theta - m^n \theta_0) / (1 - m^n)`. The steps know nothing of it, and the losses of
    a training are theirs, not those of the mean. With a constant learning rate the network moves
    around what it learns towards, and a small one gains from standing in the middle. All nodes that
    go are gone after half of the epochs. It stands first among the bases of a class, the pruning
    behind it.

    Source: Polyak and Juditsky, SIAM J. Control Optim. 30:838 (1992), there the plain mean.
    """

    # Later is no better where many nodes stay, is worse where few do, and takes longer. Chosen by
    # examples held out, as is m, with Taylor pruning.
    UNTIL = 0.5
    # m: the mean reaches over about 100 steps, a third of an epoch of MNIST.
    AVERAGE = 0.99

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Begin the mean with the network as it is."""
        model = super().prepare(model, inputs, seed)
        self.mean, self.first, self.taken = copy.deepcopy(model), copy.deepcopy(model), 0
        return model

    @torch.no_grad()
    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        """Update the scores, and the mean."""
        super().after_step(model, learning_rate)
        self.taken += 1
        for mean, parameter in zip(self.mean.parameters(), model.parameters(), strict=True):
            mean.lerp_(parameter, 1 - self.AVERAGE)

    def remove(
        self, model: nn.Sequential, masks: Sequence[Tensor], optimiser: torch.optim.Optimizer
    ) -> None:
        """Remove the nodes, from the mean too."""
        super().remove(model, masks, optimiser)
        shrink(self.mean, masks)
        shrink(self.first, masks)

    @torch.no_grad()
    def finish(self, model: nn.Sequential) -> nn.Sequential:
        """The mean, at the network's first size."""
        share = self.AVERAGE**self.taken  # of the network before the first step
        if self.taken and share > torch.finfo(torch.float32).eps:
            for mean, first in zip(self.mean.parameters(), self.first.parameters(), strict=True):
                if mean.requires_grad:  # what is frozen is its own mean
                    mean.sub_(first, alpha=share).div_(1 - share)
        return super().finish(self.mean)


class AveragedTaylorPruning(Averaged, TaylorPruning):
    """Taylor pruning, see `TaylorPruning`; its result is averaged, see `Averaged`.

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
    """Gradient pruning, see `GradientPruning`; its result is averaged, see `Averaged`.

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
    """Nodes by lot, see `RandomPruning`; its result is averaged, see `Averaged`: their control.

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model = mlp([8, 16, 2])
        >>> model, _ = train(model, x, y, epochs=3, regulariser=AveragedRandomPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """
