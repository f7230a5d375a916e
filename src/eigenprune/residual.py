r"""Residual networks: hidden layers of equal width; all but the first add to their inputs.

With identity skips, the features of an example form one stream, and a node is one place in this
stream, in all hidden layers at once. It can only be removed from all of them. These networks are
therefore not an `nn.Sequential`, and every function that ranks, masks or removes the nodes of a
single layer refuses them.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from eigenprune.networks import fully_connected
from eigenprune.pruning import compact
from eigenprune.regularisers.feature_flow import FeatureFlow, require_equal_widths
from eigenprune.training import train


class Residual(nn.Module):
    r"""A fully connected network whose hidden layers of equal width have identity skips.

    .. math:: x_1 = a(W_0 x), \qquad x_{l+1} = x_l + a(W_l x_l), \qquad y = W_L x_L

    a is the activation, :math:`x_1, \dots, x_L` are the features and y the logits.

    Args:
        layers: the layers and activations, as `networks.mlp` makes them; they are not copied.

    Raises:
        ValueError: if there is no hidden layer or their widths differ.

    Source: He et al., Deep residual learning, CVPR 2016, here without normalisation and with one
    layer in each block.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> model = Residual(mlp([8, 5, 5, 5, 2]))
        >>> model(torch.rand(4, 8)).shape
        torch.Size([4, 2])
    """

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        require_equal_widths(layers, 1)
        self.layers = layers

    def forward(self, inputs: Tensor) -> Tensor:
        """(rows, features) to logits, (rows, classes)."""
        return self.flow(inputs)[1]

    def flow(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The features, (hidden layers, rows, width), and the logits, (rows, classes)."""
        return _flow(self.layers, inputs)

    def keep_nodes(self, keep: Tensor) -> "Residual":
        """A smaller network with only the given nodes in all hidden layers; this one is unchanged.

        Args:
            keep: (width,) bool, True for a node that stays.

        Raises:
            ValueError: if `keep` does not fit the width or removes all nodes.
        """
        return Residual(compact(self.layers, [keep] * (len(fully_connected(self.layers)) - 1)))


def train_residual(
    model: Residual,
    inputs: Tensor,
    targets: Tensor,
    *,
    k1: float = 0.0,
    k2: float = 0.0,
    epochs: int,
    batch_size: int = 200,
    learning_rate: float = 1e-3,
    seed: int = 0,
    stream: str = "order",
    on_epoch: Callable[[int, float], None] | None = None,
) -> tuple[Residual, list[float]]:
    """Train as `training.train` does, with feature flow regularisation if a coefficient is not 0.

    Args:
        model: left unchanged.
        inputs: (rows, features).
        targets: (rows,) class numbers.
        k1: coefficient of the length, see `feature_flow.FeatureFlow`.
        k2: coefficient of the curvature.
        epochs: see `training.train`, also for the arguments below.
        batch_size: rows per step.
        learning_rate: of Adam.
        seed: of the order of the rows.
        stream: name of the random stream.
        on_epoch: called after each epoch.

    Returns:
        The trained network and the mean training loss (nats) of each epoch.

    Raises:
        ValueError: if `model` is not a `Residual`; and see `training.train` and
            `feature_flow.FeatureFlow`.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> x = torch.rand(64, 8); y = (x[:, 0] > 0.5).long()
        >>> model = Residual(mlp([8, 16, 16, 2], seed=1))
        >>> _, losses = train_residual(model, x, y, k1=0.1, epochs=30, batch_size=16)
        >>> losses[-1] < losses[0]
        True
    """
    if not isinstance(model, Residual):
        raise ValueError(f"model: a {type(model).__name__}, and a Residual is wanted")
    layers, losses = train(
        model.layers,
        inputs,
        targets,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        stream=stream,
        regulariser=_AlongSkips(k1, k2),
        on_epoch=on_epoch,
    )
    return Residual(layers), losses


class _AlongSkips(FeatureFlow):
    def flow(self, model: nn.Sequential, inputs: Tensor) -> tuple[Tensor, Tensor]:
        return _flow(model, inputs)


def _flow(layers: nn.Sequential, inputs: Tensor) -> tuple[Tensor, Tensor]:
    readers = fully_connected(layers)[1:]
    points: list[Tensor] = []
    for module in layers:
        if any(module is reader for reader in readers):
            # The first hidden layer has no skip: its inputs are not features of a hidden layer.
            inputs = inputs + points[-1] if points else inputs
            points.append(inputs)
        inputs = module(inputs)
    return torch.stack(points), inputs
