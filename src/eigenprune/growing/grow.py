"""The growing itself: train until the loss stalls, add connections or nodes, and train on."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor, nn

from eigenprune import seeds
from eigenprune.connections import train_masked
from eigenprune.growing.initial import hidden_nodes, random_masks
from eigenprune.growing.rules import Epoch, Growth, what_follows
from eigenprune.growing.steps import add_connections, add_nodes
from eigenprune.networks import as_dense


@dataclass(frozen=True)
class Grown:
    """A network that has grown, the masks of its connections, and its history."""

    network: nn.Sequential
    masks: list[Tensor]
    history: list[Epoch]


def grow(
    model: nn.Sequential,
    inputs: Tensor,
    targets: Tensor,
    growth: Growth,
    *,
    batch_size: int = 200,
    learning_rate: float = 1e-3,
    seed: int = 0,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Grown:
    r"""Train a sparse network and let it grow whenever the loss stalls.

    Training goes in stretches of `patience` epochs, each with a fresh Adam. The loss has stalled
    when a stretch ends above (1 - tolerance) times the loss at the end of the stretch before. Then
    absent connections are added: random ones, or those with the largest
    :math:`|\partial L/\partial w_{ij}|` over all examples. Where `max_nodes` is given, nodes are
    added instead when connections no longer help, that is, when the loss is still above
    (1 - tolerance) times what it was when connections were last added, or when no connection is
    absent. New connections and nodes begin as those of the first network did, Glorot-uniform for
    the size of the network at that time.

    Args:
        model: the first network with its few hidden nodes, see `networks.mlp`, dense.
        inputs: (rows, features); the network is trained on their device.
        targets: (rows,) class numbers.
        growth: when it grows, by how much, and when it stops.
        batch_size: rows per step.
        learning_rate: of Adam.
        seed: of connections, new weights and the order of the rows.
        on_epoch: see `training.train`; it counts from 1 again after each stretch.

    Returns:
        The network, its masks and one `Epoch` per epoch.

    Raises:
        ValueError: if the network has no hidden layer or more nodes than `max_nodes`; and see
            `training.train`.

    Source: Inspired by Feng, Li and Li, Journal of Applied Sciences 26(2) (2008), of which only a
    description was available: few nodes, a connectivity of one in twenty, connections first and
    nodes when connections no longer help. The rules of stalling and of choice, and the numbers
    added, are assumptions. The choice by gradient is that of Evci et al., ICML 2020
    (arXiv 1911.11134), whose new weights begin at zero.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> x = torch.rand(64, 8); y = (x[:, 0] > 0.5).long()
        >>> first = mlp([8, 4, 2], layer="dense", seed=1)
        >>> grown = grow(first, x, y, Growth(wanted_loss=0.1, max_epochs=20))
        >>> grown.history[0].connections, grown.history[-1].event
        (3, 'spent')
    """
    network = as_dense(model).to(inputs.device)
    nodes = hidden_nodes(network)
    if growth.max_nodes is not None and growth.max_nodes < nodes:
        raise ValueError(f"max_nodes={growth.max_nodes!r}: {nodes} hidden nodes are there already")
    generator = seeds.generator(seed, "growing")
    masks = random_masks(network, growth.connectivity, generator)
    history: list[Epoch] = []
    previous = before_connections = math.inf
    while not history or history[-1].event in ("", "connections", "nodes"):
        network, losses = train_masked(
            network,
            masks,
            inputs,
            targets,
            epochs=min(growth.patience, growth.max_epochs - len(history)),
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            stream=f"growing after {len(history)} epochs",
            on_epoch=on_epoch,
        )
        for loss in losses:
            connections = sum(int(mask.sum()) for mask in masks)
            history.append(Epoch(len(history) + 1, loss, hidden_nodes(network), connections))
        event = what_follows(growth, history[-1], masks, previous, before_connections)
        history[-1] = replace(history[-1], event=event)
        previous = losses[-1]
        if event == "connections":
            network, masks = add_connections(network, masks, inputs, targets, growth, generator)
            before_connections = losses[-1]
        elif event == "nodes":
            network, masks = add_nodes(network, masks, growth, generator)
            before_connections = math.inf
    return Grown(network, masks, history)
