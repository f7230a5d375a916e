"""What can be added to plain training, and at which points."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Regulariser:
    """Adds nothing: the base of all regularisers, and plain training when used itself.

    `training.train` calls the methods in this order: `prepare` once, `loss` and `after_step` for
    every batch, `after_epoch` after every epoch, `finish` at the end. Where a subclass does not
    override `loss`, the gradients may be computed without calling it, see `eigenprune.gradients`. A
    regulariser serves one training: it keeps its state from `prepare` on.

    Args:
        strength: how strong it is, 0 or more and finite, below 1 where it is a share; each
            subclass says what it multiplies.

    Raises:
        ValueError: if `strength` is out of its range.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> class SquaredWeights(Regulariser):
        ...     def loss(self, model, inputs, targets):
        ...         squares = sum((p ** 2).sum() for p in model.parameters())
        ...         return super().loss(model, inputs, targets) + self.strength * squares
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=SquaredWeights(0.01))
    """

    # Every strength must be below this.
    LIMIT: ClassVar[float] = math.inf

    def __init__(self, strength: float) -> None:
        """Take the strength."""
        require_strength("strength", strength, self.LIMIT)
        self.strength = strength

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """The network that is trained: the given one, which may be changed, or one made from it.

        Args:
            model: the network before training.
            inputs: all training examples, (rows, features).
            seed: of the training, for random draws (see `seeds.generator`).
        """
        return model

    def loss(self, model: nn.Sequential, inputs: Tensor, targets: Tensor) -> Tensor:
        """What is minimised on a batch: the cross-entropy, to which subclasses add."""
        return F.cross_entropy(model(inputs), targets)

    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        """Change the network after a step of the optimiser; gradients are still there.

        Parameters may be changed or replaced here, modules only in `after_epoch`.
        """

    def after_epoch(
        self, model: nn.Sequential, optimiser: torch.optim.Optimizer, epoch: int, epochs: int
    ) -> None:
        """Change the network after epoch `epoch`, counted from 1, of `epochs`.

        The optimiser is passed because its state must change with any parameter that changes shape.
        """

    def finish(self, model: nn.Sequential) -> nn.Sequential:
        """The trained network as `networks.mlp` makes them: layers and activations, nothing else.

        It computes what the given network computes in evaluation mode.
        """
        return model


def require_strength(name: str, given: float, limit: float) -> None:
    """Refuse a strength that is out of its range.

    Args:
        name: of the argument.
        given: its value.
        limit: what it must be below.

    Raises:
        ValueError: if it is below 0 or not below the limit.
    """
    if not 0 <= given < limit:
        raise ValueError(f"{name}={given!r}: 0 or more, and below {limit}")
