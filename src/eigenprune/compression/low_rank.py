"""Low rank: two thin layers in place of one, by truncated singular value decomposition."""

import torch
from torch import Tensor, nn

from eigenprune.compression.size import Size, dense_size
from eigenprune.counts import require_whole
from eigenprune.divergence import require_finite
from eigenprune.networks import as_dense, blank_linear


@torch.no_grad()
def low_rank(model: nn.Sequential, rank: int) -> tuple[nn.Sequential, Size]:
    r"""Replace each layer by two, with `rank` nodes and no activation between, where that saves.

    .. math:: w = U \,\mathrm{diag}(\sigma)\, V^T \approx
        \left(U_r \sqrt{\sigma_r}\right) \left(\sqrt{\sigma_r}\, V_r^T\right)

    No matrix of rank r is closer: the squared error is the tail of the singular values,
    :math:`\lVert w - w_r\rVert_F^2 = \sum_{k>r} \sigma_k^2`. A layer of m times n weights is
    replaced where r (m + n) < m n, and otherwise stays as it is.

    Args:
        model: a trained network, see `networks.mlp`.
        rank: r, 1 or more, the same for all layers.

    Returns:
        The network, with more layers than before, and its size.

    Raises:
        ValueError: if `rank` is not a whole number, 1 or more.
        eigenprune.Diverged: a ValueError, if a weight is not finite.

    Source: Eckart and Young, Psychometrika 1 (1936); for networks Denton et al., NeurIPS 2014
    (arXiv 1404.0736).

    Example:
        >>> from eigenprune import mlp
        >>> network, size = low_rank(mlp([64, 100, 10]), rank=20)
        >>> network
        Sequential(
          (0): Linear(in_features=64, out_features=20, bias=False)
          (1): Linear(in_features=20, out_features=100, bias=False)
          (2): ReLU()
          (3): Linear(in_features=100, out_features=10, bias=False)
        )
        >>> size.parameters
        4280
    """
    require_whole("rank", rank, 1)
    dense = as_dense(model)
    require_finite(dense)
    modules: list[nn.Module] = []
    for module in dense:
        if (
            isinstance(module, nn.Linear)
            and rank * sum(module.weight.shape) < module.weight.numel()
        ):
            modules.extend(two_layers(module, *factors(module.weight, rank)))
        else:
            modules.append(module)
    thin = nn.Sequential(*modules).train(model.training)
    return thin, dense_size(thin)


def factors(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The best left (out_features, rank) and right (rank, in_features) factors of a matrix.

    Both are computed and returned in double precision.
    """
    left, values, right = torch.linalg.svd(weight.double(), full_matrices=False)
    roots = values[:rank].sqrt()
    return left[:, :rank] * roots, roots[:, None] * right[:rank]


@torch.no_grad()
def two_layers(layer: nn.Linear, left: Tensor, right: Tensor) -> tuple[nn.Linear, nn.Linear]:
    """Two layers that multiply by `right` and then by `left`; the second has the bias.

    Frozen weights and biases stay frozen.
    """
    first = blank_linear(layer.in_features, len(right), bias=False, device="cpu").to(layer.weight)
    second = blank_linear(len(right), layer.out_features, bias=layer.bias is not None, device="cpu")
    second = second.to(layer.weight)
    first.weight.copy_(right)
    second.weight.copy_(left)
    for weight in (first.weight, second.weight):
        weight.requires_grad_(layer.weight.requires_grad)
    if layer.bias is not None:
        second.bias.copy_(layer.bias)
        second.bias.requires_grad_(layer.bias.requires_grad)
    return first, second
