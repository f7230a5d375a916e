"""Checks of what a score of the reader's own returned, before it decides which nodes go."""

from typing import TYPE_CHECKING

from eigenprune.lab.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn


def checked(name: str, values: object, network: "nn.Sequential") -> "list[Tensor]":
    """The scores, if they are one real number for each hidden node.

    Args:
        name: of the score.
        values: what it returned.
        network: whose nodes it scored.

    Returns:
        One tensor (nodes,) per hidden layer.

    Raises:
        UserError: if not, with the name of the score and what is wanted.
    """
    import torch

    from eigenprune.networks import hidden_layers

    nodes = [layer.out_features for layer in hidden_layers(network)]
    try:
        tensors = [value for value in values if torch.is_tensor(value)]  # type: ignore[attr-defined]
    except TypeError:
        tensors = []
    shapes = [tuple(value.shape) for value in tensors]
    if shapes != [(n,) for n in nodes]:
        found = f"tensors of the shapes {shapes}" if shapes else f"a {type(values).__name__}"
        raise UserError(
            f"score {name!r} returned {found}; wanted: a list with one tensor for each hidden "
            f"layer, of {', '.join(map(str, nodes))} nodes"
        )
    if any(value.is_complex() or value.isnan().any() for value in tensors):
        raise UserError(f"score {name!r} returned NaN or complex values; wanted: real numbers")
    return [value.detach() for value in tensors]
