"""Building networks, finding their layers again, and the randomness behind both."""

import copy
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune import compact, masked, mlp, networks, save_checkpoint, seeds, train
from eigenprune.connections import train_masked
from eigenprune.regularisers import REGULARISERS
from eigenprune.shrinking import shrink


def values(model: nn.Sequential) -> list[torch.Tensor]:
    return list(model.state_dict().values())


@pytest.mark.parametrize("layer", networks.LAYERS)
@pytest.mark.parametrize("activation", networks.ACTIVATIONS)
def test_an_activation_follows_every_layer_but_the_last(layer: str, activation: str) -> None:
    model = ep.mlp([4, 5, 6, 3], layer=layer, activation=activation)
    shapes = [(found.in_features, found.out_features) for found in networks.fully_connected(model)]
    assert shapes == [(4, 5), (5, 6), (6, 3)]
    assert len(networks.hidden_layers(model)) == 2
    assert [type(m) for m in list(model)[1::2]] == [networks.ACTIVATIONS[activation]] * 2
    assert model(torch.rand(2, 4)).shape == (2, 3)


@pytest.mark.parametrize("layer", networks.LAYERS)
def test_same_seed_same_network(layer: str) -> None:
    def build(seed: int) -> nn.Sequential:
        return ep.mlp([4, 5, 3], layer=layer, bias=True, seed=seed)

    assert all(map(torch.equal, values(build(1)), values(build(1))))
    assert not torch.equal(build(1)[0].weight, build(2)[0].weight)


@pytest.mark.parametrize("bias", [False, True])
def test_dense_weights_are_glorot_uniform_and_biases_zero(bias: bool) -> None:
    model = ep.mlp([300, 200, 10], layer="dense", bias=bias, seed=1)
    bound = (6 / 500) ** 0.5
    assert 0.99 * bound < model[0].weight.abs().max() <= bound
    assert model[0].weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert all((layer.bias is not None) == bias for layer in networks.fully_connected(model))
    assert not bias or torch.all(model[0].bias == 0)


def test_options_reach_every_spectral_layer() -> None:
    model = ep.mlp(
        [4, 5, 3], bias=True, eigenvalues_in=True, frozen=("eigenvectors",), initialisation="ones"
    )
    for layer in networks.fully_connected(model):
        assert layer.bias is not None and layer.eigenvalues_in is not None
        assert not layer.eigenvectors.requires_grad and layer.eigenvalues_out.requires_grad
        assert torch.all(layer.eigenvalues_out == 1)


MODEL = ep.mlp([4, 5, 3], seed=1)
MASKS = [torch.tensor([True, True, False, False, True])]
INPUTS, TARGETS = torch.rand(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    "act",
    [
        lambda: ep.mlp([4, 5, 3], bias=True),
        lambda: ep.mlp([4, 5, 3], layer="dense", bias=True),
        lambda: ep.mlp([4, 5, 3], initialisation="ones", eigenvalues_in=True),
        lambda: MODEL[0].to_linear(),
        lambda: ep.masked(MODEL, MASKS),
        lambda: ep.compact(MODEL, MASKS),
        lambda: ep.compact(ep.mlp([4, 5, 3], layer="dense"), MASKS),
        lambda: ep.importance.random(MODEL, seed=1),
        lambda: ep.train(MODEL, INPUTS, TARGETS, epochs=1),
        lambda: ep.evaluate(MODEL, INPUTS, TARGETS),
    ],
    ids=[
        *("spectral", "dense", "ones", "to_linear", "masked", "compact", "compact-dense"),
        *("random", "train", "evaluate"),
    ],
)
def test_the_global_generator_is_neither_read_nor_moved(act: Callable[[], object]) -> None:
    before = torch.get_rng_state()
    act()
    assert torch.equal(torch.get_rng_state(), before)


