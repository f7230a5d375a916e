"""Frozen eigenvectors: their product with the data never changes, so it is computed once."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune.layers import SpectralLinear, is_watched


class FromProducts(nn.Module):
    """A spectral layer that is fed its fixed products; it shares the layer's parameters."""

    def __init__(self, layer: SpectralLinear) -> None:
        """Take the layer whose eigenvalues (and bias) turn products into outputs."""
        super().__init__()
        self.layer = layer

    def forward(self, products: Tensor) -> Tensor:
        """(..., out_features) to (..., out_features)."""
        return self.layer.from_products(products)


def frozen_first(model: nn.Sequential) -> SpectralLinear | None:
    """The first module, if it is a spectral layer with frozen eigenvectors and no lambda_in.

    Otherwise, and for any model other than a plain `nn.Sequential`, None. None, too, if something
    observes the network or that module, for it would not be called with the data.

    Example:
        >>> from eigenprune import mlp
        >>> frozen_first(mlp([8, 5, 2])) is None
        True
        >>> frozen_first(mlp([8, 5, 2], frozen=["eigenvectors"]))
        SpectralLinear(in_features=8, out_features=5, bias=False, eigenvalues_in=False)
    """
    first = model[0]
    if (
        type(model) is not nn.Sequential  # a subclass may do more
        or type(first) is not SpectralLinear  # likewise, in its forward
        or first.eigenvectors.requires_grad
        or first.eigenvalues_in is not None
        or is_watched(model)
        or is_watched(first)
    ):
        return None
    return first


@torch.no_grad()
def with_fixed_products(model: nn.Sequential, inputs: Tensor) -> tuple[nn.Sequential, Tensor]:
    r"""The same network and data, fed the products :math:`x \varphi^T` if they never change.

    If they can change (see `frozen_first`), the network and the inputs are returned as they are.
    Otherwise an epoch no longer needs a product with the eigenvectors of the first layer,
    neither forward nor backward. The products take memory for rows x nodes numbers: 120 MB for
    60,000 rows and a layer of 500 nodes.

    Parameters are shared: training the returned network trains the given one.

    Args:
        model: a network, see `networks.mlp`.
        inputs: all the data it will see, (rows, features).

    Returns:
        A network and its inputs, (rows, nodes of the first layer), with the same logits.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> model, x = mlp([8, 5, 2], frozen=["eigenvectors"]), torch.rand(4, 8)
        >>> short, products = with_fixed_products(model, x)
        >>> products.shape, torch.allclose(short(products), model(x))
        (torch.Size([4, 5]), True)
    """
    first = frozen_first(model)
    if first is None:
        return model, inputs
    return nn.Sequential(FromProducts(first), *model[1:]), F.linear(inputs, first.eigenvectors)
