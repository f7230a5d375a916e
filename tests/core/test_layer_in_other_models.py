"""The layer in a model that is not ours: half precision, names, what torch adds, wrong masks."""

import copy
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import weight_norm

import eigenprune as ep
from eigenprune import SpectralLinear, compact, masked, mlp, saliency, train
from eigenprune.checkpoints import save_checkpoint
from eigenprune.connections import without_absent
from eigenprune.fixed_products import with_fixed_products
from eigenprune.networks import as_dense, require_plain
from eigenprune.regularisers.insertion import insert, remove
from eigenprune.shrinking import shrink


@pytest.mark.parametrize("eigenvalues_in", [False, True])
def test_autocast_makes_of_it_what_it_makes_of_a_dense_layer(eigenvalues_in: bool) -> None:
    layer = SpectralLinear(8, 5, bias=True, eigenvalues_in=eigenvalues_in)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = layer(torch.rand(3, 8))
        assert outputs.dtype == nn.Linear(8, 5)(torch.rand(3, 8)).dtype == torch.bfloat16
    outputs.sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in layer.parameters())


def test_it_is_made_where_and_of_what_is_wanted() -> None:
    layer = SpectralLinear(3, 2, bias=True, eigenvalues_in=True, device="meta", dtype=torch.float64)
    for parameter in layer.parameters():
        assert parameter.device.type == "meta" and parameter.dtype == torch.float64


def test_a_generator_of_names_freezes_them() -> None:
    layer = SpectralLinear(3, 2, frozen=(name for name in ["eigenvectors"]))
    assert not layer.eigenvectors.requires_grad and layer.eigenvalues_out.requires_grad


def test_what_was_made_of_ones_is_drawn_anew_so() -> None:
    layer = SpectralLinear(3, 2, initialisation="ones")
    layer.reset_parameters()
    assert (layer.eigenvalues_out == 1).all()
    smaller = layer.keep_nodes(torch.tensor([True, True, False]), torch.tensor([True, False]))
    smaller.reset_parameters()
    assert (smaller.eigenvalues_out == 1).all()


@pytest.mark.parametrize("bias", [False, True])
def test_from_a_dense_layer_and_back(bias: bool) -> None:
    linear = nn.Linear(6, 4, bias=bias, dtype=torch.float64)
    linear.weight.data[1] = 0
    layer = SpectralLinear.from_linear(linear)
    back = layer.to_linear()
    for name, parameter in linear.named_parameters():
        torch.testing.assert_close(getattr(back, name), parameter)
    lengths = layer.eigenvectors.norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(4, dtype=torch.float64))
    assert layer.eigenvalues_out[1] == 0 and layer.weight.data_ptr() != linear.weight.data_ptr()


class Doubled(SpectralLinear):
    def forward(self, inputs: Tensor) -> Tensor:
        return 2 * super().forward(inputs)


def torch_pruned(layer: nn.Linear) -> nn.Module:
    return prune.l1_unstructured(layer, "weight", amount=0.5)


@pytest.mark.parametrize(
    "hidden",
    [Doubled(8, 6), weight_norm(nn.Linear(8, 6)), torch_pruned(nn.Linear(8, 6))],
    ids=["subclass", "parametrised", "pruned by torch"],
)
def test_layers_that_are_not_what_they_seem_are_refused(hidden: nn.Module, tmp_path: Path) -> None:
    model = nn.Sequential(hidden, nn.ReLU(), nn.Linear(6, 3))
    everything = torch.ones(6, dtype=torch.bool)
    for refuses in (
        lambda: compact(model, [everything]),
        lambda: masked(model, [everything]),
        lambda: shrink(model, [everything]),
        lambda: without_absent(model, [torch.ones(6, 8) > 0, torch.ones(3, 6) > 0]),
        lambda: as_dense(model),
        lambda: saliency.mean_activation(model, torch.rand(4, 8)),
        lambda: save_checkpoint(model, tmp_path / "model.safetensors"),
    ):
        with pytest.raises(ValueError, match=r"module 0 is a .*remove_parametrizations"):
            refuses()
    assert not list(tmp_path.iterdir())


