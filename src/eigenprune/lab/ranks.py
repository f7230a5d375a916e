"""How alike two rankings of the same nodes are."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def rank_correlation(one: "Tensor", other: "Tensor") -> float:
    """Spearman's correlation of two scores of the same nodes; NaN where all of one are equal.

    Example:
        >>> import torch
        >>> rank_correlation(torch.tensor([1.0, 2, 3]), torch.tensor([1.0, 20, 300]))
        1.0
    """
    from scipy.stats import spearmanr

    pair = [scores.cpu().double().numpy() for scores in (one, other)]
    # Of constant scores there is no ranking, and scipy would warn.
    if any(values.min() == values.max() for values in pair):
        return float("nan")
    return float(spearmanr(*pair).statistic)