def test_streams_of_a_seed_are_apart_and_repeatable() -> None:
    draws = {
        (seed, stream): tuple(torch.rand(4, generator=seeds.generator(seed, stream)).tolist())
        for seed, stream in itertools.product(
            (0, 1, 12), ("initialisation", "order", "retraining", "scoring", "2/order")
        )
    }
    assert len(set(draws.values())) == len(draws)
    assert draws[1, "order"] == tuple(torch.rand(4, generator=seeds.generator(1, "order")).tolist())


@pytest.mark.parametrize(
    ("widths", "arguments", "named"),
    [
        ([4], {}, "widths"),
        ([4, 0, 3], {}, "widths"),
        ([], {}, "widths"),
        ([4, 3], {"activation": "rleu"}, "relu"),
        ([4, 3], {"layer": "linear"}, "dense"),
        ([4, 3], {"initialisation": "2021"}, "2022"),
        ([4, 3], {"frozen": ("phi",)}, "eigenvectors"),
        ([4, 3], {"eigenvalues_in": 1}, "eigenvalues_in=1: True, False or 'first'"),
        ([4, 3], {"eigenvalues_in": "last"}, "True, False or 'first'"),
        ([4, 3], {"layer": "dense", "frozen": ("bias",)}, "layer='spectral'"),
    ],
)
def test_bad_arguments_are_refused(
    widths: list[int], arguments: dict[str, object], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        ep.mlp(widths, **arguments)


def test_networks_whose_nodes_cannot_be_told_are_refused() -> None:
    with pytest.raises(ValueError, match="module 1 is a BatchNorm1d"):
        networks.fully_connected(
            nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))
        )
    with pytest.raises(ValueError, match="module 1 is a BatchNorm1d"):
        networks.fully_connected(
            nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5, affine=False), nn.Linear(5, 3))
        )
    with pytest.raises(ValueError, match="no fully connected layer"):
        networks.fully_connected(nn.Sequential(nn.ReLU()))
    with pytest.raises(ValueError, match="no hidden layer"):
        networks.hidden_layers(nn.Sequential(nn.Linear(4, 3)))


def test_parameter_free_modules_may_stand_between() -> None:
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3), nn.Softmax(1)
    )
    assert networks.fully_connected(model) == [model[1], model[4]]


@pytest.mark.parametrize(
    "between",
    [
        nn.Softmax(dim=1),
        nn.LayerNorm(6, elementwise_affine=False),
        nn.BatchNorm1d(6, affine=False, track_running_stats=False),
        nn.InstanceNorm1d(6),
        nn.MaxPool1d(3, stride=1, padding=1),
        nn.AvgPool1d(3, stride=1, padding=1),
        nn.AdaptiveAvgPool1d(6),
    ],
)
def test_what_mixes_nodes_is_refused_between_layers_and_not_after_them(between: nn.Module) -> None:
    with pytest.raises(ValueError, match=rf"module 1 is a {type(between).__name__}, which makes"):
        networks.require_plain(nn.Sequential(nn.Linear(4, 6), between, nn.Linear(6, 2)))
    networks.require_plain(nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6), between))
    networks.require_plain(nn.Sequential(between, nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6)))


def test_what_mixes_nodes_is_found_inside_of_what_stands_between() -> None:
    between = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Softmax(dim=1)))
    with pytest.raises(ValueError, match="module 1 holds a Softmax, which makes"):
        networks.require_plain(nn.Sequential(nn.Linear(4, 6), between, nn.Linear(6, 2)))


def test_hooks_which_would_be_lost_are_refused() -> None:
    model = mlp([4, 6, 2])
    for module, name in ((model[0], "module 0"), (model, "the network")):
        hook = module.register_forward_hook(lambda module, inputs, outputs: outputs + 1)
        for refuses in (
            lambda: networks.as_dense(model),
            lambda: compact(model, [torch.ones(6) > 0]),
            lambda: masked(model, [torch.ones(6) > 0]),
        ):
            with pytest.raises(ValueError, match=f"^{name} has a hook"):
                refuses()
        hook.remove()
    networks.as_dense(model)


