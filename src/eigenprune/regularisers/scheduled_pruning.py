"""Pruning while training: the nodes that a score ranks lowest are removed, epoch by epoch."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune import importance, seeds
from eigenprune.networks import hidden_layers
from eigenprune.pruning import select_nodes
from eigenprune.regularisers.base import Regulariser
from eigenprune.regularisers.scaling import layers_to_change
from eigenprune.shrinking import grown_back, shrink


class ScheduledPruning(Regulariser, ABC):
    r"""Remove a rising share of the hidden nodes; a subclass says how they are ranked.

    After epoch t of T, the nodes with the lowest scores are removed until the share removed is
    :math:`s\,(1 - (1 - t/uT)^3)`: many nodes at first, then ever fewer, until the share is s from
    epoch uT on. u is 1 unless a subclass sets a smaller value. No node comes back, and every layer
    keeps at least one (see `pruning.select_nodes`). The nodes that are left train on as if the
    others were silent, and faster, because the network is smaller. In the end the removed nodes
    are in the network as zeros.

    Args:
        strength: s, from 0 to below 1, the share of hidden nodes removed in the end.

    Raises:
        ValueError: if `strength` is out of its range; in `prepare`, if the weights or eigenvectors
            of a hidden layer are frozen, or two layers share a parameter.

    Source: the cubic schedule: Zhu and Gupta, arXiv 1710.01878 (2017), eq. 1, there for weights.
    """

    LIMIT = 1.0
    # One ranking over all layers, or one in each: see `pruning.select_nodes`.
    SCOPE = "global"
    # u, the part of the training in which nodes are removed.
    UNTIL = 1.0

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Remember the whole network, for `finish`."""
        layers = layers_to_change(model)
        self.whole = copy.deepcopy(model)
        self.kept = [torch.arange(layer.out_features, device="cpu") for layer in layers]
        return model

    @abstractmethod
    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """Scores of 0 or more, one tensor (nodes,) per hidden layer; low ones go first."""

    def after_epoch(
        self, model: nn.Sequential, optimiser: torch.optim.Optimizer, epoch: int, epochs: int
    ) -> None:
        """Remove more nodes."""
        share = self.strength * (1 - (1 - min(1, epoch / (self.UNTIL * epochs))) ** 3)
        layers = hidden_layers(self.whole)
        # Nodes already removed rank below all others: they are chosen again, and none comes back.
        scores = [
            _spread(layer.out_features, kept, score)
            for layer, kept, score in zip(layers, self.kept, self.rank(model), strict=True)
        ]
        chosen = select_nodes(scores, share, scope=self.SCOPE)
        masks = [keep[kept] for keep, kept in zip(chosen, self.kept, strict=True)]
        if not all(mask.all() for mask in masks):
            self.remove(model, masks, optimiser)

    def remove(
        self, model: nn.Sequential, masks: Sequence[Tensor], optimiser: torch.optim.Optimizer
    ) -> None:
        """Remove the nodes that the masks do not keep."""
        shrink(model, masks, optimiser)
        self.kept = [kept[mask] for kept, mask in zip(self.kept, masks, strict=True)]

    def finish(self, model: nn.Sequential) -> nn.Sequential:
        """The network at its first size, the removed nodes zero."""
        return grown_back(model, self.whole, self.kept)


def drawn_lots(nodes: Sequence[Tensor], seed: int) -> list[Tensor]:
    """A random number from 0 to 1 for each node; one seed gives the same ones in every network.

    Args:
        nodes: one tensor per hidden layer, with one entry per node.
        seed: of the training.
    """
    generator = seeds.generator(seed, "pruning by lot")
    return [torch.rand(len(layer), generator=generator, device="cpu") for layer in nodes]


def _spread(nodes: int, kept: Tensor, scores: Tensor) -> Tensor:
    """The scores of the kept nodes in their places, -1 in those of the others: (nodes,)."""
    scores = scores.float().cpu()
    return torch.full((nodes,), -1.0, dtype=scores.dtype, device="cpu").index_copy(0, kept, scores)


class NormPruning(ScheduledPruning):
    r"""Scheduled pruning by the norm of the incoming weights, :math:`\lVert w_i \rVert_2`.

    In a spectral layer without lambda_in this is :math:`|\lambda_i|\,\lVert\varphi_i\rVert_2`, the
    eigenvalue freed of its gauge. What remains spectral is how training moves the network there.

    Each layer has a ranking of its own, because a norm grows with the number of inputs. In one
    ranking over all layers, a layer that loses inputs would lose ever more nodes, until one is
    left.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=NormPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    SCOPE = "layer"

    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """Norms of the incoming weights."""
        return importance.weight_norm(model)


class EigenvaluePruning(ScheduledPruning):
    r"""Scheduled pruning by :math:`|\lambda^{out}_i|`, for spectral networks.

    Raises:
        ValueError: after the first epoch if a hidden layer is not spectral; and see the base class.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=EigenvaluePruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """Absolute eigenvalues."""
        return importance.eigenvalue(model)


class RandomPruning(ScheduledPruning):
    """Scheduled pruning of random nodes, drawn once for all nodes: the control for all others.

    Its result is due to the schedule and to the training that goes on after each removal; a score
    is worth what it gains over this. The same share of each layer goes.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=3, regulariser=RandomPruning(0.75))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        4
    """

    SCOPE = "layer"

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Draw the lots."""
        model = super().prepare(model, inputs, seed)
        self.lots = drawn_lots(self.kept, seed)
        return model

    def rank(self, model: nn.Sequential) -> Sequence[Tensor]:
        """The lots of the nodes that are left."""
        return [lots[kept] for lots, kept in zip(self.lots, self.kept, strict=True)]
