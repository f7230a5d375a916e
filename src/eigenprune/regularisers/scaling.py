r"""Multiplying the weights of nodes in place, in dense and spectral layers alike.

In a spectral layer the eigenvectors are multiplied and the eigenvalues stay: since
:math:`w_{ij} = (\lambda^{in}_j - \lambda^{out}_i)\varphi_{ij}`, a factor on a row or column of phi
is the same factor on that of w, with or without lambda_in.
"""

import torch
from torch import Tensor, nn

from eigenprune.layers import SpectralLinear
from eigenprune.networks import FullyConnected, hidden_layers, require_untied


def weights_or_eigenvectors(layer: FullyConnected) -> Tensor:
    """The parameter that is multiplied, (out_features, in_features): w, or phi if spectral.

    Raises:
        ValueError: if it is frozen.

    Example:
        >>> layer = SpectralLinear(3, 2)
        >>> weights_or_eigenvectors(layer) is layer.eigenvectors
        True
    """
    found = layer.eigenvectors if isinstance(layer, SpectralLinear) else layer.weight
    if not found.requires_grad:
        raise ValueError(
            f"{layer}: its weights or eigenvectors are frozen, and this regulariser has to change "
            "them; a penalty on eigenvalues does not"
        )
    return found


def layers_to_change(model: nn.Sequential) -> list[FullyConnected]:
    """The hidden layers, whose nodes a regulariser is going to weaken, silence or remove.

    Raises:
        ValueError: if the weights or eigenvectors of one are frozen, or two layers share a
            parameter, see `networks.require_untied`.
    """
    require_untied(model)
    layers = hidden_layers(model)
    for layer in layers:
        weights_or_eigenvectors(layer)
    return layers


def layers_to_scale(model: nn.Sequential) -> list[FullyConnected]:
    """The hidden layers, whose weights and biases `scale_incoming` is going to multiply.

    Raises:
        ValueError: see `layers_to_change`; and if the bias of one is frozen.
    """
    layers = layers_to_change(model)
    for layer in layers:
        if layer.bias is not None and not layer.bias.requires_grad:
            raise ValueError(
                f"{layer}: its bias is frozen, and this regulariser has to change it with the "
                "weights; a penalty does not"
            )
    return layers


@torch.no_grad()
def scale_incoming(layer: FullyConnected, factors: Tensor) -> None:
    """Multiply the incoming weights and the bias of each node of a layer; 0 silences the node.

    Args:
        layer: changed in place.
        factors: (out_features,).

    Example:
        >>> import torch
        >>> layer = SpectralLinear(3, 2)
        >>> scale_incoming(layer, torch.tensor([0.0, 1.0]))
        >>> layer.weight.abs().sum(dim=1) > 0
        tensor([False,  True])
    """
    weights_or_eigenvectors(layer).mul_(factors[:, None])
    if layer.bias is not None:
        layer.bias.mul_(factors)


@torch.no_grad()
def scale_outgoing(reader: FullyConnected, factors: Tensor) -> None:
    """Multiply the outgoing weights of each node, in the layer that reads it.

    Args:
        reader: the layer that reads the nodes, changed in place.
        factors: (in_features,) of the reader.

    Example:
        >>> import torch
        >>> layer = SpectralLinear(3, 2)
        >>> scale_outgoing(layer, torch.tensor([0.0, 1.0, 1.0]))
        >>> layer.weight.abs().sum(dim=0) > 0
        tensor([False,  True,  True])
    """
    weights_or_eigenvectors(reader).mul_(factors)
