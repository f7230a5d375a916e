"""Masking and compacting: the same function, reached in two ways."""

import copy
import itertools
from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.networks import NodeMask, fully_connected

ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,  # sigmoid(0) = 0.5: a silent node must send nothing even so
}


@dataclass
class Case:
    """A network, which of its hidden nodes stay, and inputs to try it on."""

    model: nn.Sequential
    masks: list[Tensor]
    inputs: Tensor

    @property
    def keeps(self) -> list[Tensor]:
        """The masks of all nodes, inputs and classes included."""
        layers = fully_connected(self.model)
        ends = [layers[0].in_features, layers[-1].out_features]
        first, last = (torch.ones(width, dtype=torch.bool) for width in ends)
        return [first, *self.masks, last]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    widths = draw(st.lists(st.integers(1, 6), min_size=3, max_size=5))
    kind = draw(st.sampled_from(["dense", "spectral", "spectral with lambda_in", "mixed"]))
    bias = draw(st.booleans())
    activation = ACTIVATIONS[draw(st.sampled_from(sorted(ACTIVATIONS)))]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    modules: list[nn.Module] = []
    for number, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        if kind == "dense" or (kind == "mixed" and number % 2):
            layer: nn.Module = nn.Linear(n_in, n_out, bias=bias)
        else:
            layer = ep.SpectralLinear(
                n_in, n_out, bias=bias, eigenvalues_in=kind == "spectral with lambda_in"
            )
        modules += [layer, activation()]
    model = nn.Sequential(*modules[:-1])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(generator=generator)
    masks = []
    for width in widths[1:-1]:
        mask = torch.rand(width, generator=generator) < 0.5
        mask[draw(st.integers(0, width - 1))] = True
        masks.append(mask)
    return Case(model, masks, torch.randn(4, widths[0], generator=generator))


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@given(cases())
def test_masked_and_compacted_logits_agree(case: Case) -> None:
    masked = ep.masked(case.model, case.masks)(case.inputs)
    compacted = ep.compact(case.model, case.masks)(case.inputs)
    assert torch.allclose(masked, compacted, rtol=1e-4, atol=1e-4)


@given(cases())
def test_compacted_weights_are_the_kept_rows_and_columns(case: Case) -> None:
    smaller = fully_connected(ep.compact(case.model, case.masks))
    pairs = itertools.pairwise(case.keeps)
    for before, after, (ins, outs) in zip(fully_connected(case.model), smaller, pairs, strict=True):
        assert type(after) is type(before)
        rows, columns = outs.nonzero().flatten().tolist(), ins.nonzero().flatten().tolist()
        assert (after.in_features, after.out_features) == (len(columns), len(rows))
        weights = before.weight.tolist()
        assert after.weight.tolist() == [[weights[i][j] for j in columns] for i in rows]
        if before.bias is not None:
            assert after.bias.tolist() == [before.bias.tolist()[i] for i in rows]


@given(cases())
def test_eigenvalues_go_with_their_nodes(case: Case) -> None:
    smaller = fully_connected(ep.compact(case.model, case.masks))
    for number, (before, after) in enumerate(
        zip(fully_connected(case.model), smaller, strict=True)
    ):
        if not isinstance(before, ep.SpectralLinear):
            continue
        ins, outs = case.keeps[number], case.keeps[number + 1]
        assert torch.equal(after.eigenvalues_out, before.eigenvalues_out[outs])
        assert torch.equal(after.eigenvectors, before.eigenvectors[outs][:, ins])
        if before.eigenvalues_in is not None:
            assert torch.equal(after.eigenvalues_in, before.eigenvalues_in[ins])


@given(cases())
def test_masks_of_ones_change_nothing(case: Case) -> None:
    ones = [torch.ones_like(mask) for mask in case.masks]
    expected = case.model(case.inputs)
    assert torch.equal(ep.compact(case.model, ones)(case.inputs), expected)
    assert torch.equal(ep.masked(case.model, ones)(case.inputs), expected)


@given(cases())
@settings(max_examples=15)
def test_the_given_network_is_left_as_it_is(case: Case) -> None:
    before, twin = state(case.model), copy.deepcopy(case.model)
    made = [ep.masked(case.model, case.masks), ep.compact(case.model, case.masks)]
    targets = torch.zeros(4, dtype=torch.int64)
    made.append(ep.train(case.model, case.inputs, targets, epochs=1)[0])
    for network in made:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(9.0)
    assert all(torch.equal(before[name], tensor) for name, tensor in state(case.model).items())
    assert repr(case.model) == repr(twin)
    assert all(parameter.grad is None for parameter in case.model.parameters())


