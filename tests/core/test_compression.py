"""Compression other than fewer nodes: each way against its rule, and against what it stores."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.compression import (
    Size,
    cluster_weights,
    dense_size,
    lloyd,
    low_rank,
    prune_connections,
    prune_connections_gradually,
    quantise,
    quantise_rows,
    sparse_size,
    sparse_times_dense,
)
from eigenprune.connections import magnitude, select_connections, train_masked, without_absent
from eigenprune.divergence import Diverged
from eigenprune.networks import as_dense, fully_connected

Compression = Callable[[nn.Sequential], tuple[nn.Sequential, Size]]


def untrained(network: nn.Sequential, masks: list[Tensor], step: int) -> nn.Sequential:
    return network


# Each with an argument that makes the network of the tests smaller.
WAYS: dict[str, Compression] = {
    "magnitude": lambda m: prune_connections(m, 0.8),
    "gradual": lambda m: prune_connections_gradually(m, 0.8, steps=3, retrain=untrained),
    "low rank": lambda m: low_rank(m, 3),
    "sparse x dense": lambda m: sparse_times_dense(m, 4, 0.5),
    "8 bits": lambda m: quantise(m, 8),
    "4 bits": lambda m: quantise(m, 4),
    "clusters": lambda m: cluster_weights(m, 8),
}
WIDTHS = [30, 20, 12, 4]


@pytest.fixture
def model() -> nn.Sequential:
    model = ep.mlp(WIDTHS, layer="dense", bias=True, activation="tanh", seed=3)
    with torch.no_grad():
        for layer in fully_connected(model):
            layer.bias.uniform_(-0.1, 0.1, generator=torch.Generator().manual_seed(1))
    return model


def weights(model: nn.Sequential) -> list[Tensor]:
    return [layer.weight.detach() for layer in fully_connected(model)]


@pytest.mark.parametrize("name", WAYS)
def test_a_smaller_network_that_is_used_like_any_other(name: str, model: nn.Sequential) -> None:
    before = {key: value.clone() for key, value in model.state_dict().items()}
    network, size = WAYS[name](model)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert isinstance(network, nn.Sequential) and network.training == model.training
    assert 0 < size.bytes < dense_size(model).bytes
    x, y = torch.rand(40, WIDTHS[0]), torch.zeros(40, dtype=torch.int64)
    assert network(x).shape == (40, WIDTHS[-1])
    ep.evaluate(network, x, y)
    again, _ = ep.train(network, x, y, epochs=1)
    assert len(fully_connected(again)) == len(fully_connected(network))


@pytest.mark.parametrize("name", WAYS)
def test_a_spectral_network_is_taken_as_its_dense_equivalent(name: str) -> None:
    spectral = ep.mlp(WIDTHS, seed=3, bias=True)
    network, size = WAYS[name](spectral)
    other, other_size = WAYS[name](as_dense(spectral))
    assert size == other_size
    assert all(map(torch.equal, weights(network), weights(other)))


def test_sizes_of_networks() -> None:
    model = ep.mlp([5, 4, 3], layer="dense", bias=True)
    # Biases count whether they are zero or not; a network without zeros is stored dense.
    assert dense_size(model) == sparse_size(model) == Size(39, 156)
    sparse = without_absent(model, select_connections(magnitude(model), 1.0))
    # Only biases, and one bit for each of the 20 and of the 12 weights.
    assert sparse_size(sparse) == Size(7, 4 * 7 + 3 + 2)


@pytest.mark.parametrize(("sparsity", "form"), [(0.5, "bitmap"), (0.99, "rows")])
def test_the_bytes_of_a_sparse_network_suffice_to_rebuild_it(sparsity: float, form: str) -> None:
    network, size = prune_connections(ep.mlp([300, 200, 100], layer="dense", bias=True), sparsity)
    stored = 0
    for layer in fully_connected(network):
        weight = layer.weight.detach().numpy()
        rows, columns = weight.nonzero()
        values, places = weight[rows, columns], columns.astype(np.uint16)
        rebuilt = np.zeros_like(weight)
        if form == "rows":
            starts = np.searchsorted(rows, np.arange(len(weight) + 1)).astype(np.uint32)
            for row, (start, end) in enumerate(itertools.pairwise(starts)):
                rebuilt[row, places[start:end]] = values[start:end]
            stored += places.nbytes + starts.nbytes
        else:
            bits = np.packbits(weight != 0)
            rebuilt.flat[np.unpackbits(bits, count=weight.size).nonzero()] = values
            stored += bits.nbytes
        assert (rebuilt == weight).all()
        stored += values.nbytes + layer.bias.nbytes
    assert size.bytes == stored
    assert size.parameters == sum(int(w.count_nonzero()) for w in weights(network)) + 300


def test_magnitude_at_once_is_the_ranking_of_connections(model: nn.Sequential) -> None:
    for sparsity in (0.0, 0.3, 0.9):
        network, size = prune_connections(model, sparsity)
        wanted = without_absent(model, select_connections(magnitude(model), sparsity))
        assert all(map(torch.equal, weights(network), weights(wanted)))
        gradual, other = prune_connections_gradually(model, sparsity, steps=4, retrain=untrained)
        assert all(map(torch.equal, weights(network), weights(gradual))) and size == other
        assert not any("mask" in key or "orig" in key for key in network.state_dict())


def test_gradual_pruning_trains(model: nn.Sequential) -> None:
    x = torch.rand(60, WIDTHS[0], generator=torch.Generator().manual_seed(1))
    y = (x[:, 0] * 4).long()

    def retrain(network: nn.Sequential, masks: list[Tensor], step: int) -> nn.Sequential:
        return train_masked(network, masks, x, y, epochs=30, learning_rate=0.01)[0]

    trained, size = prune_connections_gradually(model, 0.8, steps=3, retrain=retrain)
    pruned, other = prune_connections(model, 0.8)
    assert size.parameters == other.parameters
    assert ep.evaluate(trained, x, y)[1] < 0.8 * ep.evaluate(pruned, x, y)[1]


def test_the_error_of_low_rank_is_the_tail_of_the_singular_values(model: nn.Sequential) -> None:
    (first, *_) = fully_connected(model)
    values = torch.linalg.svdvals(first.weight.detach().double())
    for rank in (1, 5, 11):
        right, left = weights(low_rank(model, rank)[0])[:2]
        error = (left.double() @ right.double() - first.weight.detach().double()).norm() ** 2
        torch.testing.assert_close(error, (values[rank:] ** 2).sum(), rtol=1e-4, atol=1e-9)


def test_two_layers_are_frozen_as_the_one_was() -> None:
    model = ep.mlp([20, 30, 3], layer="dense", bias=True, seed=1)
    model[0].weight.requires_grad_(False)
    thin, _ = ep.compression.low_rank(model, 2)
    learns = {name: parameter.requires_grad for name, parameter in thin.named_parameters()}
    assert [learns["0.weight"], learns["1.weight"], learns["1.bias"]] == [False, False, True]
    assert learns["3.weight"]


def test_layers_are_replaced_only_where_two_are_smaller(model: nn.Sequential) -> None:
    # Ranks at which two are smaller: 30 x 20: below 12; 20 x 12: below 7.5; 12 x 4: below 3.
    for rank, layers in ((1, 6), (3, 5), (8, 4), (12, 3)):
        network, size = low_rank(model, rank)
        assert len(fully_connected(network)) == layers
        assert size.parameters == sum(p.numel() for p in network.parameters())
    x = torch.rand(5, WIDTHS[0])
    assert torch.equal(network(x), model(x))


def test_a_layer_of_low_rank_is_not_changed(model: nn.Sequential) -> None:
    with torch.no_grad():
        model[0].weight.copy_(torch.rand(20, 2) @ torch.rand(2, 30))
    network, x = low_rank(nn.Sequential(model[0]), 2)[0], torch.rand(5, 30)
    torch.testing.assert_close(network(x), model[0](x))


def test_sparse_times_dense_without_sparsity_is_low_rank(model: nn.Sequential) -> None:
    one, size = sparse_times_dense(model, 3, 0.0)
    other, other_size = low_rank(model, 3)
    assert size == other_size
    for a, b in zip(weights(one), weights(other), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_the_dense_factor_is_the_best_for_the_sparse_one(model: nn.Sequential) -> None:
    w = model[0].weight.detach().double()
    full_right, full_left = weights(low_rank(nn.Sequential(model[0]), 5)[0])
    right, left = (a.double() for a in weights(sparse_times_dense(model, 5, 0.6)[0])[:2])
    assert int((left == 0).sum()) == 60
    kept = left != 0
    torch.testing.assert_close(left[kept], full_left.double()[kept])
    error = (w - left @ right).norm()
    assert error < (w - left @ full_right.double()).norm()
    # The residual of a least-squares fit is orthogonal to the columns that are fitted.
    torch.testing.assert_close(
        left.T @ (w - left @ right), torch.zeros(5, 30).double(), atol=1e-5, rtol=0
    )


def test_sparse_times_dense_counts_what_it_stores(model: nn.Sequential) -> None:
    network, size = sparse_times_dense(model, 6, 0.9)
    # A column of the sparse factor may be empty. The last layer, 12 x 4, is unchanged.
    numbers = [int(w.count_nonzero()) for w in weights(network)[1:4:2]]
    assert numbers == [12, 7]
    assert size.parameters == 12 + 6 * 30 + 7 + 6 * 20 + 48 + 36


@pytest.mark.parametrize("bits", [4, 8])
def test_quantised_weights_are_whole_multiples_of_their_scale(
    model: nn.Sequential, bits: int
) -> None:
    network, _ = quantise(model, bits)
    for before, after in zip(weights(model), weights(network), strict=True):
        integers, scales = quantise_rows(before, bits)
        assert integers.dtype == torch.int8
        assert int(integers.abs().max()) == 2 ** (bits - 1) - 1
        assert torch.equal(after, integers * scales[:, None])
        assert ((after - before).abs() <= 0.5001 * scales[:, None]).all()
        torch.testing.assert_close(after.abs().amax(dim=1), before.abs().amax(dim=1))
        assert torch.equal(quantise_rows(-before, bits)[0], -integers)


def test_rows_have_scales_of_their_own_and_zero_stays_zero() -> None:
    w = torch.tensor([[1.0, 0.5, 0.0], [1e-3, 5e-4, 0.0], [0.0, 0.0, 0.0]])
    integers, scales = quantise_rows(w, 8)
    assert torch.equal(integers[0], integers[1]) and integers[0, 0] == 127
    assert not integers[:, 2].any() and not integers[2].any() and scales[2] == 0


def test_the_bytes_of_quantised_and_clustered_networks() -> None:
    model = ep.mlp([5, 3, 2], layer="dense", bias=True)
    # 15 and 6 weights; 5 scales and 5 biases.
    assert quantise(model, 8)[1] == Size(21 + 10, 21 + 40)
    assert quantise(model, 4)[1] == Size(21 + 10, 8 + 3 + 40)
    # 3 bits for 5 values: 45 and 18 bits; 5 centroids for each layer, 5 biases.
    assert cluster_weights(model, 5)[1] == Size(21 + 15, 6 + 3 + 60)


def test_each_layer_has_as_many_values_as_clusters(model: nn.Sequential) -> None:
    network, _ = cluster_weights(model, 4)
    assert all(1 < len(w.unique()) <= 4 for w in weights(network))


def test_a_clustering_is_where_lloyd_comes_to_rest() -> None:
    values = torch.randn(500, generator=torch.Generator().manual_seed(1)).double()
    centroids, labels = lloyd(values, 7)
    assert torch.equal(labels, (values[:, None] - centroids).abs().argmin(dim=1))
    for k in labels.unique():
        torch.testing.assert_close(centroids[k], values[labels == k].mean())


@pytest.mark.parametrize("clusters", [1, 2, 8, 16])
def test_as_good_as_the_k_means_of_scikit_learn(clusters: int) -> None:
    values = torch.randn(800, generator=torch.Generator().manual_seed(2)).double()
    centroids, labels = lloyd(values, clusters)
    inertia = float(((values - centroids[labels]) ** 2).sum())
    start = np.linspace(float(values.min()), float(values.max()), clusters)[:, None]
    same_start = KMeans(clusters, init=start, n_init=1, max_iter=300, tol=0)
    assert inertia == pytest.approx(same_start.fit(values[:, None].numpy()).inertia_, rel=1e-6)
    best = KMeans(clusters, n_init=10, random_state=0).fit(values[:, None].numpy())
    # A single start, chosen for the large values, need not find the best minimum.
    assert inertia < 1.5 * best.inertia_


def test_a_centroid_that_nothing_is_near_stays_and_the_order_holds() -> None:
    centroids, labels = lloyd(torch.tensor([0.0, 0.1, 10.0]), 5)
    assert labels.tolist() == [0, 0, 4]
    torch.testing.assert_close(centroids, torch.tensor([0.05, 2.5, 5.0, 7.5, 10.0]))


@pytest.mark.parametrize(
    ("way", "named"),
    [
        (lambda m: prune_connections(m, 1.2), r"sparsity=1\.2"),
        (lambda m: prune_connections_gradually(m, 0.5, steps=0, retrain=untrained), "steps=0"),
        (lambda m: low_rank(m, 0), "rank=0"),
        (lambda m: sparse_times_dense(m, 0, 0.5), "rank=0"),
        (lambda m: sparse_times_dense(m, 2, -0.5), r"sparsity=-0\.5"),
        (lambda m: low_rank(m, 1.5), r"^rank=1\.5: a whole number, 1 or more$"),
        (lambda m: sparse_times_dense(m, 1.5, 0.5), r"^rank=1\.5"),
        (lambda m: quantise(m, 3), "bits=3"),
        (lambda m: quantise(m, 8.0), r"bits=8\.0"),
        (lambda m: cluster_weights(m, 2.5), r"^clusters=2\.5: a whole number, 2 or more$"),
        (lambda m: cluster_weights(m, 1), "clusters=1"),
        (lambda m: lloyd(torch.zeros(0), 2), "0 values"),
    ],
)
def test_arguments_out_of_range_are_refused(
    model: nn.Sequential, way: Compression, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        way(model)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_diverged_is_not_compressed(model: nn.Sequential, way: str, value: float) -> None:
    with torch.no_grad():
        model[0].weight[0, 0] = value
    with pytest.raises(Diverged, match=r"^weights: some are not finite"):
        WAYS[way](model)


@pytest.mark.parametrize("clusters", [80, 10**6])
def test_as_many_clusters_as_different_weights_change_nothing(clusters: int) -> None:
    model = ep.mlp([30, 4, 2], layer="dense", seed=1)
    with torch.no_grad():
        model[0].weight[:2] = model[0].weight[2:]  # 60 values, and 8 in the other layer
    network, size = cluster_weights(model, clusters)
    assert all(map(torch.equal, weights(network), weights(model)))
    # 6 and 3 bits for each of 120 and 8 weights.
    assert size == Size(128 + 68, 90 + 3 + 68 * 4)