class Shifted(nn.Sequential):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs - 0.5)


def test_a_sequential_that_does_more_is_refused() -> None:
    model = Shifted(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
    for refuses in (lambda: compact(model, [torch.ones(6) > 0]), lambda: as_dense(model)):
        with pytest.raises(ValueError, match=r"a Shifted, .*nn.Sequential\(\*model\)"):
            refuses()
    compact(nn.Sequential(*model), [torch.ones(6) > 0])


def test_a_frozen_layer_with_a_forward_of_its_own_keeps_it() -> None:
    model, x = nn.Sequential(Doubled(8, 6, frozen=["eigenvectors"])), torch.rand(4, 8)
    short, inputs = with_fixed_products(model, x)
    assert short is model and torch.equal(inputs, x)


def test_an_activation_may_stand_in_several_places() -> None:
    relu, x = nn.ReLU(), torch.randn(5, 8)
    model = nn.Sequential(nn.Linear(8, 6), relu, SpectralLinear(6, 5), relu, nn.Linear(5, 3))
    everything = [torch.ones(6) > 0, torch.ones(5) > 0]
    for made in (compact(model, everything), masked(model, everything), as_dense(model)):
        torch.testing.assert_close(made(x), model(x))


def test_one_layer_in_two_places_is_refused() -> None:
    layer = nn.Linear(8, 8)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(8, 3))
    with pytest.raises(ValueError, match="module 2 is a layer that stands in the network already"):
        compact(model, [torch.ones(8) > 0] * 2)


def test_scores_take_gradients_where_none_are_recorded() -> None:
    model, x, y = mlp([8, 6, 3], seed=1), torch.rand(7, 8), torch.arange(7) % 3
    for name, its in saliency.SCORES.items():
        with torch.no_grad():
            found = its(model, x, y)
        torch.testing.assert_close(found, its(model, x, y), msg=name)


def test_names_of_modules_stay_while_others_stand_between_them() -> None:
    names = ["fc1", "act", "out"]
    modules = zip(names, mlp([8, 6, 3]), strict=True)
    model = nn.Sequential(OrderedDict(modules))
    dropped = insert(model, after={model.act: nn.Dropout(0.5)})
    assert [name for name, _ in dropped.named_children()] == ["fc1", "act", "after_act", "out"]
    assert list(remove(dropped, [dropped[2]]).state_dict()) == list(model.state_dict())


def test_made_plain_again_they_are_accepted() -> None:
    layer = nn.Linear(8, 6)
    prune.remove(torch_pruned(layer), "weight")
    require_plain(nn.Sequential(layer, nn.ReLU(), nn.Linear(6, 3)))


@pytest.mark.parametrize(
    "mask",
    [torch.ones(6, dtype=torch.long), torch.tensor([0, 2]), torch.ones(5, dtype=torch.bool),
     torch.zeros(6, dtype=torch.bool)],
    ids=["whole numbers", "indices", "too short", "nothing"],
)  # fmt: skip
def test_what_is_no_mask_is_refused(mask: Tensor) -> None:
    with pytest.raises(ValueError, match=r"outputs: .*bool tensor"):
        SpectralLinear(8, 6).keep_nodes(torch.ones(8, dtype=torch.bool), mask)
    model = mlp([8, 6, 3])
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match="mask"):
        shrink(model, [mask])
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())


def test_a_masked_network_is_not_shrunk() -> None:
    keep = torch.tensor([True, False, True, True, True, True])
    with pytest.raises(ValueError, match="is masked"):
        shrink(masked(mlp([8, 6, 3]), [keep]), [keep])


def test_masks_are_copied() -> None:
    keep = torch.ones(6, dtype=torch.bool)
    model, inputs = masked(mlp([8, 6, 3]), [keep]), torch.rand(2, 8)
    before = model(inputs)
    keep[:] = False
    assert torch.equal(model(inputs), before)


