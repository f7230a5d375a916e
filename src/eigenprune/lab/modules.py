"""Pruning a network into modules: connections between clusters of nodes are the first to go.

Modules are a list with one tensor (nodes,) of module numbers, from 0, for each layer of nodes:
inputs, hidden layers, outputs. A connection is inside when both its nodes are in one module.

Source: Inspired by CRESPR, Kang, Ding and Chen, Neural Networks 172 (2024), doi
10.1016/j.neunet.2023.12.021, of which only the abstract and a description were available.
Assumptions made here: modules are found once, in the trained network, from :math:`|w|` alone (the
paper argues with the Hessian); the schedule is cubic; connections between modules have a factor
gamma.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from eigenprune import seeds
from eigenprune.connections import Retrain, magnitude, prune_gradually
from eigenprune.metrics import evaluate
from eigenprune.paths import dead_nodes, on_a_path


@dataclass(frozen=True)
class ModularNetwork:
    """The result of pruning a network into modules.

    Attributes:
        accuracy: on the examples given to `describe`, from 0 to 1.
        sparsity: share of the possible connections that are absent, from 0 to 1.
        effective_sparsity: the same, but connections on no path from an input to an output count as
            absent too.
        share_inside: share of the connections present that are inside modules, from 0 to 1; NaN if
            there are none.
        normalised_cut: see `normalised_cut`, from 0 to the number of modules.
        dead_nodes: hidden nodes without incoming or without outgoing connections.
    """

    accuracy: float
    sparsity: float
    effective_sparsity: float
    share_inside: float
    normalised_cut: float
    dead_nodes: int


def find_modules(model: nn.Sequential, modules: int, *, seed: int = 0) -> list[Tensor]:
    """Cluster inputs, hidden nodes and outputs together, with little weight between the clusters.

    This is spectral clustering of the graph whose nodes are those of all layers and whose edges
    have the weights :math:`|w_{ij}|`: an approximate minimum of `normalised_cut`.

    Args:
        model: a trained network, see `networks.mlp`.
        modules: number of modules, 2 or more and fewer than nodes.
        seed: of the clustering.

    Returns:
        The modules, one tensor (nodes,) per layer of nodes.

    Raises:
        ValueError: if `modules` is out of its range.

    Source: Shi and Malik, IEEE TPAMI 22(8) (2000); `sklearn.cluster.SpectralClustering`.

    Example:
        >>> from eigenprune import mlp
        >>> [len(numbers) for numbers in find_modules(mlp([8, 5, 2], seed=1), 2)]
        [8, 5, 2]
    """
    from sklearn.cluster import SpectralClustering

    graph = _graph(model)
    if not 2 <= modules < len(graph):
        raise ValueError(f"modules={modules!r}: 2 or more, and fewer than the {len(graph)} nodes")
    clustering = SpectralClustering(modules, affinity="precomputed", random_state=seed)
    numbers = torch.from_numpy(clustering.fit_predict(graph).astype(np.int64))
    return list(numbers.split(_layers_of_nodes(magnitude(model))))


def random_modules(modules: Sequence[Tensor], *, seed: int = 0) -> list[Tensor]:
    """The control: modules of the same sizes, made of random nodes.

    Example:
        >>> first, last = random_modules([torch.tensor([0, 0, 1]), torch.tensor([1])], seed=1)
        >>> torch.cat([first, last]).bincount()
        tensor([2, 2])
    """
    numbers = torch.cat(list(modules))
    order = torch.randperm(len(numbers), generator=seeds.generator(seed, "modules"))
    return list(numbers[order].split([len(layer) for layer in modules]))


def inside(modules: Sequence[Tensor]) -> list[Tensor]:
    """The connections inside modules, a mask (out_features, in_features) per layer.

    Example:
        >>> inside([torch.tensor([0, 1]), torch.tensor([0])])
        [tensor([[ True, False]])]
    """
    return [out[:, None] == into for into, out in itertools.pairwise(modules)]


def modular_scores(model: nn.Sequential, modules: Sequence[Tensor], gamma: float) -> list[Tensor]:
    r"""Magnitude of each connection, times gamma where it is between modules.

    .. math:: s_{ij} = |w_{ij}| \text{ inside}, \qquad s_{ij} = \gamma |w_{ij}| \text{ between}

    At gamma = 0 all connections between modules rank below all that are inside, in order of their
    size (:math:`s_{ij} = -1/|w_{ij}|`); at gamma = 1 modules do not matter.

    Args:
        model: a network, see `networks.mlp`.
        modules: one tensor (nodes,) per layer of nodes.
        gamma: from 0 to 1.

    Returns:
        Scores (out_features, in_features) per layer.

    Raises:
        ValueError: if `gamma` is out of its range or the modules do not fit the network.

    Example:
        >>> from eigenprune import mlp
        >>> model, modules = mlp([2, 1, 1]), [torch.tensor([0, 1]), *[torch.tensor([1])] * 2]
        >>> modular_scores(model, modules, 0.1)[0] / magnitude(model)[0]
        tensor([[0.1000, 1.0000]])
    """
    if not 0 <= gamma <= 1:
        raise ValueError(f"gamma={gamma!r}: a factor from 0 to 1")
    sizes = magnitude(model)
    _check_modules(sizes, modules)
    return [
        torch.where(within.to(size.device), size, gamma * size if gamma else -1 / size)
        for size, within in zip(sizes, inside(modules), strict=True)
    ]


def prune_to_modules(
    model: nn.Sequential,
    modules: Sequence[Tensor],
    sparsity: float,
    *,
    gamma: float,
    steps: int,
    retrain: Retrain,
) -> tuple[nn.Sequential, list[Tensor]]:
    """Prune connections between modules first, on the cubic schedule, training after each step.

    Args:
        model: a trained network, see `networks.mlp`.
        modules: one tensor (nodes,) per layer of nodes, see `find_modules`.
        sparsity: fraction of all connections that are absent at the end, from 0 to 1.
        gamma: factor of connections between modules, from 0 to 1, see `modular_scores`.
        steps: number of pruning steps, 1 or more.
        retrain: see `connections.prune_gradually`; after the last step it is the final retraining.

    Returns:
        The network and the masks of its connections.

    Raises:
        ValueError: see `modular_scores` and `connections.prune_gradually`.

    Example:
        >>> from eigenprune import mlp
        >>> model = mlp([8, 5, 2], seed=1)
        >>> _, masks = prune_to_modules(
        ...     model, find_modules(model, 2), 0.9, gamma=0.1, steps=3,
        ...     retrain=lambda network, masks, step: network,
        ... )
        >>> sum(int(mask.sum()) for mask in masks)
        5
    """
    modular_scores(model, modules, gamma)  # refuses what does not fit before anything is trained
    return prune_gradually(
        model,
        sparsity,
        steps=steps,
        retrain=retrain,
        scores=lambda network: modular_scores(network, modules, gamma),
    )


def normalised_cut(model: nn.Sequential, modules: Sequence[Tensor]) -> float:
    r"""The share of the weight at a module's nodes that leads out of it, summed over modules.

    .. math:: \sum_k \frac{\mathrm{cut}(A_k, \bar A_k)}{\mathrm{vol}(A_k)}

    The cut is the sum of :math:`|w|` over connections between module k and the rest. The volume is
    the sum, over the nodes of the module, of all :math:`|w|` at the node. At 0, no weight lies
    between modules; a module without any weight adds nothing.

    Args:
        model: a network, see `networks.mlp`.
        modules: one tensor (nodes,) per layer of nodes.

    Raises:
        ValueError: if the modules do not fit the network.

    Source: Shi and Malik, IEEE TPAMI 22(8) (2000), for more than two modules.

    Example:
        >>> from eigenprune import mlp
        >>> model = mlp([2, 2, 2], seed=1)
        >>> normalised_cut(model, [torch.tensor([0, 0])] * 3)
        0.0
    """
    _check_modules(magnitude(model), modules)
    graph, numbers = _graph(model), torch.cat(list(modules)).cpu().numpy()
    total = 0.0
    for k in np.unique(numbers):
        own = numbers == k
        if volume := graph[own].sum():
            total += graph[own][:, ~own].sum() / volume
    return float(total)


def describe(
    network: nn.Sequential,
    masks: Sequence[Tensor],
    modules: Sequence[Tensor],
    inputs: Tensor,
    targets: Tensor,
) -> ModularNetwork:
    """The result of pruning a network into modules, in numbers.

    Args:
        network: pruned, see `prune_to_modules`.
        masks: of its connections.
        modules: one tensor (nodes,) per layer of nodes.
        inputs: examples for the accuracy, (rows, features).
        targets: (rows,) class numbers.

    Raises:
        ValueError: if the modules do not fit the network; and see `metrics.evaluate`.
    """
    possible = sum(mask.numel() for mask in masks)
    present = sum(int(mask.sum()) for mask in masks)
    within = sum(
        int((mask & own.to(mask.device)).sum())
        for mask, own in zip(masks, inside(modules), strict=True)
    )
    return ModularNetwork(
        accuracy=evaluate(network, inputs, targets)[0],
        sparsity=1 - present / possible,
        effective_sparsity=1 - sum(int(mask.sum()) for mask in on_a_path(masks)) / possible,
        share_inside=within / present if present else float("nan"),
        normalised_cut=normalised_cut(network, modules),
        dead_nodes=sum(int(dead.sum()) for dead in dead_nodes(masks)),
    )


def _graph(model: nn.Sequential) -> np.ndarray:
    """The symmetric matrix of |w| between all nodes, layer after layer."""
    sizes = [size.double().cpu().numpy() for size in magnitude(model)]
    ends = np.cumsum([0, *_layers_of_nodes(magnitude(model))])
    graph = np.zeros((ends[-1], ends[-1]))
    for layer, size in enumerate(sizes):
        into = slice(ends[layer], ends[layer + 1])
        out = slice(ends[layer + 1], ends[layer + 2])
        graph[out, into] = size
        graph[into, out] = size.T
    return graph


def _layers_of_nodes(sizes: Sequence[Tensor]) -> list[int]:
    return [sizes[0].shape[1], *(len(size) for size in sizes)]


def _check_modules(sizes: Sequence[Tensor], modules: Sequence[Tensor]) -> None:
    nodes = _layers_of_nodes(sizes)
    if [tuple(numbers.shape) for numbers in modules] != [(n,) for n in nodes]:
        shapes = [tuple(numbers.shape) for numbers in modules]
        raise ValueError(f"modules of shapes {shapes}: the layers have {nodes} nodes")