def test_tied_layers_are_refused_where_nodes_go_one_by_one(tmp_path: Path) -> None:
    model = mlp([4, 6, 6, 6, 2], layer="dense", seed=1)
    model[4].weight = model[2].weight
    inputs, targets = torch.rand(20, 4), torch.arange(20) % 2
    masks = [torch.ones(layer.weight.shape) > 0 for layer in networks.fully_connected(model)]
    pruning = [name for name in REGULARISERS if name.endswith("_pruning")]
    for refuses in (
        *(
            lambda name=name: train(
                model, inputs, targets, epochs=1, regulariser=REGULARISERS[name](0.5)
            )
            for name in (*pruning, "gate_l1", "hard_concrete", "group_lasso", "hard_threshold")
            if name != "eigenvalue_pruning"
        ),
        lambda: shrink(copy.deepcopy(model), [torch.ones(6) > 0] * 3),
        lambda: train_masked(model, masks, inputs, targets, epochs=1),
        lambda: save_checkpoint(model, tmp_path / "model.safetensors"),
    ):
        with pytest.raises(ValueError, match="module 4 shares a parameter with a layer before it"):
            refuses()
    assert not list(tmp_path.iterdir())
    trained, _ = train(model, inputs, targets, epochs=1)
    assert trained[4].weight is trained[2].weight, "plainly they train as one"


class WithWidths(nn.Sequential):
    """A network that cannot be sliced, since its constructor takes no modules."""

    def __init__(self, *, hidden: int) -> None:
        """Take the number of hidden nodes."""
        layers = [nn.Linear(4, hidden), *(nn.Linear(hidden, hidden) for _ in range(2))]
        hidden_ones = [module for layer in layers for module in (layer, nn.ReLU())]
        super().__init__(*hidden_ones, nn.Linear(hidden, 2))

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute more than the modules say."""
        return super().forward(inputs) + 1


def test_a_subclass_with_a_constructor_of_its_own_is_named() -> None:
    with pytest.raises(ValueError, match=r"a WithWidths, which may compute more"):
        networks.require_plain(WithWidths(hidden=6))


@pytest.mark.parametrize("name", REGULARISERS)
def test_no_regulariser_makes_something_else_of_a_subclass(name: str) -> None:
    inputs, targets = torch.rand(20, 4), torch.arange(20) % 2
    regulariser = REGULARISERS[name](0.5)
    model = WithWidths(hidden=6)
    try:
        trained, _ = train(model, inputs, targets, epochs=1, regulariser=regulariser)
    except ValueError as error:
        assert "WithWidths" in str(error) or "SpectralLinear" in str(error)
    else:
        assert type(trained) is WithWidths


class Halved(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs[:, ::2]


@pytest.mark.parametrize(
    ("between", "named"),
    [(nn.GLU(), "holds|is a GLU"), (Halved(), "a layer of 6 nodes is read by one of 3 inputs")],
)
def test_what_changes_the_number_of_nodes_trains_and_is_not_pruned(
    between: nn.Module, named: str
) -> None:
    model = nn.Sequential(nn.Linear(4, 6), between, nn.Linear(3, 2))
    _, losses = train(model, torch.rand(9, 4), torch.arange(9) % 2, epochs=1)
    assert losses[0] > 0
    with pytest.raises(ValueError, match=named):
        compact(model, [torch.ones(6) > 0])


def test_layers_whose_widths_disagree_are_refused_everywhere() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(5, 3))
    inputs, targets = torch.rand(9, 4), torch.arange(9) % 3
    for use in (
        lambda: train(model, inputs, targets, epochs=1),
        lambda: ep.importance.weight_norm_in_out(model),
        lambda: compact(model, [torch.ones(6) > 0]),
    ):
        with pytest.raises(ValueError, match=r"^a layer of 6 nodes is read by one of 5 inputs"):
            use()


@pytest.mark.parametrize("widths", [8, None, [8], [8, 2.0], "832"])
def test_widths_that_are_no_list_of_whole_numbers_are_refused(widths: object) -> None:
    with pytest.raises(ValueError, match=r"^widths=.*: at least two whole numbers, each 1 or more"):
        mlp(widths)
