"""When a network grows, and by how much."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

from torch import Tensor

from eigenprune.counts import require_whole

CHOICES = ("largest", "random")


@dataclass(frozen=True)
class Growth:
    """When a network grows and by how much.

    Attributes:
        wanted_loss: mean training loss (nats) at which growing and training stop.
        max_epochs: epochs after which growing and training stop in any case, 1 or more.
        connectivity: share of the possible connections that are there at the start, in each layer,
            and that each new node begins with on either side; above 0, at most 1.
        new_connections: share of all possible connections that is added at a time; above 0, at
            most 1.
        choice: which absent connections are added, `"random"` ones or those with the `"largest"`
            gradient.
        tolerance: relative improvement of the loss below which training has stalled, 0 or
            more and below 1.
        patience: epochs over which the improvement is measured, 1 or more.
        max_nodes: upper limit on hidden nodes, all layers together; with None only connections are
            added.
        new_nodes: nodes added to each hidden layer at a time, 1 or more.

    Raises:
        ValueError: if an argument is out of its range.
    """

    wanted_loss: float
    max_epochs: int
    connectivity: float = 0.05
    new_connections: float = 0.05
    choice: str = "largest"
    tolerance: float = 0.01
    patience: int = 5
    max_nodes: int | None = None
    new_nodes: int = 5

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in ("max_epochs", "patience", "new_nodes"):
            require_whole(name, getattr(self, name), 1)
        if self.max_nodes is not None:
            require_whole("max_nodes", self.max_nodes, 1)
        if not isinstance(self.wanted_loss, Real) or math.isnan(self.wanted_loss):
            raise ValueError(f"wanted_loss={self.wanted_loss!r}: a number (nats)")
        for name in ("connectivity", "new_connections"):
            check_share(name, getattr(self, name))
        if not 0 <= self.tolerance < 1:
            raise ValueError(f"tolerance={self.tolerance!r}: a fraction, 0 or more and below 1")
        if self.choice not in CHOICES:
            raise ValueError(f"choice={self.choice!r}: one of {', '.join(CHOICES)}")


@dataclass(frozen=True)
class Epoch:
    """One epoch of a growing network.

    Attributes:
        epoch: its number, from 1.
        loss: mean training loss (nats).
        nodes: hidden nodes in this epoch.
        connections: connections in this epoch.
        event: what followed: `"connections"` or `"nodes"` if these were added; the reason if
            growing ended: the wanted loss was `"reached"`, nothing was left to add (`"full"`), the
            epochs were `"spent"` or the loss was no longer finite (`"diverged"`); otherwise `""`.
    """

    epoch: int
    loss: float
    nodes: int
    connections: int
    event: str = ""


def what_follows(
    growth: Growth,
    last: Epoch,
    masks: Sequence[Tensor],
    loss_before: float,
    loss_at_growth: float,
) -> str:
    """The event after a stretch of training, see `Epoch`.

    Args:
        growth: the rules.
        last: the last epoch of the stretch.
        masks: of the connections.
        loss_before: the loss at the end of the stretch before, infinite if there was none.
        loss_at_growth: the loss when connections were last added, infinite if none were added since
            nodes last were; connections then still count as helping.
    """
    if not math.isfinite(last.loss):
        return "diverged"
    if last.loss <= growth.wanted_loss:
        return "reached"
    if last.epoch >= growth.max_epochs:
        return "spent"
    if last.loss <= (1 - growth.tolerance) * loss_before:
        return ""
    full = all(bool(mask.all()) for mask in masks)
    helped = last.loss <= (1 - growth.tolerance) * loss_at_growth
    nodes = last.nodes + growth.new_nodes * (len(masks) - 1)
    if (full or not helped) and growth.max_nodes is not None and nodes <= growth.max_nodes:
        return "nodes"
    return "full" if full else "connections"


def check_share(name: str, share: float) -> None:
    """Refuse a number that is not a share of connections.

    Raises:
        ValueError: if it is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"{name}={share!r}: a fraction above 0 and at most 1")