@given(cases())
@settings(max_examples=15)
def test_training_masked_equals_training_compacted(case: Case) -> None:
    targets = torch.zeros(4, dtype=torch.int64)
    targets[0] = fully_connected(case.model)[-1].out_features - 1
    options = {"epochs": 2, "batch_size": 2, "learning_rate": 0.01, "seed": 1}
    # float64: Adam turns the rounding of a gradient near zero into a step of full length.
    model, inputs = case.model.double(), case.inputs.double()
    whole, _ = ep.train(ep.masked(model, case.masks), inputs, targets, **options)
    small, _ = ep.train(ep.compact(model, case.masks), inputs, targets, **options)
    removed_later = ep.compact(whole, case.masks)
    assert not any(isinstance(module, NodeMask) for module in removed_later)
    for one, other in zip(removed_later.parameters(), small.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@given(cases())
@settings(max_examples=15)
def test_removed_nodes_learn_nothing(case: Case) -> None:
    targets = torch.zeros(4, dtype=torch.int64)
    masked = ep.masked(case.model, case.masks)
    trained, _ = ep.train(masked, case.inputs, targets, epochs=2, batch_size=2)
    pairs = zip(fully_connected(masked), fully_connected(trained), strict=True)
    for number, (before, after) in enumerate(pairs):
        gone_in, gone_out = ~case.keeps[number], ~case.keeps[number + 1]
        for name, parameter in before.named_parameters():
            moved = (parameter != after.get_parameter(name)).detach()
            if parameter.ndim == 2:
                assert not moved[gone_out].any() and not moved[:, gone_in].any(), name
            else:
                assert not moved[gone_in if name == "eigenvalues_in" else gone_out].any(), name


def test_a_mask_that_still_silences_nodes_shrinks_with_its_layer() -> None:
    model = ep.mlp([4, 3, 2], seed=1)
    masked = ep.masked(model, [torch.tensor([True, True, False])])
    smaller = ep.compact(masked, [torch.tensor([True, False, True])])
    expected = ep.compact(model, [torch.tensor([True, False, False])])
    assert fully_connected(smaller)[0].out_features == 2
    assert torch.allclose(smaller(torch.eye(4)), expected(torch.eye(4)))


@pytest.mark.parametrize("named", [False, True])
def test_masks_of_a_masked_network_add_up(named: bool) -> None:
    model = ep.mlp([6, 4, 3], seed=1)
    x = torch.rand(5, 6, generator=torch.Generator().manual_seed(1))
    if named:
        names = ("first", "relu", "last")
        model = nn.Sequential(OrderedDict(zip(names, model, strict=True)))
    one, other = torch.tensor([True, True, True, False]), torch.tensor([False, True, True, True])
    twice = ep.masked(ep.masked(model, [one]), [other])
    assert torch.equal(twice(x), ep.masked(model, [one & other])(x))
    assert not torch.equal(twice(x), ep.masked(model, [other])(x))
    # The second call left the first network as it was.
    first = ep.masked(model, [one])
    before = first(x)
    ep.masked(first, [other])
    assert torch.equal(first(x), before)


def test_an_infinite_node_is_silent_once_masked() -> None:
    model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [torch.inf]]))
        model[2].weight.fill_(1.0)
    assert ep.masked(model, [torch.tensor([True, False])])(torch.ones(1, 1)).item() == 1.0


def test_frozen_parts_stay_frozen() -> None:
    model = ep.mlp([4, 3, 2], frozen=("eigenvectors",))
    smaller = ep.compact(model, [torch.tensor([True, False, True])])
    flags = {name: parameter.requires_grad for name, parameter in smaller.named_parameters()}
    assert flags == {name: p.requires_grad for name, p in model.named_parameters()}
    model = ep.mlp([4, 3, 2], layer="dense").requires_grad_(False)
    smaller = ep.compact(model, [torch.tensor([True, False, True])])
    assert not any(parameter.requires_grad for parameter in smaller.parameters())


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_the_number_format_is_kept(layer: str) -> None:
    model = ep.mlp([4, 3, 2], layer=layer, bias=True).double()
    smaller = ep.compact(model, [torch.tensor([True, False, True])])
    assert {parameter.dtype for parameter in smaller.parameters()} == {torch.float64}


@pytest.mark.parametrize("remove", [ep.masked, ep.compact])
@pytest.mark.parametrize(
    ("masks", "named"),
    [
        ([], r"\[\(3,\), \(2,\)\] wanted"),
        ([[True, True, True]] * 2, r"\[\(3,\), \(2,\)\] wanted"),
        ([[True, True], [True, True]], r"\[\(3,\), \(2,\)\] wanted"),
        ([[1, 1, 1], [1, 1]], "dtype bool"),
        ([[True, True, True], [False, False]], "hidden layer 2 removes all"),
    ],
)
def test_masks_that_do_not_fit_are_refused(
    remove: object, masks: list[list[bool]], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        remove(ep.mlp([4, 3, 2, 2]), [torch.tensor(mask) for mask in masks])


@pytest.mark.parametrize("remove", [ep.masked, ep.compact])
@pytest.mark.parametrize(
    ("masks", "named"),
    [
        (torch.ones(3) > 0, "a Tensor, and a list"),
        ([True, False, True], "a list with a bool in it"),
        (None, "a NoneType, and a list"),
    ],
)
def test_masks_of_other_types_are_refused(remove: object, masks: object, named: str) -> None:
    with pytest.raises(ValueError, match=f"^masks: {named}.*one bool tensor for each of "):
        remove(ep.mlp([4, 3, 2]), masks)
