"""What a grown network must beat: networks with as many connections that never grew."""

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from eigenprune import seeds
from eigenprune.connections import check_masks
from eigenprune.growing.initial import initial, scattered, widths_of


def static_sparse(
    model: nn.Sequential, masks: Sequence[Tensor], *, seed: int
) -> tuple[nn.Sequential, list[Tensor]]:
    """The control that never grew: as many connections in each layer, in random places.

    Args:
        model: the grown network.
        masks: of its connections.
        seed: of the places and the initial values.

    Returns:
        A network of the same shape with new initial values, and its masks, for `train_masked`.

    Raises:
        ValueError: if the masks do not fit the layers.

    Example:
        >>> from eigenprune import mlp
        >>> from eigenprune.growing import random_masks
        >>> grown = mlp([8, 5, 2])
        >>> masks = random_masks(grown, 0.2, seeds.generator(1, "growing"))
        >>> [int(mask.sum()) for mask in static_sparse(grown, masks, seed=1)[1]]
        [8, 2]
    """
    check_masks(model, masks)
    generator = seeds.generator(seed, "static")
    places = [scattered(mask.shape, int(mask.sum()), generator).to(mask.device) for mask in masks]
    return initial(model, widths_of(model), generator), places


def small_dense(model: nn.Sequential, connections: int, *, seed: int) -> nn.Sequential:
    """The control without sparsity: an untrained dense network of at most that many connections.

    Its hidden layers are those of the grown network, all narrowed by the same factor; it is the
    widest such network that fits.

    Args:
        model: the grown network.
        connections: upper limit, approached as nearly as whole nodes allow.
        seed: of the initial values.

    Raises:
        ValueError: if one node in each hidden layer already makes more connections.

    Example:
        >>> from eigenprune import mlp
        >>> small_dense(mlp([8, 5, 2]), 25, seed=1)[0]
        Linear(in_features=8, out_features=2, bias=False)
    """
    first, *hidden, last = widths_of(model)
    fitting = None
    for width in range(1, max(hidden) + 1):
        narrow = [max(1, round(nodes * width / max(hidden))) for nodes in hidden]
        widths = [first, *narrow, last]
        if sum(a * b for a, b in itertools.pairwise(widths)) <= connections:
            fitting = widths
    if fitting is None:
        raise ValueError(f"connections={connections!r}: too few for one node in each hidden layer")
    return initial(model, fitting, seeds.generator(seed, "static"))
