"""Laws of the spectral layer."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune

import eigenprune as ep
from eigenprune import seeds
from eigenprune.layers import FREEZABLE, INITIALISATIONS, SpectralLinear


@st.composite
def layers(draw: st.DrawFn, **fixed: bool) -> SpectralLinear:
    """A layer of any small shape, with random values everywhere, the bias included."""
    layer = SpectralLinear(
        draw(st.integers(1, 6)),
        draw(st.integers(1, 6)),
        bias=fixed.get("bias", draw(st.booleans())),
        eigenvalues_in=fixed.get("eigenvalues_in", draw(st.booleans())),
    )
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(generator=generator)
    return layer


def some_inputs(layer: SpectralLinear) -> torch.Tensor:
    return torch.randn(5, layer.in_features, generator=torch.Generator().manual_seed(7))


@given(layers())
def test_weights_follow_the_equation(layer: SpectralLinear) -> None:
    lambda_out, phi = layer.eigenvalues_out.tolist(), layer.eigenvectors.tolist()
    lambda_in = [0.0] * layer.in_features
    if layer.eigenvalues_in is not None:
        lambda_in = layer.eigenvalues_in.tolist()
    expected = [
        [(lambda_in[j] - lambda_out[i]) * phi[i][j] for j in range(layer.in_features)]
        for i in range(layer.out_features)
    ]
    assert torch.allclose(layer.weight, torch.tensor(expected), rtol=1e-5, atol=1e-6)


@given(layers())
def test_weights_are_a_block_of_the_matrix_with_these_eigenvalues(layer: SpectralLinear) -> None:
    """A = Phi Lambda Phi^-1 over the nodes of both sides, built in full as in the paper."""
    n_in, n_out = layer.in_features, layer.out_features
    lambda_in = torch.zeros(n_in) if layer.eigenvalues_in is None else layer.eigenvalues_in
    eigenvalues = torch.cat([lambda_in, layer.eigenvalues_out]).double()
    phi = torch.eye(n_in + n_out, dtype=torch.float64)
    phi[n_in:, :n_in] = layer.eigenvectors
    matrix = phi @ torch.diag(eigenvalues) @ torch.linalg.inv(phi)

    carried = (matrix @ F.pad(some_inputs(layer).double(), (0, n_out)).T).T[:, n_in:]

    assert torch.allclose(layer.weight.double(), matrix[n_in:, :n_in], atol=1e-5)
    assert torch.allclose(F.linear(some_inputs(layer), layer.weight).double(), carried, atol=1e-4)
    # ... and they are its eigenvalues: every column of Phi is only stretched.
    assert torch.allclose(matrix @ phi, phi * eigenvalues, atol=1e-9)


@given(layers())
def test_forward_is_linear_with_these_weights(layer: SpectralLinear) -> None:
    inputs = some_inputs(layer)
    expected = F.linear(inputs, layer.weight, layer.bias)
    assert torch.allclose(layer(inputs), expected, atol=1e-5)
    assert layer(inputs.reshape(5, 1, -1)).shape == (5, 1, layer.out_features)


@given(layers())
def test_gradients_are_those_of_the_weights(layer: SpectralLinear) -> None:
    """The fast way through the layer must give the gradients of the plain way."""
    plain = copy.deepcopy(layer)
    inputs = some_inputs(layer)
    layer(inputs).square().sum().backward()
    F.linear(inputs, plain.weight, plain.bias).square().sum().backward()
    for (name, one), other in zip(layer.named_parameters(), plain.parameters(), strict=True):
        assert one.grad is not None and other.grad is not None, name
        assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-3), name


@given(layers())
def test_to_linear_is_the_same_function_with_weights_of_its_own(layer: SpectralLinear) -> None:
    linear = layer.to_linear()
    inputs = some_inputs(layer)
    before = linear(inputs)
    assert type(linear) is nn.Linear
    assert torch.allclose(layer(inputs), before, atol=1e-5)
    with torch.no_grad():
        layer.eigenvectors.zero_()
    assert torch.equal(linear(inputs), before)


@pytest.mark.parametrize("learns", [True, False])
def test_what_is_frozen_stays_so_from_and_to_linear(learns: bool) -> None:
    linear = nn.Linear(4, 3)
    linear.weight.requires_grad_(learns)
    linear.bias.requires_grad_(not learns)
    layer = SpectralLinear.from_linear(linear)
    assert layer.eigenvectors.requires_grad == layer.eigenvalues_out.requires_grad == learns
    assert layer.bias is not None and layer.bias.requires_grad != learns
    back = layer.to_linear()
    assert back.weight.requires_grad == learns and back.bias.requires_grad != learns
    # Weights learn if one of their factors does.
    assert SpectralLinear(4, 3, frozen=["eigenvectors"]).to_linear().weight.requires_grad


def test_a_node_without_weights_can_learn_from_linear() -> None:
    linear = nn.Linear(4, 3)
    nn.init.zeros_(linear.weight)
    layer = SpectralLinear.from_linear(linear)
    assert torch.equal(layer.weight, torch.zeros(3, 4)) and not layer.eigenvalues_out.any()
    torch.testing.assert_close(layer.eigenvectors.norm(dim=1), torch.ones(3))
    layer(torch.rand(5, 4)).sum().backward()
    assert layer.eigenvalues_out.grad.all()


def test_from_linear_wants_a_linear_layer() -> None:
    with pytest.raises(ValueError, match=r"a Conv2d: an nn\.Linear is wanted"):
        SpectralLinear.from_linear(nn.Conv2d(1, 1, 3))  # type: ignore[arg-type]


@given(layers(eigenvalues_in=False, bias=False))
def test_eigenvalue_zero_silences_a_node(layer: SpectralLinear) -> None:
    with torch.no_grad():
        layer.eigenvalues_out[0] = 0.0
    assert torch.all(layer(some_inputs(layer))[:, 0] == 0.0)


@given(layers(eigenvalues_in=True, bias=False))
def test_eigenvalue_zero_does_not_silence_a_node_beside_lambda_in(layer: SpectralLinear) -> None:
    """The reason why pruning means physical removal and not a zero."""
    with torch.no_grad():
        layer.eigenvalues_out[0] = 0.0
    outputs = layer(some_inputs(layer))[:, 0]
    assert torch.any(outputs != 0.0)
    expected = some_inputs(layer) @ (layer.eigenvalues_in * layer.eigenvectors[0])
    assert torch.allclose(outputs, expected, atol=1e-5)


@given(layers(eigenvalues_in=False))
def test_eigenvalue_times_eigenvector_is_the_weight_norm(layer: SpectralLinear) -> None:
    product = layer.eigenvalues_out.abs() * layer.eigenvectors.norm(dim=1)
    assert torch.allclose(product, layer.weight.norm(dim=1), rtol=1e-4, atol=1e-6)


@given(st.integers(0, 10**6), st.floats(0.1, 10.0))
def test_gauge_leaves_the_function_and_changes_the_ranking(seed: int, c: float) -> None:
    """(lambda_i, phi_i) -> (c lambda_i, phi_i / c), with a different c for each node."""
    model = ep.mlp([5, 4, 3], seed=seed)
    other = copy.deepcopy(model)
    with torch.no_grad():
        # The smallest |lambda| becomes c/1, then c/2, c/3 and c/4 follow: the ranking is reversed.
        order = model[0].eigenvalues_out.abs().argsort()
        wanted = torch.empty(4)
        wanted[order] = c / torch.arange(1.0, 5.0)
        gauge = wanted / model[0].eigenvalues_out.abs()
        other[0].eigenvalues_out.mul_(gauge)
        other[0].eigenvectors.div_(gauge[:, None])
    inputs = torch.randn(6, 5, generator=torch.Generator().manual_seed(seed))

    assert torch.allclose(model(inputs), other(inputs), rtol=1e-4, atol=1e-6)
    for score in (ep.importance.weight_norm, ep.importance.eigenvalue_times_eigenvector):
        assert torch.allclose(score(model)[0], score(other)[0], rtol=1e-4, atol=1e-7)
    before, after = ep.importance.eigenvalue(model)[0], ep.importance.eigenvalue(other)[0]
    assert before.argsort().tolist() == after.argsort().flip(0).tolist()


@pytest.mark.parametrize("frozen", [*((name,) for name in FREEZABLE), FREEZABLE[:3], ()])
def test_frozen_parts_stay_and_the_others_move(frozen: tuple[str, ...]) -> None:
    model = ep.mlp([4, 6, 3], bias=True, eigenvalues_in=True, frozen=frozen, seed=3)
    generator = torch.Generator().manual_seed(3)
    inputs = torch.rand(30, 4, generator=generator)
    targets = torch.randint(3, (30,), generator=generator)
    trained, _ = ep.train(model, inputs, targets, epochs=3, batch_size=10)
    after = dict(trained.named_parameters())
    for name, before in model.named_parameters():
        is_frozen = name.split(".")[-1] in frozen
        assert torch.equal(before, after[name]) == is_frozen, name
        assert after[name].requires_grad == (not is_frozen), name


@pytest.mark.parametrize("eigenvalues_in", [False, True])
def test_initialisation_2022(eigenvalues_in: bool) -> None:
    layer = SpectralLinear(
        300, 200, bias=True, eigenvalues_in=eigenvalues_in, generator=seeds.generator(1, "x")
    )
    eigenvalues = [layer.eigenvalues_out] + ([layer.eigenvalues_in] if eigenvalues_in else [])
    for values, bound in [(layer.eigenvectors, 0.2)] + [(v, 0.5) for v in eigenvalues]:
        assert -bound <= values.min() < -0.9 * bound
        assert 0.9 * bound < values.max() <= bound
        # Uniform: the standard deviation is the half-width over the square root of 3.
        assert values.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
    assert torch.all(layer.bias == 0)


@pytest.mark.parametrize("eigenvalues_in", [False, True])
def test_initialisation_ones_has_the_weights_of_a_dense_layer(eigenvalues_in: bool) -> None:
    layer = SpectralLinear(300, 200, eigenvalues_in=eigenvalues_in, initialisation="ones")
    bound = (6 / 500) ** 0.5  # Glorot-uniform
    assert torch.all(layer.eigenvalues_out == 1)
    assert layer.eigenvalues_in is None or torch.all(layer.eigenvalues_in == 0)
    assert 0.99 * bound < layer.weight.abs().max() <= bound
    assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"frozen": ("eigenvalue",)}, "eigenvectors"),
        ({"frozen": "eigenvectors"}, "collection"),
        ({"initialisation": "2021"}, "2022"),
    ],
)
def test_unknown_names_are_refused(arguments: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        SpectralLinear(3, 2, **arguments)


def test_reset_refuses_an_unknown_initialisation_and_changes_nothing() -> None:
    layer = SpectralLinear(3, 2)
    before = layer.weight.clone()
    with pytest.raises(ValueError, match="Glorot"):
        layer.reset_parameters("Glorot")
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_reset_draws_anew(initialisation: str) -> None:
    layer = SpectralLinear(3, 2, initialisation=initialisation)
    before = layer.weight.clone()
    layer.reset_parameters(initialisation)
    assert not torch.equal(layer.weight, before)


class Doubled(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(inputs)


def hooked(layer: nn.Module) -> nn.Module:
    layer.register_forward_hook(lambda module, given, outputs: None)
    return layer


NOT_PLAIN = {
    "weight norm": lambda layer: nn.utils.parametrizations.weight_norm(layer),
    "pruned by torch": lambda layer: prune.random_unstructured(layer, "weight", 0.5),
    "hook": hooked,
}


@pytest.mark.parametrize("kind", [*NOT_PLAIN, "subclass", "lazy"])
def test_from_linear_takes_plain_layers_alone(kind: str) -> None:
    made = {"subclass": Doubled, "lazy": lambda _, nodes: nn.LazyLinear(nodes)}
    linear = made.get(kind, nn.Linear)(4, 3)
    linear = NOT_PLAIN.get(kind, lambda layer: layer)(linear)
    with pytest.raises(ValueError, match=r"the given layer (is a|has a hook)"):
        SpectralLinear.from_linear(linear)


def test_from_linear_takes_subclasses_that_compute_alike() -> None:
    projection = nn.MultiheadAttention(4, 2).out_proj
    assert type(projection) is not nn.Linear
    layer, inputs = SpectralLinear.from_linear(projection), torch.rand(2, 4)
    torch.testing.assert_close(layer(inputs), projection(inputs))


def test_to_linear_of_a_layer_that_is_not_plain_is_refused() -> None:
    parametrised = SpectralLinear(4, 3)
    nn.utils.parametrize.register_parametrization(parametrised, "eigenvectors", nn.Identity())
    for layer in (parametrised, hooked(SpectralLinear(4, 3))):
        with pytest.raises(ValueError, match=r"this layer (is a|has a hook)"):
            layer.to_linear()


@pytest.mark.parametrize("nodes", [(4.0, 3), (0, 3)])
def test_numbers_of_nodes_are_whole(nodes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"^in_features=.*: a whole number, 1 or more$"):
        SpectralLinear(*nodes)
    with pytest.raises(ValueError, match=r"^out_features=.*: a whole number, 1 or more$"):
        SpectralLinear(*nodes[::-1])
