"""An error that distinguishes a diverged network from a mistake of the caller."""

from collections.abc import Sequence

from torch import Tensor


class Diverged(ValueError):
    """Some numbers of a network became non-finite in training: nothing can be ranked by them.

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
