r"""Feature flow: the path that an example takes through hidden layers of equal width.

The activations :math:`x_1, \dots, x_L` of L hidden layers of width n are points in one space, and
an example's way through the network is the polyline that joins them. Short and straight ways are
said to leave parameters without use.

Source: inspired by Wu, Lan, Zhang and Xiang, Neural Networks 161 (2023), doi
10.1016/j.neunet.2023.02.013, whose abstract alone was at hand. Assumed here: the points are the
outputs of the activation functions, lengths are Euclidean, the curvature is the second difference,
both are divided by the width and averaged over the examples.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune.networks import fully_connected, hidden_layers
from eigenprune.regularisers.base import Regulariser


def length(points: Tensor) -> Tensor:
    r"""Length of each polyline, :math:`\sum_l \lVert x_{l+1} - x_l \rVert_2`.

    Args:
        points: (points, rows, width).

    Returns:
        One length for each row, (rows,).

    Example:
        >>> length(torch.tensor([[[0.0, 0.0]], [[3.0, 4.0]], [[3.0, 5.0]]]))
        tensor([6.])
    """
    return _lengths(points.diff(dim=0)).sum(dim=0)


def curvature(points: Tensor) -> Tensor:
    r"""Second differences of each polyline, :math:`\sum_l \lVert x_{l+1} - 2x_l + x_{l-1}\rVert_2`.

    It is zero for a straight line with equal steps, and for no other.

    Args:
        points: (points, rows, width).

    Returns:
        One curvature for each row, (rows,).

    Example:
        >>> curvature(torch.tensor([[[0.0, 0.0]], [[1.0, 1.0]], [[2.0, 2.0]], [[6.0, 5.0]]]))
        tensor([3.6056])
    """
    return _lengths(points.diff(n=2, dim=0)).sum(dim=0)


def turning_angles(points: Tensor) -> Tensor:
    r"""Angle between each two successive steps of a polyline, from 0 to :math:`\pi` (radians).

    The sum over the points is the total curvature of a polyline in the sense of geometry, whatever
    the lengths of its steps; where a step has length 0 the angle is 0. With the steps u and v it is
    :math:`2\operatorname{atan2}(\lVert |u|v - |v|u \rVert, \lVert |u|v + |v|u \rVert)`, exact
    for small angles too, where the arc cosine is not.

    Args:
        points: (points, rows, width).

    Returns:
        Angles, (points - 2, rows).

    Source: Milnor, Ann Math 52 (1950), total curvature.

    Example:
        >>> turning_angles(torch.tensor([[[0.0, 0.0]], [[1.0, 0.0]], [[1.0, 2.0]]]))
        tensor([[1.5708]])
    """
    steps = points.diff(dim=0)
    lengths = _lengths(steps)[..., None]
    one, other = lengths[:-1] * steps[1:], lengths[1:] * steps[:-1]
    return 2 * torch.atan2(_lengths(one - other), _lengths(one + other))


def trajectories(model: nn.Sequential, inputs: Tensor) -> Tensor:
    """The ways of examples through the hidden layers, (hidden layers, rows, width).

    Args:
        model: a network with hidden layers of equal width.
        inputs: (rows, features).

    Raises:
        ValueError: if there is no hidden layer or their widths differ.

    Example:
        >>> from eigenprune import mlp
        >>> trajectories(mlp([8, 5, 5, 5, 2]), torch.rand(4, 8)).shape
        torch.Size([3, 4, 5])
    """
    _check(model, 1)
    return _forward(model, inputs)[0]


class _FeatureFlow(Regulariser):
    POINTS: ClassVar[int]

    def measure(self, points: Tensor) -> Tensor:
        raise NotImplementedError

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        _check(model, self.POINTS)
        return model

    def loss(self, model: nn.Sequential, inputs: Tensor, targets: Tensor) -> Tensor:
        points, logits = _forward(model, inputs)
        flow = self.measure(points).mean() / points.shape[2]
        return F.cross_entropy(logits, targets) + self.strength * flow


class FlowLength(_FeatureFlow):
    r"""Penalise the mean length of the ways, :math:`\frac1n \sum_l \lVert x_{l+1} - x_l \rVert_2`.

    Args:
        strength: of the penalty, 0 or more.

    Raises:
        ValueError: in `prepare`, if there are fewer than 2 hidden layers or their widths differ.

    Example:
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 5, 5, 2]), x, y, epochs=1, regulariser=FlowLength(0.1))
    """

    POINTS = 2

    def measure(self, points: Tensor) -> Tensor:
        """See `length`."""
        return length(points)


class FlowCurvature(_FeatureFlow):
    r"""Penalise the mean :math:`\frac1n \sum_l \lVert x_{l+1} - 2x_l + x_{l-1} \rVert_2`.

    Args:
        strength: of the penalty, 0 or more.

    Raises:
        ValueError: in `prepare`, if there are fewer than 3 hidden layers or their widths differ.

    Example:
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 5, 5, 5, 2]), x, y, epochs=1, regulariser=FlowCurvature(0.1))
    """

    POINTS = 3

    def measure(self, points: Tensor) -> Tensor:
        """See `curvature`."""
        return curvature(points)


def _lengths(vectors: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(vectors, dim=-1)
    return lengths


def _check(model: nn.Sequential, at_least: int) -> None:
    widths = [layer.out_features for layer in hidden_layers(model)]
    if len(widths) < at_least or len(set(widths)) > 1:
        raise ValueError(
            f"hidden layers of widths {widths}: at least {at_least} wanted, all of the same width"
        )


def _forward(model: nn.Sequential, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """What each layer behind a hidden one reads, (hidden layers, rows, width), and the logits."""
    readers = fully_connected(model)[1:]
    points = []
    for module in model:
        if any(module is reader for reader in readers):
            points.append(inputs)
        inputs = module(inputs)
    return torch.stack(points), inputs
