"""Regularisers that add a penalty on parameters to the loss."""

from torch import Tensor, nn

from eigenprune.regularisers.base import Regulariser


class Penalty(Regulariser):
    r"""The base of all penalties :math:`R`: training minimises :math:`L + s R`.

    L is the cross-entropy and s the strength. Penalties are sums and not means, so that a strength
    means the same for a node whatever else the network contains.
    """

    def penalty(self) -> Tensor:
        """R, a number, of the network that `prepare` was given."""
        raise NotImplementedError

    def loss(self, model: nn.Sequential, inputs: Tensor, targets: Tensor) -> Tensor:
        """L + s R on a batch."""
        return super().loss(model, inputs, targets) + self.strength * self.penalty()


def total(parts: list[Tensor]) -> Tensor:
    """The sum over the layers.

    >>> import torch
    >>> total([torch.tensor([1.0, 2.0]), torch.tensor([3.0])])
    tensor(6.)
    """
    sums = [part.sum() for part in parts]
    return sum(sums[1:], start=sums[0])
