"""How alike two rankings of the same nodes are."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def rank_correlation(one: "ArrayLike", other: "ArrayLike") -> float:
    """Spearman's correlation of two scores of the same nodes; NaN if either score is constant.

    Args:
        one: the first score of each node; an array, or a tensor on the CPU.
        other: the second score of the same nodes, in the same order.

    Example:
        >>> rank_correlation([1.0, 2, 3], [1.0, 20, 300])
        1.0
    """
    import numpy as np
    from scipy.stats import spearmanr

    pair = [np.asarray(scores, dtype=float) for scores in (one, other)]
    # Constant scores give no ranking, and scipy would warn.
    if any(values.min() == values.max() for values in pair):
        return float("nan")
    return float(spearmanr(*pair).statistic)
