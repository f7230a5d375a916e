"""An error that distinguishes a diverged network from a mistake of the caller."""

from collections.abc import Sequence

from torch import Tensor, nn


class Diverged(ValueError):
    """Some numbers of a network are NaN, or not finite: nothing can be ranked by or made of them.

    Scores may be infinite, which is a place in a ranking; weights to be compressed may not.

    Example:
        >>> import torch
        >>> from eigenprune import select_nodes
        >>> try:
        ...     select_nodes([torch.tensor([0.5, torch.nan])], 0.5)
        ... except Diverged as error:
        ...     print(error)
        scores: some are NaN; a diverged network cannot be ranked
    """


def require_ranking(scores: Sequence[Tensor]) -> None:
    """Refuse scores by which nothing can be ranked.

    Raises:
        Diverged: if a score is not a number.

    Example:
        >>> import torch
        >>> require_ranking([torch.tensor([0.5, torch.nan])])
        Traceback (most recent call last):
        eigenprune.divergence.Diverged: scores: some are NaN; a diverged network cannot be ranked
    """
    if any(bool(score.isnan().any()) for score in scores):
        raise Diverged("scores: some are NaN; a diverged network cannot be ranked")


def require_finite(model: nn.Module) -> None:
    """Refuse a network that cannot be compressed because training has diverged.

    Raises:
        Diverged: if a parameter is infinite or not a number.

    Example:
        >>> import torch
        >>> layer = nn.Linear(2, 1)
        >>> _ = nn.init.constant_(layer.weight, torch.nan)
        >>> require_finite(layer)
        Traceback (most recent call last):
        eigenprune.divergence.Diverged: weights: some are not finite; the network has diverged
    """
    if not all(bool(parameter.isfinite().all()) for parameter in model.parameters()):
        raise Diverged("weights: some are not finite; the network has diverged")
