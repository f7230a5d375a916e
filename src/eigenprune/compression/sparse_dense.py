"""A sparse factor times a dense one in place of a layer's weights."""

import torch
from torch import Tensor, nn

from eigenprune.compression.low_rank import factors, two_layers
from eigenprune.compression.size import FLOAT, Size, bias_size, sparse_bytes
from eigenprune.connections import select_connections
from eigenprune.counts import require_fraction, require_whole
from eigenprune.divergence import require_finite
from eigenprune.networks import as_dense


@torch.no_grad()
def sparse_times_dense(
    model: nn.Sequential, rank: int, sparsity: float
) -> tuple[nn.Sequential, Size]:
    r"""Replace the weights of each layer by :math:`S D`, S sparse and D dense, where that saves.

    S (out_features, rank) is the left factor :math:`U_r \sqrt{\sigma_r}` of the truncated singular
    value decomposition, with only its largest entries kept. D (rank, in_features) is then the best
    fit for this S, :math:`D = \arg\min_D \lVert w - S D\rVert_F^2 = S^+ w`. This is the simplest
    sound choice, not the best pair of factors: S is not fitted again to the new D. Without sparsity
    it is `low_rank`. A layer stays as it is where the factors would take as many bytes or more.

    Args:
        model: a trained network, see `networks.mlp`.
        rank: 1 or more, the same for all layers; a layer has at most its own rank.
        sparsity: fraction of the entries of each S that are zero, from 0 to 1.

    Returns:
        The network, with more layers than before, and its size.

    Raises:
        ValueError: if `rank` is not a whole number, 1 or more, or `sparsity` is out of its range.
        eigenprune.Diverged: a ValueError, if a weight is not finite.

    Source: Inspired by sparse coding of weights with a learnt dictionary (Bagherinezhad, Rastegari
    and Farhadi, CVPR 2017, arXiv 1611.06473); how the two factors are found is this library's own.

    Example:
        >>> from eigenprune import mlp
        >>> network, size = sparse_times_dense(mlp([64, 100, 10]), rank=20, sparsity=0.8)
        >>> size.parameters  # 100 x 20 / 5, 20 x 64, and the last layer as it was
        2680
    """
    require_whole("rank", rank, 1)
    require_fraction("sparsity", sparsity)
    whole = as_dense(model)
    require_finite(whole)
    modules: list[nn.Module] = []
    parameters = stored = 0
    for module in whole:
        if not isinstance(module, nn.Linear):
            modules.append(module)
            continue
        sparse, dense = _fit(module.weight, rank, sparsity)
        weights = int(sparse.count_nonzero()) + dense.numel()
        size = sparse_bytes(sparse) + dense.numel() * FLOAT
        if size < module.weight.numel() * FLOAT:
            modules.extend(two_layers(module, sparse, dense))
        else:
            modules.append(module)
            weights, size = module.weight.numel(), module.weight.numel() * FLOAT
        parameters += weights + bias_size(module)
        stored += size + bias_size(module) * FLOAT
    return nn.Sequential(*modules).train(model.training), Size(parameters, stored)


def _fit(weight: Tensor, rank: int, sparsity: float) -> tuple[Tensor, Tensor]:
    left, _ = factors(weight, rank)
    (keep,) = select_connections([left.abs()], sparsity)
    sparse = torch.where(keep, left, 0.0)
    # The pseudoinverse, because a column of S may have become all zero.
    return sparse, torch.linalg.pinv(sparse) @ weight.double()
