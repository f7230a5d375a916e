"""Scores that look at data: each against its definition, written out slowly, and its laws."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune import mlp, saliency
from eigenprune.networks import fully_connected
from eigenprune.synflow import iterative_synflow

Score = Callable[[nn.Sequential, Tensor, Tensor], list[Tensor]]

# All take the same three arguments, whichever of them they need.
SCORES: dict[str, Score] = {
    "mean_activation": lambda m, x, y: saliency.mean_activation(m, x),
    "activation_entropy": lambda m, x, y: saliency.activation_entropy(m, x),
    "taylor": saliency.taylor,
    "optimal_brain_damage": lambda m, x, y: saliency.optimal_brain_damage(m, x),
    "snip": saliency.snip,
    "grasp": saliency.grasp,
    "iterative_synflow": lambda m, x, y: iterative_synflow(m),
}
WIDTHS = [6, 5, 4, 3]


@pytest.fixture(params=["tanh", "elu", "relu"])
def model(request: pytest.FixtureRequest) -> nn.Sequential:
    return mlp(WIDTHS, activation=request.param, layer="dense", seed=3).double()


@pytest.fixture(scope="module")
def examples() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(9, WIDTHS[0], generator=generator, dtype=torch.float64)
    return x, torch.randint(WIDTHS[-1], (9,), generator=generator)


def activations(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    """What each activation function of a network from `mlp` returns."""
    found = []
    for module in model:
        x = module(x)
        if not isinstance(module, nn.Linear):
            found.append(x)
    return found


def close(scores: list[Tensor], wanted: list[list[float]]) -> None:
    for score, values in zip(scores, wanted, strict=True):
        torch.testing.assert_close(
            score, torch.tensor(values, dtype=score.dtype), atol=1e-9, rtol=1e-6
        )


@pytest.mark.parametrize("name", SCORES)
def test_the_gauge_and_the_kind_of_layer_do_not_matter(
    name: str, examples: tuple[Tensor, Tensor]
) -> None:
    x, y = examples
    spectral = mlp(WIDTHS, activation="tanh", seed=3).double()
    dense = nn.Sequential(*(m.to_linear() if hasattr(m, "to_linear") else m for m in spectral))
    before = SCORES[name](spectral, x, y)
    with torch.no_grad():
        spectral[0].eigenvalues_out *= 3
        spectral[0].eigenvectors /= 3
    for other in (dense, spectral):
        for score, same in zip(before, SCORES[name](other, x, y), strict=True):
            torch.testing.assert_close(score, same)


@pytest.mark.parametrize("name", SCORES)
def test_the_network_is_left_as_it_is(
    name: str, model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    before = {key: value.clone() for key, value in model.state_dict().items()}
    scores = SCORES[name](model, *examples)
    assert [len(score) for score in scores] == WIDTHS[1:-1]
    assert not any(score.requires_grad for score in scores)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("name", SCORES)
def test_a_node_without_any_connection_scores_zero(
    name: str, model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    first, second, _ = fully_connected(model)
    with torch.no_grad():
        first.weight[2] = 0
        second.weight[:, 2] = 0
    scores = SCORES[name](model, *examples)
    if name == "iterative_synflow":  # the silent node is the first to go
        assert int(torch.cat(scores).argmin()) == 2
    else:
        assert scores[0][2] == 0 and scores[0].count_nonzero() >= 2


def test_activations(model: nn.Sequential, examples: tuple[Tensor, Tensor]) -> None:
    hidden = [a.detach() for a in activations(model, examples[0])]
    close(
        saliency.mean_activation(model, examples[0]),
        [[float(a[:, i].abs().mean()) for i in range(a.shape[1])] for a in hidden],
    )


def test_entropy() -> None:
    # One input, passed on as it is: three examples in the first of two bins, one in the second.
    model = mlp([1, 1, 2], activation="relu", layer="dense")
    with torch.no_grad():
        model[0].weight.fill_(1)
    x = torch.tensor([[0.0], [0.1], [0.2], [1.0]])
    wanted = -(0.75 * torch.tensor(0.75).log() + 0.25 * torch.tensor(0.25).log())
    (found,) = saliency.activation_entropy(model, x, bins=2)
    torch.testing.assert_close(found, wanted[None])


def test_a_node_that_diverged_has_no_entropy() -> None:
    model = mlp([8, 5, 2], seed=1)
    model[0].eigenvectors.data[2] = torch.nan
    (found,) = saliency.activation_entropy(model, torch.rand(20, 8))
    assert found.isnan().tolist() == [False, False, True, False, False]


def test_taylor(model: nn.Sequential, examples: tuple[Tensor, Tensor]) -> None:
    wanted = [[0.0] * n for n in WIDTHS[1:-1]]
    for x, y in zip(*examples, strict=True):
        hidden = activations(model, x[None])
        loss = F.cross_entropy(hidden[-1] @ model[-1].weight.T, y[None])
        for layer, (a, g) in enumerate(zip(hidden, torch.autograd.grad(loss, hidden), strict=True)):
            for i in range(len(wanted[layer])):
                wanted[layer][i] += abs(a[0, i].item() * g[0, i].item()) / len(examples[0])
    close(saliency.taylor(model, *examples), wanted)


def test_optimal_brain_damage(model: nn.Sequential, examples: tuple[Tensor, Tensor]) -> None:
    # The Gauss-Newton matrix J^T (diag p - p p^T) J, from the Jacobian of each example's logits.
    wanted = [torch.zeros(n) for n in WIDTHS[1:-1]]
    names = ["0.weight", "2.weight"]
    for x in examples[0]:

        def logits(*weights: Tensor, x: Tensor = x) -> Tensor:
            return torch.func.functional_call(model, dict(zip(names, weights, strict=True)), x)

        weights = tuple(model.get_parameter(name).detach() for name in names)
        p = logits(*weights).detach().softmax(dim=0)
        middle = p.diag() - p.outer(p)
        jacobians = torch.autograd.functional.jacobian(logits, weights)
        for layer, (j, w) in enumerate(zip(jacobians, weights, strict=True)):
            h = torch.einsum("cij,cd,dij->ij", j, middle, j)
            wanted[layer] = wanted[layer] + (h * w**2).sum(dim=1) / 2 / len(examples[0])
    close(saliency.optimal_brain_damage(model, examples[0]), [w.tolist() for w in wanted])


class TanhInPlace(nn.Module):
    """A user's activation that works in place without saying so."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.tanh_()


