"""How many nodes a pruning ratio stands for: one rule, in one place."""

import math


def nodes_removed(pruning_ratio: float, nodes: int) -> int:
    """The number of nodes that a pruning ratio removes: r N, rounded to the nearest, halves up.

    >>> nodes_removed(0.5, 5), nodes_removed(0.29, 50)
    (3, 15)
    """
    # The small number undoes the rounding of products such as 0.29 * 50 = 14.499999999999998.
    return math.floor(pruning_ratio * nodes + 0.5 + 1e-9)
