"""Pruning by shuffled scores: they decide how many nodes of each layer go, chance decides which."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.regularisers.averaged_pruning import AveragedGradientPruning
from eigenprune.regularisers.scheduled_pruning import drawn_lots


class AveragedShuffledPruning(AveragedGradientPruning):
    """Averaged gradient pruning with the scores shuffled among the nodes of each layer.

    The control for `AveragedGradientPruning`, whose ranking over all layers also chooses how wide
    each layer becomes, and with that how many parameters stay. Here the scores of the network that
    is pruned choose the widths, and random numbers (lots), drawn before training, choose which
    nodes of a layer go. At equal widths, what a score gains over this control it gains by knowing
    the nodes. After the first removal, the two networks, their scores and their widths can differ.

    Source: the layerwise shuffle of Frankle et al., ICLR 2021 (arXiv 2009.08576), there for masks
    of weights before training.

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model = mlp([8, 16, 2])
        >>> model, _ = train(model, x, y, epochs=3, regulariser=AveragedShuffledPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Draw the lots."""
        model = super().prepare(model, inputs, seed)
        self.lots = drawn_lots(self.kept, seed)
        return model

    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """The running scores; in each layer the node with the lowest lot gets the lowest."""
        return [
            torch.empty_like(score).scatter_(
                0, lots[kept].argsort().to(score.device), score.sort()[0]
            )
            for lots, kept, score in zip(self.lots, self.kept, super().rank(model), strict=True)
        ]
