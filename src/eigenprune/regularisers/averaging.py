"""Averaging: the result of a training is a running mean of the parameters, not the last step."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.regularisers.base import Regulariser
from eigenprune.shrinking import shrink


class RunningMean:
    """The running mean of a network's parameters, as `Averaging` defines it.

    Args:
        model: before its first step; copied.
        memory: m, from 0 to below 1.
    """

    def __init__(self, model: nn.Sequential, memory: float) -> None:
        """Begin with the network as it is."""
        self.mean, self.first = copy.deepcopy(model), copy.deepcopy(model)
        self.memory, self.steps = memory, 0

    @torch.no_grad()
    def update(self, model: nn.Sequential) -> None:
        """Add the network after a step to the mean."""
        self.steps += 1
        for mean, parameter in zip(self.mean.parameters(), model.parameters(), strict=True):
            mean.lerp_(parameter, 1 - self.memory)

    def remove(self, masks: Sequence[Tensor]) -> None:
        """Remove the nodes that the masks do not keep, as from the network, see `shrink`."""
        for model in (self.mean, self.first):
            shrink(model, masks)

    @torch.no_grad()
    def network(self) -> nn.Sequential:
        """The mean over the steps taken; the network as it was if there are none."""
        network = copy.deepcopy(self.mean)
        share = self.memory**self.steps  # of the network before the first step
        if self.steps and share > torch.finfo(torch.float32).eps:
            for mean, first in zip(network.parameters(), self.first.parameters(), strict=True):
                if mean.requires_grad:  # what is frozen is its own mean
                    mean.sub_(first, alpha=share).div_(1 - share)
        return network


class Averaging(Regulariser):
    r"""Plain training whose result is a running mean of the parameters.

    .. math:: \bar\theta \leftarrow m\,\bar\theta + (1 - m)\,\theta

    after each step. The parameters are weights, or eigenvalues and eigenvectors, whichever the
    layers have. In the end, what is left in the mean of the network before the first of n steps is
    taken out, :math:`(\bar\theta - m^n \theta_0) / (1 - m^n)`. The mean covers about
    :math:`1 / (1 - m)` steps. The steps do not depend on the mean, and the losses that training
    reports are those of the steps. With a constant learning rate the network moves around the point
    that it learns towards, and a small network gains from standing in the middle.

    No node is removed. A network that is small from the start needs averaging to be compared with
    one that is averaged while it is pruned, as by `AveragedGradientPruning`.

    Args:
        strength: m, from 0 (the last step, as without averaging) to below 1.

    Raises:
        ValueError: if `strength` is out of its range.

    Source: Polyak and Juditsky, SIAM J. Control Optim. 30:838 (1992), there the plain mean.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=Averaging(0.9))
    """

    LIMIT = 1.0

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Begin the mean."""
        self.mean = RunningMean(model, self.strength)
        return model

    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        """Update the mean."""
        self.mean.update(model)

    def finish(self, model: nn.Sequential) -> nn.Sequential:
        """The mean."""
        return self.mean.network()
