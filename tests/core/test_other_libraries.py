"""Where well-kept libraries compute the same as we do, the results agree.

The core needs only torch, and the machines that compute runs have little installed, so these
libraries are used here and nowhere else. The Hessian importance of Torch-Pruning is not compared:
it keeps the gradient of the last example and not the sum over the examples.
"""

import pytest
import torch
import torch_pruning as tp
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune
from torchao.quantization.quant_primitives import (
    MappingType,
    choose_qparams_affine,
    quantize_affine,
)

import eigenprune as ep
from eigenprune import importance, saliency
from eigenprune.compression import quantise_rows
from eigenprune.networks import as_dense, fully_connected, hidden_layers
from eigenprune.regularisers import TaylorPruning

WIDTHS = [12, 9, 7, 3]


@pytest.fixture(params=["dense", "spectral"])
def model(request: pytest.FixtureRequest) -> nn.Sequential:
    return ep.mlp(WIDTHS, layer=request.param, activation="tanh", seed=4)


@pytest.fixture
def inputs() -> Tensor:
    return torch.rand(20, WIDTHS[0], generator=torch.Generator().manual_seed(5))


@pytest.fixture
def targets() -> Tensor:
    return torch.arange(20) % WIDTHS[-1]


def groups(model: nn.Sequential) -> list[tp.Group]:
    """What Torch-Pruning would remove with all nodes of each hidden layer of a dense network."""
    graph = tp.DependencyGraph().build_dependency(model, torch.rand(1, WIDTHS[0]))
    return [
        graph.get_pruning_group(
            layer, tp.prune_linear_out_channels, list(range(layer.out_features))
        )
        for layer in hidden_layers(model)
    ]


def with_gradients(model: nn.Sequential, inputs: Tensor, targets: Tensor) -> nn.Sequential:
    F.cross_entropy(model(inputs), targets).backward()
    return model


def theirs(score: tp.importance.Importance, model: nn.Sequential) -> list[Tensor]:
    return [score(group) for group in groups(model)]


def close(ours: list[Tensor], others: list[Tensor]) -> bool:
    return all(
        torch.allclose(one, other, rtol=1e-4) for one, other in zip(ours, others, strict=True)
    )


@pytest.mark.parametrize("p", [1, 2])
def test_norms_of_incoming_weights(p: int, model: nn.Sequential) -> None:
    score = tp.importance.MagnitudeImportance(p=p, group_reduction="first", normalizer=None)
    ours = importance.connectivity(model) if p == 1 else importance.weight_norm(model)
    assert close([values**p for values in ours], theirs(score, as_dense(model)))


def test_incoming_times_outgoing_norm(model: nn.Sequential) -> None:
    score = tp.importance.MagnitudeImportance(p=2, group_reduction="prod", normalizer=None)
    ours = [values**2 for values in importance.weight_norm_in_out(model)]
    assert close(ours, theirs(score, as_dense(model)))
    assert not close([2 * values for values in ours], theirs(score, as_dense(model)))


def test_mean_activation(model: nn.Sequential, inputs: Tensor) -> None:
    dense = as_dense(model)
    score = tp.importance.ActivationImportance(group_reduction="sum", normalizer=None)
    with score.compute_importance(dense):
        dense(inputs)
    # Theirs is the sum over the examples, and concerns the inputs of a layer.
    others = [layer._importance / len(inputs) for layer in fully_connected(dense)[1:]]
    assert close(saliency.mean_activation(model, inputs), others)


def test_snip(model: nn.Sequential, inputs: Tensor, targets: Tensor) -> None:
    score = tp.importance.TaylorImportance(group_reduction="first", normalizer=None)
    dense = with_gradients(as_dense(model), inputs, targets)
    assert close(saliency.snip(model, inputs, targets), theirs(score, dense))


def test_taylor_pruning(model: nn.Sequential, inputs: Tensor, targets: Tensor) -> None:
    score = tp.importance.TaylorImportance(
        group_reduction="first", normalizer=None, multivariable=True
    )
    others = theirs(score, with_gradients(as_dense(model), inputs, targets))
    with_gradients(model, inputs, targets)
    # It uses the eigenvalue's gradient in a spectral layer, that of all weights in a dense one.
    ours = [TaylorPruning(0.5).worth(layer) for layer in hidden_layers(model)]
    assert close([values.sqrt() for values in ours], others)


def test_removal_of_nodes(model: nn.Sequential, inputs: Tensor) -> None:
    masks = ep.select_nodes(importance.weight_norm(model), 0.5)
    dense = as_dense(model)
    for layer, mask in zip(hidden_layers(dense), masks, strict=True):
        graph = tp.DependencyGraph().build_dependency(dense, inputs[:1])
        gone = (~mask).nonzero()[:, 0].tolist()
        graph.get_pruning_group(layer, tp.prune_linear_out_channels, gone).prune()
    assert [layer.out_features for layer in hidden_layers(dense)] != WIDTHS[1:-1]
    small = ep.compact(model, masks)
    assert torch.allclose(small(inputs), dense(inputs), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8])
def test_ranking_by_norm_in_each_layer(ratio: float, model: nn.Sequential) -> None:
    masks = ep.select_nodes(importance.weight_norm(model), ratio, scope="layer")
    for layer, mask in zip(hidden_layers(as_dense(model)), masks, strict=True):
        prune.ln_structured(layer, "weight", amount=int((~mask).sum()), n=2, dim=0)
        assert torch.equal(layer.weight_mask[:, 0].bool(), mask)


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_of_few_bits(bits: int) -> None:
    weight = torch.randn(6, 50, generator=torch.Generator().manual_seed(1))
    largest = 2 ** (bits - 1) - 1
    scales, zeros = choose_qparams_affine(
        weight,
        MappingType.SYMMETRIC,
        (1, weight.shape[1]),
        torch.int8,
        quant_min=-largest,
        quant_max=largest,
        scale_dtype=torch.float32,
    )
    integers = quantize_affine(
        weight, (1, weight.shape[1]), scales, zeros, torch.int8, -largest, largest
    )
    ours, our_scales = quantise_rows(weight, bits)
    assert torch.allclose(our_scales, scales.flatten())
    # They multiply by the inverse of the scale, we divide: near a half, rounding may differ.
    assert ((ours - integers).abs() <= 1).all() and (ours != integers).float().mean() < 0.01
