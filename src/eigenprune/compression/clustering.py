"""Weight sharing: every weight of a layer is one of a few values."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune.compression.size import FLOAT, Size, bias_size
from eigenprune.counts import require_whole
from eigenprune.divergence import require_finite
from eigenprune.networks import as_dense, fully_connected

_MOST_ROUNDS = 300


@torch.no_grad()
def cluster_weights(model: nn.Sequential, clusters: int) -> tuple[nn.Sequential, Size]:
    """Replace each weight by the centroid of its cluster, found by k-means in each layer.

    The network is stored as the centroids and, for each weight, the number of its cluster in the
    fewest bits that hold it. The paper clusters what magnitude pruning has left, trains the
    centroids further and compresses the numbers by Huffman coding; none of that is done here.

    Args:
        model: a trained network, see `networks.mlp`.
        clusters: values for the weights of each layer, 2 or more; a layer with no more different
            weights than that keeps them, and stores as many values.

    Returns:
        The network and its size, which counts weights, centroids and biases.

    Raises:
        ValueError: if `clusters` is not a whole number, 2 or more.
        eigenprune.Diverged: a ValueError, if a weight is not finite.

    Source: Han, Mao and Dally, "Deep Compression", ICLR 2016 (arXiv 1510.00149), section 3.

    Example:
        >>> from eigenprune import mlp
        >>> cluster_weights(mlp([64, 100, 10]), clusters=16)[1]
        Size(parameters=7432, bytes=3828)
    """
    require_whole("clusters", clusters, 2)
    shared = as_dense(model)
    require_finite(shared)
    parameters = stored = 0
    for layer in fully_connected(shared):
        values = layer.weight.flatten()
        centroids = values.unique()
        if len(centroids) > clusters:  # else every weight is a centroid and stays to the last bit
            centroids, labels = lloyd(values, clusters)
            layer.weight.copy_(centroids[labels].view_as(layer.weight))
        others = len(centroids) + bias_size(layer)
        parameters += len(values) + others
        bits = (len(centroids) - 1).bit_length()
        stored += -(-len(values) * bits // 8) + others * FLOAT  # whole bytes
    return shared, Size(parameters, stored)


@torch.no_grad()
def lloyd(values: Tensor, clusters: int) -> tuple[Tensor, Tensor]:
    r"""K-means of numbers: a local minimum of :math:`\sum_n (x_n - c_{k(n)})^2`.

    Centroids start evenly spread from the smallest to the largest value, which leaves some for
    the few large weights. A centroid that no value is nearest to stays where it is.

    Args:
        values: (values,), at least one.
        clusters: number of centroids, 1 or more.

    Returns:
        Sorted centroids (clusters,), and the number of the nearest one for each value (values,).

    Raises:
        ValueError: if there are no values or no clusters.

    Source: Lloyd, IEEE Trans. Inf. Theory 28:129 (1982); linear start as in arXiv 1510.00149,
    section 3.2.

    Example:
        >>> import torch
        >>> lloyd(torch.tensor([0.0, 1.0, 8.0, 10.0]), 2)
        (tensor([0.5000, 9.0000]), tensor([0, 0, 1, 1]))
    """
    if not len(values) or clusters < 1:
        raise ValueError(f"{len(values)} values, clusters={clusters!r}: 1 or more of each")
    ordered = values.double().sort().values
    sums = F.pad(ordered.cumsum(0), (1, 0))
    low, high = float(ordered[0]), float(ordered[-1])
    centroids = torch.linspace(low, high, clusters, dtype=torch.float64, device=values.device)
    ends = torch.tensor([-1], device=values.device)  # differs from all that can be found
    for _ in range(_MOST_ROUNDS):
        # In the sorted values a cluster is a stretch: its two ends give its sum and its number.
        before, ends = ends, torch.searchsorted(ordered, _between(centroids), right=True)
        if torch.equal(before, ends):
            break
        bounds = F.pad(F.pad(ends, (1, 0)), (0, 1), value=len(values))
        members = bounds.diff()
        centroids = torch.where(members > 0, sums[bounds].diff() / members, centroids)
    return centroids.to(values.dtype), torch.bucketize(values.double(), _between(centroids))


def _between(centroids: Tensor) -> Tensor:
    """The midpoints between neighbours; a value at a midpoint belongs to the lower one."""
    return (centroids[:-1] + centroids[1:]) / 2