@pytest.mark.parametrize("name", SCORES)
def test_activations_in_place_do_not_matter(name: str, examples: tuple[Tensor, Tensor]) -> None:
    layers = list(mlp(WIDTHS, layer="dense", seed=3).double())[::2]
    for plain, in_place in (
        (nn.ReLU(), nn.Sequential(nn.ReLU(inplace=True))),
        (nn.Tanh(), TanhInPlace()),
    ):
        one, other = (
            nn.Sequential(layers[0], between, layers[1], between, layers[2])
            for between in (plain, in_place)
        )
        wanted, found = (SCORES[name](model, *examples) for model in (one, other))
        close(found, [score.tolist() for score in wanted])


def test_snip_is_the_slope_of_the_loss_along_gates(
    model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    step, wanted = 1e-6, []
    for layer in fully_connected(model)[:-1]:
        wanted.append([0.0] * layer.out_features)
        for i in range(layer.out_features):
            for j in range(layer.in_features):
                slope = 0.0
                for sign in (1, -1):
                    with torch.no_grad():
                        old = layer.weight[i, j].clone()
                        layer.weight[i, j] = old * (1 + sign * step)
                        slope += sign * float(F.cross_entropy(model(examples[0]), examples[1]))
                        layer.weight[i, j] = old
                wanted[-1][i] += abs(slope / (2 * step))
    for score, values in zip(saliency.snip(model, *examples), wanted, strict=True):
        torch.testing.assert_close(
            score, torch.tensor(values, dtype=score.dtype), atol=1e-7, rtol=1e-4
        )


def test_grasp_is_the_slope_of_the_gradient_flow(
    model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    def flow() -> float:
        loss = F.cross_entropy(model(examples[0]), examples[1])
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        return 0.5 * sum(float((g**2).sum()) for g in gradients)

    step, wanted = 1e-6, []
    for layer in fully_connected(model)[:-1]:
        wanted.append([])
        for i in range(layer.out_features):
            slope = 0.0
            for sign in (1, -1):
                with torch.no_grad():
                    old = layer.weight[i].clone()
                    layer.weight[i] = old * (1 + sign * step)
                slope += sign * flow()
                with torch.no_grad():
                    layer.weight[i] = old
            wanted[-1].append(slope / (2 * step))
    for score, values in zip(saliency.grasp(model, *examples), wanted, strict=True):
        torch.testing.assert_close(
            score, torch.tensor(values, dtype=score.dtype), atol=1e-7, rtol=1e-4
        )


def test_many_rows_are_taken_in_parts(
    model: nn.Sequential, examples: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {name: score(model, *examples) for name, score in SCORES.items()}
    monkeypatch.setattr(saliency, "_ROWS_AT_ONCE", 4)
    for name, score in SCORES.items():
        for one, other in zip(whole[name], score(model, *examples), strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", sorted(SCORES.keys() - {"iterative_synflow"}))
def test_no_examples_are_refused(name: str, model: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="0 inputs"):
        SCORES[name](model, torch.zeros(0, WIDTHS[0]).double(), torch.zeros(0).long())


def test_other_numbers_of_targets_and_too_few_bins_are_refused(
    model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    with pytest.raises(ValueError, match="9 inputs and 8 targets"):
        saliency.taylor(model, examples[0], examples[1][:8])
    with pytest.raises(ValueError, match="bins=1"):
        saliency.activation_entropy(model, examples[0], bins=1)
    with pytest.raises(ValueError, match=r"bins=2\.5: a whole number, 2 or more"):
        saliency.activation_entropy(model, examples[0], bins=2.5)


@pytest.mark.parametrize("name", sorted(SCORES.keys() - {"iterative_synflow"}))
def test_modules_before_the_first_layer_count_as_part_of_the_data(
    name: str, model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    x, y = examples
    expected = SCORES[name](model, nn.functional.softplus(x), y)
    images = nn.Sequential(nn.Flatten(), nn.Softplus(), *model)
    found = SCORES[name](images, x.view(-1, 1, 2, 3), y)
    assert all(map(torch.equal, found, expected))


NOT_INPUTS = {
    "numpy": (lambda x: x.numpy(), "^inputs: a ndarray"),
    "one row": (lambda x: x[0], r"^inputs of shape \(6,\): \(rows, 6\) wanted"),
    "three axes": (lambda x: x.view(3, 3, 6), r"\(rows, 6\) wanted"),
    "features": (lambda x: x[:, :4], r"\(rows, 6\) wanted"),
    "dtype": (lambda x: x.float(), "^inputs of dtype torch.float32: torch.float64 wanted"),
    "device": (lambda x: x.to("meta"), "^inputs on meta: the network is on cpu"),
}


@pytest.mark.parametrize("name", ["mean_activation", "optimal_brain_damage"])
@pytest.mark.parametrize("wrong", NOT_INPUTS)
def test_inputs_that_do_not_fit_are_refused(
    name: str, wrong: str, model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    change, named = NOT_INPUTS[wrong]
    with pytest.raises(ValueError, match=named):
        SCORES[name](model, change(examples[0]), examples[1])


@pytest.mark.parametrize("name", ["taylor", "snip", "grasp"])
@pytest.mark.parametrize(
    ("targets", "named"),
    [
        (torch.full((9,), -100), "^targets from -100 to -100: class numbers from 0 to 2"),
        (torch.full((9,), 3), "^targets from 3 to 3: class numbers from 0 to 2"),
        (torch.zeros(9), "dtype torch.int64 wanted"),
        (torch.zeros(9, 3).long(), r"^targets of shape \(9, 3\)"),
        ([0] * 9, "^targets: a list"),
    ],
)
def test_targets_that_are_no_classes_are_refused(
    name: str, targets: Tensor, named: str, model: nn.Sequential, examples: tuple[Tensor, Tensor]
) -> None:
    with pytest.raises(ValueError, match=named):
        SCORES[name](model, examples[0], targets)