def test_names_of_modules_stay() -> None:
    parts = zip(("into", "act", "out"), mlp([8, 6, 3]), strict=True)
    model, keep = nn.Sequential(OrderedDict(parts)), torch.tensor([True] * 4 + [False] * 2)
    small, silent, dense = compact(model, [keep]), masked(model, [keep]), as_dense(model)
    assert small.into.out_features == 4 and silent.out.in_features == 6
    assert list(small.state_dict()) == list(model.state_dict())
    assert list(dense.state_dict()) == ["into.weight", "out.weight"]
    assert list(compact(silent, [keep])._modules) == ["into", "act", "out"]


def test_activations_that_work_in_place_change_no_score() -> None:
    model = mlp([8, 20, 3], seed=1)
    inplace = copy.deepcopy(model)
    inplace[1] = nn.ReLU(inplace=True)
    inputs, targets = torch.randn(16, 8), torch.randint(3, (16,))
    for score in saliency.SCORES.values():
        torch.testing.assert_close(score(inplace, inputs, targets), score(model, inputs, targets))
    assert inplace[1].inplace


ROWS, LABELS = torch.rand(4, 8), torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("inputs", "targets", "said"),
    [
        (ROWS.double(), LABELS, r"inputs of dtype torch.float64: torch.float32 wanted"),
        (ROWS, LABELS.int(), r"dtype torch.int32: \(rows,\) class numbers of dtype torch.int64"),
        (ROWS, LABELS[:, None], r"targets of shape \(4, 1\)"),
        (ROWS, LABELS + 1, r"targets from 1 to 3: class numbers from 0 to 2 wanted"),
        (ROWS, LABELS - 1, r"targets from -1 to 1"),
    ],
)
def test_the_usual_mistakes_with_data_end_in_a_sentence(
    inputs: Tensor, targets: Tensor, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        train(mlp([8, 5, 3]), inputs, targets, epochs=1)


DATA = torch.rand(60, 8, generator=torch.Generator().manual_seed(1)), torch.arange(60) % 3
MASKS = [torch.arange(6) < 4] * 3
# What is made on the way must be on the network's device, wherever torch makes tensors by default.
ON_THEIR_DEVICE = {
    "select": lambda m: ep.select_nodes(ep.importance.random(m), 0.5),
    "compact": lambda m: compact(m, MASKS)(DATA[0]),
    "taylor": lambda m: saliency.taylor(m, *DATA),
    "train": lambda m: train(m, *DATA, epochs=2)[0](DATA[0]),
    "together": lambda m: ep.train_together([m], *DATA, epochs=1, seeds=[1])[0][0](DATA[0]),
    "reconstruct": lambda m: ep.reconstruct(m, MASKS, DATA[0])(DATA[0]),
    "low rank": lambda m: ep.compression.low_rank(m, 1)[0](DATA[0]),
    "gauge": lambda m: ep.sanity.gauge_changed(m, ep.sanity.random_gauge(m, seed=1))(DATA[0]),
    "small": lambda m: ep.growing.small_dense(m, 80, seed=1)(DATA[0]),
    **{
        name: lambda m, its=its: train(m, *DATA, epochs=2, regulariser=its(0.5))[0](DATA[0])
        for name, its in ep.regularisers.REGULARISERS.items()
    },
}


@pytest.mark.parametrize("name", ON_THEIR_DEVICE)
def test_the_default_device_makes_no_difference(name: str) -> None:
    for layer in ("spectral",) if name.startswith(("eigen", "gauge")) else ("spectral", "dense"):
        model = mlp([8, 6, 6, 6, 3], layer=layer, seed=1)
        expected = ON_THEIR_DEVICE[name](model)
        with torch.device("meta"):
            found = ON_THEIR_DEVICE[name](model)
        assert all(map(torch.equal, found, expected))
