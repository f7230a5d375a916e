"""Single connections: choosing which to keep, pruning the others, and training without them.

Masks of connections are a list with one bool tensor (out_features, in_features) per layer, the last
layer included, True for a connection that is present. An absent connection is a weight that is
exactly zero before, during and after training; biases are not connections. A spectral layer is
treated as the dense layer that it equals.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from eigenprune.counts import nodes_removed, require_fraction, require_whole
from eigenprune.divergence import require_ranking
from eigenprune.networks import as_dense, fully_connected, require_plain, require_untied
from eigenprune.pruning import require_masks, require_tensors
from eigenprune.regularisers.base import Regulariser
from eigenprune.training import train

Scores = Callable[[nn.Sequential], list[Tensor]]
Retrain = Callable[[nn.Sequential, list[Tensor], int], nn.Sequential]


def magnitude(model: nn.Sequential) -> list[Tensor]:
    r"""Score of each connection by its size, :math:`|w_{ij}|`: (out_features, in_features) each.

    Example:
        >>> from eigenprune import mlp
        >>> [score.shape for score in magnitude(mlp([8, 5, 2]))]
        [torch.Size([5, 8]), torch.Size([2, 5])]
    """
    return [layer.weight.detach().abs() for layer in fully_connected(model)]


def select_connections(
    scores: Sequence[Tensor], sparsity: float, *, present: Sequence[Tensor] | None = None
) -> list[Tensor]:
    """Keep the connections with the highest scores, in one ranking over all layers.

    Of connections with equal scores the earlier one stays, by layer, then row, then column. A layer
    may lose all its connections; the outputs are then constant.

    Args:
        scores: one tensor (out_features, in_features) per layer.
        sparsity: fraction of all connections that are absent afterwards, from 0 to 1.
        present: masks of the connections that are still present; the others do not come back. If
            None, all are present.

    Returns:
        One mask (out_features, in_features) per layer.

    Raises:
        ValueError: if there are no scores, `sparsity` is out of its range, `present` does not fit
            the scores, or fewer connections are present than should stay.
        eigenprune.Diverged: a ValueError, if a score is not a number.

    Example:
        >>> import torch
        >>> select_connections([torch.tensor([[3.0, 1.0]]), torch.tensor([[2.0]])], 1 / 3)
        [tensor([[ True, False]]), tensor([[True]])]
    """
    require_fraction("sparsity", sparsity)
    wanted = "one tensor (out_features, in_features) per layer"
    require_tensors("scores", scores, wanted)
    if not scores:
        raise ValueError(f"scores: an empty list, and {wanted} is wanted")
    require_ranking(scores)
    flat = torch.cat([score.detach().flatten() for score in scores])
    there = torch.ones_like(flat, dtype=torch.bool)
    if present is not None:
        require_masks(present, [tuple(score.shape) for score in scores])
        there = torch.cat([mask.flatten() for mask in present]).to(flat.device)
    # Nodes and connections share one rounding rule.
    kept = len(flat) - nodes_removed(sparsity, len(flat))
    if kept > int(there.sum()):
        raise ValueError(
            f"sparsity={sparsity!r}: {kept} connections would stay, and {int(there.sum())} are "
            "there; what has been removed does not come back"
        )
    return strongest(scores, kept, there)


def strongest(scores: Sequence[Tensor], count: int, among: Tensor) -> list[Tensor]:
    """Masks of the `count` highest scores over all layers; of equal scores the earlier is chosen.

    Args:
        scores: one tensor (out_features, in_features) per layer.
        count: how many to choose, at most as many as `among` allows.
        among: (connections of all layers,) bool, True for a connection that may be chosen.

    Example:
        >>> import torch
        >>> among = torch.tensor([False, True, True])
        >>> strongest([torch.tensor([[3.0, 1.0]]), torch.tensor([[2.0]])], 1, among)
        [tensor([[False, False]]), tensor([[True]])]
    """
    flat = torch.cat([score.detach().flatten() for score in scores])
    by_score = torch.argsort(flat, descending=True, stable=True)
    chosen = torch.zeros_like(flat, dtype=torch.bool)
    chosen[by_score[among[by_score]][:count]] = True
    parts = chosen.split([score.numel() for score in scores])
    return [part.view(score.shape) for part, score in zip(parts, scores, strict=True)]


@torch.no_grad()
def without_absent(model: nn.Sequential, masks: Sequence[Tensor]) -> nn.Sequential:
    """A dense copy of the network in which the absent connections have weight zero.

    Raises:
        ValueError: if the masks do not fit the layers, or see `networks.require_plain`.

    Example:
        >>> from eigenprune import mlp
        >>> model = mlp([8, 5, 2], seed=1)
        >>> sparse = without_absent(model, select_connections(magnitude(model), 0.8))
        >>> sum(int(layer.weight.count_nonzero()) for layer in fully_connected(sparse))
        10
    """
    require_plain(model)
    check_masks(model, masks)
    sparse = as_dense(model)
    _silence(sparse, masks)
    return sparse


def train_masked(
    model: nn.Sequential,
    masks: Sequence[Tensor],
    inputs: Tensor,
    targets: Tensor,
    *,
    epochs: int,
    batch_size: int = 200,
    learning_rate: float = 1e-3,
    seed: int = 0,
    stream: str = "order",
    on_epoch: Callable[[int, float], None] | None = None,
) -> tuple[nn.Sequential, list[float]]:
    """Train the connections that are present, as `training.train` does; the others stay zero.

    With all connections present, the result is that of `training.train`, bit for bit. A spectral
    network is trained as its dense equivalent.

    Args:
        model: a network, see `networks.mlp`.
        masks: the connections that are present, (out_features, in_features) per layer.
        inputs: (rows, features); the network is trained on their device.
        targets: (rows,) class numbers.
        epochs: see `training.train`, also for the arguments below.
        batch_size: rows per step.
        learning_rate: of Adam.
        seed: of the order of the rows.
        stream: name of the random stream.
        on_epoch: called after each epoch.

    Returns:
        The trained network and the mean training loss (nats) of each epoch.

    Raises:
        ValueError: if the masks do not fit the layers; and see `training.train` and
            `networks.require_untied`.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> model = mlp([8, 5, 2], layer="dense", seed=1)
        >>> masks = select_connections(magnitude(model), 0.8)
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> trained, _ = train_masked(model, masks, x, y, epochs=2)
        >>> trained[0].weight[~masks[0]].count_nonzero()
        tensor(0)
    """
    check_masks(model, masks)
    require_untied(model)
    return train(
        as_dense(model),
        inputs,
        targets,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        stream=stream,
        regulariser=_AbsentStayAbsent(masks),
        on_epoch=on_epoch,
    )


class _AbsentStayAbsent(Regulariser):
    """Sets the absent connections back to zero after every step.

    Adam moves each weight only by that weight's own gradients, so the moments that it keeps for
    absent connections affect no other weight.
    """

    def __init__(self, masks: Sequence[Tensor]) -> None:
        super().__init__(strength=0.0)
        self._masks = masks

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        self._masks = [mask.to(inputs.device) for mask in self._masks]
        _silence(model, self._masks)
        return model

    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        _silence(model, self._masks)


def cubic_sparsity(step: int, steps: int, sparsity: float) -> float:
    r"""Sparsity after a step of gradual pruning, fast at first: :math:`s_f (1 - (1 - t/n)^3)`.

    Args:
        step: t, from 0 (nothing is removed) to `steps` (the final sparsity is reached).
        steps: n, 1 or more.
        sparsity: the final sparsity, from 0 to 1.

    Raises:
        ValueError: if a number is out of its range.

    Source: Zhu and Gupta, arXiv 1710.01878 (2017), eq. 1.

    Example:
        >>> [cubic_sparsity(step, 2, 0.8) for step in (0, 1, 2)]
        [0.0, 0.7000000000000001, 0.8]
    """
    require_whole("steps", steps, 1)
    require_whole("step", step, 0)
    if step > steps:
        raise ValueError(f"step={step!r}, steps={steps!r}: a step from 0 to the number of steps")
    require_fraction("sparsity", sparsity)
    return sparsity * (1 - (1 - step / steps) ** 3)


def prune_gradually(
    model: nn.Sequential,
    sparsity: float,
    *,
    steps: int,
    retrain: Retrain,
    scores: Scores = magnitude,
) -> tuple[nn.Sequential, list[Tensor]]:
    """Prune connections in steps of the cubic schedule, and train after each.

    Args:
        model: a trained network, see `networks.mlp`.
        sparsity: fraction of all connections that are absent at the end, from 0 to 1.
        steps: number of prunings, 1 or more; 1 prunes everything at once.
        retrain: takes the pruned network, its masks and the number of the step, from 1 to `steps`,
            and returns a trained network with the same connections, see `train_masked`.
        scores: function that scores the connections of the network before each pruning.

    Returns:
        The network and the masks of its connections.

    Raises:
        ValueError: if a number is out of its range, or `retrain` gives absent connections a nonzero
            weight.
        eigenprune.Diverged: a ValueError, if a score is not a number.

    Source: Zhu and Gupta, arXiv 1710.01878 (2017).

    Example:
        >>> from eigenprune import mlp
        >>> untrained = lambda network, masks, step: network
        >>> _, masks = prune_gradually(mlp([8, 5, 2]), 0.9, steps=3, retrain=untrained)
        >>> sum(int(mask.sum()) for mask in masks)
        5
    """
    cubic_sparsity(0, steps, sparsity)  # refuses what is out of range before anything is trained
    network = as_dense(model)
    masks = [torch.ones_like(layer.weight, dtype=torch.bool) for layer in fully_connected(network)]
    for step in range(1, steps + 1):
        wanted = cubic_sparsity(step, steps, sparsity)
        masks = select_connections(scores(network), wanted, present=masks)
        network = retrain(without_absent(network, masks), masks, step)
        if any(
            bool(layer.weight[~mask.to(layer.weight.device)].any())
            for layer, mask in zip(fully_connected(network), masks, strict=True)
        ):
            raise ValueError("retrain: it gave absent connections weight; see train_masked")
    return network, masks


@torch.no_grad()
def _silence(model: nn.Sequential, masks: Sequence[Tensor]) -> None:
    for layer, mask in zip(fully_connected(model), masks, strict=True):
        layer.weight.masked_fill_(~mask.to(layer.weight.device), 0.0)


def check_masks(model: nn.Sequential, masks: Sequence[Tensor]) -> None:
    """Refuse masks that do not fit the connections of a network.

    Raises:
        ValueError: if they are not one bool tensor (out_features, in_features) per layer.
    """
    require_masks(masks, [tuple(layer.weight.shape) for layer in fully_connected(model)])
