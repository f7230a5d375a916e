r"""Feature flow: the path that an example takes through hidden layers of equal width.

The activations :math:`x_1, \dots, x_L` of L hidden layers of width n are points in one space, and
the path of an example through the network is the polyline that joins them. Short and straight
paths are said to leave parameters unused.

Source: inspired by Wu, Lan, Zhang and Xiang, Neural Networks 161 (2023), doi
10.1016/j.neunet.2023.02.013, of which only the abstract was available. Assumed here: the points are
the outputs of the activation functions, lengths are Euclidean, the curvature is the second
difference or, as in geometry, the angle; all are divided by the width and averaged over the
examples.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune.networks import fully_connected, hidden_layers
from eigenprune.regularisers.base import Regulariser, require_strength


def length(points: Tensor) -> Tensor:
    r"""Length of each polyline, :math:`\sum_l \lVert x_{l+1} - x_l \rVert_2`.

    Args:
        points: (points, rows, width).

    Returns:
        One length for each row, (rows,).

    Example:
        >>> import torch
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
        >>> import torch
        >>> curvature(torch.tensor([[[0.0, 0.0]], [[1.0, 1.0]], [[2.0, 2.0]], [[6.0, 5.0]]]))
        tensor([3.6056])
    """
    return _lengths(points.diff(n=2, dim=0)).sum(dim=0)


def turning_angles(points: Tensor) -> Tensor:
    r"""Angle between each pair of successive steps of a polyline, from 0 to :math:`\pi` (radians).

    The sum over the points is the total curvature of a polyline as geometry defines it, whatever
    the lengths of its steps. Where a step has length 0, the angle is 0, and so is its gradient.
    Between steps with unit directions u and v the angle is
    :math:`2\operatorname{atan2}(\lVert v - u \rVert, \lVert v + u \rVert)`, which is exact for
    small angles too; the arc cosine is not.

    Args:
        points: (points, rows, width).

    Returns:
        Angles, (points - 2, rows).

    Source: Milnor, Ann Math 52 (1950), total curvature.

    Example:
        >>> import torch
        >>> turning_angles(torch.tensor([[[0.0, 0.0]], [[1.0, 0.0]], [[1.0, 2.0]]]))
        tensor([[1.5708]])
    """
    steps = points.diff(dim=0)
    lengths = _lengths(steps)
    moved = lengths > 0
    directions = steps / torch.where(moved, lengths, 1.0)[..., None]
    turned = moved[1:] & moved[:-1]
    # Where there is no angle, use 0: atan2(0, 0) would have no gradient.
    across = torch.where(turned, _lengths(directions.diff(dim=0)), 0.0)
    along = torch.where(turned, _lengths(directions[1:] + directions[:-1]), 1.0)
    return 2 * torch.atan2(across, along)


def trajectories(model: nn.Sequential, inputs: Tensor) -> Tensor:
    """The paths of examples through the hidden layers, (hidden layers, rows, width).

    Args:
        model: a network with hidden layers of equal width.
        inputs: (rows, features).

    Raises:
        ValueError: if there is no hidden layer or their widths differ.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> trajectories(mlp([8, 5, 5, 5, 2]), torch.rand(4, 8)).shape
        torch.Size([3, 4, 5])
    """
    require_equal_widths(model, 1)
    return _forward(model, inputs)[0]


def require_equal_widths(model: nn.Sequential, at_least: int) -> None:
    """Refuse a network with too few hidden layers, or with hidden layers of different widths.

    Args:
        model: any network, see `networks.fully_connected`.
        at_least: smallest number of hidden layers that is accepted.

    Raises:
        ValueError: if there are fewer or their widths differ.
    """
    widths = [layer.out_features for layer in hidden_layers(model)]
    if len(widths) < at_least or len(set(widths)) > 1:
        raise ValueError(
            f"hidden layers of widths {widths}: at least {at_least} wanted, all of the same width"
        )


class _FeatureFlow(Regulariser):
    POINTS: ClassVar[int]

    def measure(self, points: Tensor) -> Tensor:
        raise NotImplementedError

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        require_equal_widths(model, self.POINTS)
        return model

    def penalty(self, points: Tensor) -> Tensor:
        return self.strength * self.measure(points).mean() / points.shape[2]

    def loss(self, model: nn.Sequential, inputs: Tensor, targets: Tensor) -> Tensor:
        points, logits = _forward(model, inputs)
        return F.cross_entropy(logits, targets) + self.penalty(points)


class FlowLength(_FeatureFlow):
    r"""Penalise the mean length of the paths, :math:`\frac1n \sum_l \lVert x_{l+1} - x_l \rVert_2`.

    Args:
        strength: of the penalty, 0 or more.

    Raises:
        ValueError: in `prepare`, if there are fewer than 2 hidden layers or their widths differ.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 5, 5, 2]), x, y, epochs=1, regulariser=FlowLength(0.1))
    """

    POINTS = 2

    def measure(self, points: Tensor) -> Tensor:
        """See `length`."""
        return length(points)


class FlowCurvature(_FeatureFlow):
    r"""Penalise mean curvature, :math:`\frac1n \sum_l \lVert x_{l+1} - 2x_l + x_{l-1} \rVert_2`.

    Args:
        strength: of the penalty, 0 or more.

    Raises:
        ValueError: in `prepare`, if there are fewer than 3 hidden layers or their widths differ.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 5, 5, 5, 2]), x, y, epochs=1, regulariser=FlowCurvature(0.1))
    """

    POINTS = 3

    def measure(self, points: Tensor) -> Tensor:
        """See `curvature`."""
        return curvature(points)


class FlowAngle(_FeatureFlow):
    r"""Penalise the mean total curvature of the paths, :math:`\frac1n \sum_l \theta_l`.

    :math:`\theta_l`, from 0 to :math:`\pi`, is the angle between two successive steps, see
    `turning_angles`. Unlike the second difference, it does not change if features are scaled. Its
    gradient becomes steeper as a step becomes shorter.

    Args:
        strength: of the penalty, 0 or more.

    Raises:
        ValueError: in `prepare`, if there are fewer than 3 hidden layers or their widths differ.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 5, 5, 5, 2]), x, y, epochs=1, regulariser=FlowAngle(0.1))
    """

    POINTS = 3

    def measure(self, points: Tensor) -> Tensor:
        """The sum of the `turning_angles`, (rows,)."""
        return turning_angles(points).sum(dim=0)


class FeatureFlow(Regulariser):
    r"""Both penalties of the source at once: training minimises :math:`L + k_1 R_1 + k_2 R_2`.

    L is the cross-entropy, :math:`R_1` the penalty of `FlowLength` and :math:`R_2` that of
    `FlowCurvature`. With both coefficients 0 it is plain training.

    Args:
        k1: of the length, 0 or more.
        k2: of the curvature, 0 or more.

    Raises:
        ValueError: if a coefficient is out of its range; in `prepare`, if there are fewer hidden
            layers than its penalties need or their widths differ.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> both = FeatureFlow(0.1, 0.01)
        >>> model, _ = train(mlp([8, 5, 5, 5, 2]), x, y, epochs=1, regulariser=both)
    """

    def __init__(self, k1: float, k2: float) -> None:
        """Take the two coefficients."""
        for name, coefficient in (("k1", k1), ("k2", k2)):
            require_strength(name, coefficient, self.LIMIT)
        super().__init__(k1)
        self.penalties = [its for its in (FlowLength(k1), FlowCurvature(k2)) if its.strength]

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Refuse networks that `require_equal_widths` refuses."""
        require_equal_widths(model, max((its.POINTS for its in self.penalties), default=1))
        return model

    def flow(self, model: nn.Sequential, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The points, (hidden layers, rows, width), and the logits, (rows, classes)."""
        return _forward(model, inputs)

    def loss(self, model: nn.Sequential, inputs: Tensor, targets: Tensor) -> Tensor:
        """The cross-entropy and both penalties on a batch."""
        points, logits = self.flow(model, inputs)
        penalties = (its.penalty(points) for its in self.penalties)
        return sum(penalties, start=F.cross_entropy(logits, targets))


def _lengths(vectors: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(vectors, dim=-1)
    return lengths


def _forward(model: nn.Sequential, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """What each layer after a hidden one reads, (hidden layers, rows, width), and the logits."""
    readers = fully_connected(model)[1:]
    points = []
    for module in model:
        if any(module is reader for reader in readers):
            points.append(inputs)
        inputs = module(inputs)
    return torch.stack(points), inputs
