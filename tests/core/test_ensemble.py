"""Training together against training alone: the stack must make no difference to any network."""

import copy
import math
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune import ensemble, onednn
from eigenprune.fixed_products import FromProducts
from eigenprune.networks import fully_connected

Data = tuple[Tensor, Tensor]

SEEDS = [3, 1, 4]
# 50 rows: the last batch of an epoch holds two.
OPTIONS: dict[str, object] = {"epochs": 4, "batch_size": 12, "learning_rate": 0.01}
KINDS: dict[str, dict[str, object]] = {
    "dense": {"layer": "dense", "bias": True, "activation": "tanh"},
    "spectral": {"activation": "elu"},
    "spectral with bias": {"bias": True},
    "lambda_in": {"eigenvalues_in": True, "bias": True},
    "frozen eigenvectors": {"frozen": ["eigenvectors"], "bias": True},
    "frozen eigenvectors, lambda_in": {"frozen": ["eigenvectors"], "eigenvalues_in": True},
    "frozen eigenvalues": {"frozen": ["eigenvalues_out"]},
}


@pytest.fixture(scope="module")
def data() -> Data:
    generator = torch.Generator().manual_seed(5)
    # float64: Adam turns the rounding of a gradient near zero into a step of full length.
    inputs = torch.rand(50, 4, generator=generator, dtype=torch.float64)
    return inputs, (inputs[:, 0] * 3).long()


def networks(**options: object) -> list[nn.Sequential]:
    return [ep.mlp([4, 7, 6, 3], seed=seed, **options).double() for seed in (1, 2, 3)]


def masks(count: int = 3) -> list[list[Tensor]]:
    """Masks that differ between the networks, so that the pruned networks differ in size."""
    generator = torch.Generator().manual_seed(2)
    drawn = [[torch.rand(n, generator=generator) < 0.6 for n in (7, 6)] for _ in range(count)]
    assert len({tuple(int(mask.sum()) for mask in pair) for pair in drawn}) == count
    return drawn


def alone(models: list[nn.Sequential], data: Data, **options: object) -> list:
    return [
        ep.train(model, *data, seed=seed, **{**OPTIONS, **options})
        for model, seed in zip(models, SEEDS, strict=True)
    ]


def assert_same(one: nn.Module, other: nn.Module) -> None:
    assert repr(one) == repr(other)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-7, atol=1e-9)
        assert a.requires_grad == b.requires_grad


@pytest.mark.parametrize("stream", ["order", "retraining"])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_training_each_alone(data: Data, kind: str, stream: str) -> None:
    models = networks(**KINDS[kind])
    trained = ep.train_together(models, *data, seeds=SEEDS, stream=stream, **OPTIONS)
    for (model, losses), (other, other_losses) in zip(
        trained, alone(models, data, stream=stream), strict=True
    ):
        assert_same(model, other)
        assert losses == pytest.approx(other_losses, rel=1e-9)


def test_a_batch_may_hold_all_rows_and_more(data: Data) -> None:
    models = networks()
    trained = ep.train_together(models, *data, seeds=SEEDS, epochs=3, batch_size=200)
    for (model, _), (other, _) in zip(
        trained, alone(models, data, epochs=3, batch_size=200, learning_rate=1e-3), strict=True
    ):
        assert_same(model, other)


@pytest.mark.parametrize("room", [3 * 50 * 7 * 8, 3 * 50 * 7 * 8 - 1])
def test_fixed_products_are_kept_while_there_is_room(
    data: Data, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = networks(frozen=["eigenvectors"])
    monkeypatch.setattr(ensemble, "PRODUCTS_AT_MOST", room)
    with patch.object(
        FromProducts, "forward", autospec=True, side_effect=FromProducts.forward
    ) as fed:
        trained = ep.train_together(models, *data, seeds=SEEDS, **OPTIONS)
    assert fed.called == (room == 3 * 50 * 7 * 8)
    for (model, _), (other, _), given in zip(trained, alone(models, data), models, strict=True):
        assert_same(model, other)
        assert torch.equal(model[0].eigenvectors, given[0].eigenvectors)


@pytest.mark.parametrize("kind", KINDS)
def test_masked_together_then_compacted_equals_compacted_then_alone(data: Data, kind: str) -> None:
    models, all_masks = networks(**KINDS[kind]), masks()
    masked = [ep.masked(*pair) for pair in zip(models, all_masks, strict=True)]
    together = ep.train_together(masked, *data, seeds=SEEDS, **OPTIONS)
    small = [ep.compact(*pair) for pair in zip(models, all_masks, strict=True)]
    for (model, losses), one_masks, (other, other_losses) in zip(
        together, all_masks, alone(small, data), strict=True
    ):
        assert_same(ep.compact(model, one_masks), other)
        assert losses == pytest.approx(other_losses, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_removed_nodes_learn_nothing(data: Data, kind: str) -> None:
    all_masks = masks()
    given = [ep.masked(*pair) for pair in zip(networks(**KINDS[kind]), all_masks, strict=True)]
    together = ep.train_together(given, *data, seeds=SEEDS, **OPTIONS)
    for before, (after, _), one_masks in zip(given, together, all_masks, strict=True):
        layers = zip(fully_connected(before), fully_connected(after), strict=True)
        kept_in = torch.ones(4, dtype=torch.bool)
        for (old, new), kept in zip(
            layers, [*one_masks, torch.ones(3, dtype=torch.bool)], strict=True
        ):
            for name, parameter in old.named_parameters():
                moved = (parameter != new.get_parameter(name)).detach()
                if parameter.ndim == 2:
                    assert not moved[~kept].any() and not moved[:, ~kept_in].any(), name
                else:
                    assert not moved[~(kept_in if name == "eigenvalues_in" else kept)].any(), name
                assert moved.any() == parameter.requires_grad, name
            kept_in = kept


def test_a_network_that_diverges_leaves_the_others_alone(data: Data) -> None:
    models = networks()
    with torch.no_grad():
        models[1][0].eigenvectors[0, 0] = torch.inf
    trained = ep.train_together(models, *data, seeds=SEEDS, **OPTIONS)
    expected = alone(models, data)
    assert all(map(math.isnan, trained[1][1]))
    assert any(bool(parameter.isnan().any()) for parameter in trained[1][0].parameters())
    for number in (0, 2):
        assert_same(trained[number][0], expected[number][0])
        assert trained[number][1] == pytest.approx(expected[number][1], rel=1e-9)


@pytest.mark.usefixtures("onednn_offered")
def test_large_products_take_the_detour_too() -> None:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.rand(400, 200, generator=generator)
    targets = (inputs[:, 0] * 3).long()
    models = [ep.mlp([200, 150, 3], seed=seed) for seed in (1, 2)]
    with patch.object(onednn, "product", wraps=onednn.product) as product:
        fast = ep.train_together(models, inputs, targets, epochs=3, seeds=[1, 2])
    assert product.called
    with patch.object(onednn, "available", return_value=False):
        plain = ep.train_together(models, inputs, targets, epochs=3, seeds=[1, 2])
    for (model, losses), (other, other_losses) in zip(fast, plain, strict=True):
        assert losses == pytest.approx(other_losses, rel=1e-4)
        for a, b in zip(model.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_one_set_of_seeds_one_result_bit_for_bit(data: Data) -> None:
    (one, losses), (twin, _) = ep.train_together(networks()[:1] * 2, *data, seeds=[1, 2], epochs=2)
    again, losses_again = ep.train_together(networks()[:1] * 2, *data, seeds=[1, 2], epochs=2)[0]
    assert losses == losses_again
    assert all(map(torch.equal, one.parameters(), again.parameters()))
    assert not all(map(torch.equal, one.parameters(), twin.parameters()))


def test_the_given_networks_are_left_as_they_are(data: Data) -> None:
    models, twins = networks(), networks()
    trained = ep.train_together(models, *data, seeds=SEEDS, **OPTIONS)
    for network, _ in trained:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(9.0)
    for model, twin in zip(models, twins, strict=True):
        assert all(map(torch.equal, model.parameters(), twin.parameters()))
        assert all(parameter.grad is None for parameter in model.parameters())


def test_on_epoch_is_told_number_and_losses(data: Data) -> None:
    told: list[tuple[int, list[float]]] = []
    trained = ep.train_together(
        networks(), *data, seeds=SEEDS, epochs=3, on_epoch=lambda *report: told.append(report)
    )
    assert [epoch for epoch, _ in told] == [1, 2, 3]
    assert [losses for _, losses in told] == [
        list(each) for each in zip(*(losses for _, losses in trained), strict=True)
    ]


@pytest.mark.parametrize("kind", ["dense", "spectral", "frozen eigenvectors"])
def test_who_watches_sees_each_network_and_changes_nothing(data: Data, kind: str) -> None:
    models = networks(**KINDS[kind])
    seen: dict[int, list[nn.Sequential]] = {}
    watched = ep.train_together(
        models, *data, seeds=SEEDS, epochs=3,
        watch=lambda epoch, networks: seen.update({epoch: copy.deepcopy(networks)}),
    )  # fmt: skip
    for epoch in (3, 1, 0):
        unwatched = ep.train_together(models, *data, seeds=SEEDS, epochs=epoch)
        for network, (other, losses), (_, losses_watched) in zip(
            seen[epoch], unwatched, watched, strict=True
        ):
            assert all(map(torch.equal, network.parameters(), other.parameters()))
            assert losses == losses_watched[:epoch]
    assert list(seen) == [0, 1, 2, 3]


def test_zero_epochs_give_copies(data: Data) -> None:
    models = networks()
    for model, (copied, losses) in zip(
        models, ep.train_together(models, *data, seeds=SEEDS, epochs=0), strict=True
    ):
        assert all(map(torch.equal, model.parameters(), copied.parameters()))
        assert copied is not model and losses == []


def test_dropout_draws_for_each_network_its_own(data: Data) -> None:
    first, *rest = networks()[0]
    model = nn.Sequential(first, nn.Dropout(0.5), *rest)
    torch.manual_seed(1)
    (one, _), (other, _) = ep.train_together([model, model], *data, seeds=[1, 1], epochs=1)
    assert not all(map(torch.equal, one.parameters(), other.parameters()))


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (ep.mlp([4, 8, 6, 3]), "network 1 has module 0, SpectralLinear.*out_features=8"),
        (ep.mlp([4, 7, 6, 3], layer="dense"), "network 1 has module 0, Linear"),
        (ep.mlp([4, 7, 6, 3], activation="tanh"), r"network 1 has module 1, Tanh\(\)"),
        (ep.mlp([4, 7, 3]), "network 1 has module 2, SpectralLinear.*out_features=3"),
        (ep.mlp([4, 7, 6, 3], frozen=["eigenvalues_out"]), "0.eigenvalues_out.*_grad=False"),
        (ep.mlp([4, 7, 6, 3]).double(), "0.eigenvectors.*float64"),
        (nn.Sequential(*ep.mlp([4, 7, 6, 3]), nn.ReLU()), "has module 5, ReLU"),
    ],
)
def test_networks_of_different_forms_are_refused(
    data: Data, other: nn.Sequential, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        ep.train_together([ep.mlp([4, 7, 6, 3]), other], *data, seeds=[1, 2], epochs=1)


def test_what_cannot_be_trained_is_refused(data: Data) -> None:
    inputs, targets = data
    with pytest.raises(ValueError, match="0 networks"):
        ep.train_together([], inputs, targets, seeds=[], epochs=1)
    with pytest.raises(ValueError, match="3 networks and 2 seeds"):
        ep.train_together(networks(), inputs, targets, seeds=[1, 2], epochs=1)
    # These are the checks of `train`, used here too.
    with pytest.raises(ValueError, match="50 inputs and 49 targets"):
        ep.train_together(networks(), inputs, targets[1:], seeds=SEEDS, epochs=1)
    with pytest.raises(ValueError, match="batch_size=0"):
        ep.train_together(networks(), inputs, targets, seeds=SEEDS, epochs=1, batch_size=0)


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, inputs: Tensor) -> Tensor:
        return self.factor * inputs


def test_networks_that_run_code_of_their_own_are_refused(data: Data) -> None:
    plain, hooked = ep.mlp([4, 7, 3]).double(), ep.mlp([4, 7, 3]).double()
    hooked[0].register_forward_hook(lambda module, given, outputs: 2 * outputs)
    with pytest.raises(ValueError, match=r"^network 1, module 0 has a hook"):
        ep.train_together([plain, hooked], *data, seeds=[1, 2], epochs=1)
    own = [nn.Sequential(*copy.deepcopy(plain), Times(factor)) for factor in (1, 5)]
    with pytest.raises(ValueError, match=r"^network 1 has a Times {'factor': 5}, where network 0"):
        ep.train_together(own, *data, seeds=[1, 2], epochs=1)
    own = [nn.Sequential(*copy.deepcopy(plain), Times(torch.ones(3))) for _ in range(2)]
    with pytest.raises(ValueError, match=r"^network 0, module 3 is a Times whose factor is a Ten"):
        ep.train_together(own, *data, seeds=[1, 2], epochs=1)


class Swish(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * inputs.sigmoid()


class Named(nn.Sequential):
    pass


class Rectified(nn.ReLU):
    pass


@pytest.mark.parametrize("own", [Swish(), Rectified(), Times(2.0)])
def test_equal_modules_of_ones_own_train_together(data: Data, own: nn.Module) -> None:
    models = [
        nn.Sequential(model[0], own, model[2]).double()
        for model in (ep.mlp([4, 7, 3], seed=seed) for seed in (1, 2))
    ]
    together = ep.train_together(models, *data, seeds=[1, 2], epochs=2)
    for model, seed, (trained, _) in zip(models, (1, 2), together, strict=True):
        alone, _ = ep.train(model, *data, seed=seed, epochs=2)
        for one, other in zip(alone.parameters(), trained.parameters(), strict=True):
            torch.testing.assert_close(one, other)


def test_one_network_may_have_modules_with_any_attributes(data: Data) -> None:
    model = Named(*ep.mlp([4, 7, 3]).double(), Times(torch.tensor(2.0)))
    ((trained, _),) = ep.train_together([model], *data, seeds=[1], epochs=2)
    alone, _ = ep.train(model, *data, seed=1, epochs=2)
    assert type(trained) is Named
    for one, other in zip(alone.parameters(), trained.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def sine(factor: float) -> nn.Module:
    class Sine(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return (factor * inputs).sin()

    return Sine()


def test_classes_of_one_name_are_told_apart(data: Data) -> None:
    model = ep.mlp([4, 7, 3]).double()
    models = [nn.Sequential(model[0], sine(factor), model[2]) for factor in (1.0, -5.0)]
    with pytest.raises(ValueError, match=r"Sine {}, where network 0 has a .*Sine {}: networks"):
        ep.train_together(models, *data, seeds=[1, 2], epochs=1)


def test_what_is_no_list_of_networks_is_refused_in_words(data: Data) -> None:
    with pytest.raises(ValueError, match=r"^a SpectralLinear: .* in an nn\.Sequential"):
        ep.train_together(ep.mlp([4, 7, 3]), *data, seeds=[1], epochs=1)
    with pytest.raises(ValueError, match=r"^a Linear: .* in an nn\.Sequential"):
        ep.train_together([ep.mlp([4, 7, 3]), nn.Linear(4, 3)], *data, seeds=[1, 2], epochs=1)
    networks = [nn.Sequential(*ep.mlp([4, 7, 3]), nn.ReLU()), ep.mlp([4, 7, 3])]
    with pytest.raises(ValueError, match=r"has 0\.eigenvectors .*, where network 0 has module 3, "):
        ep.train_together(networks, *data, seeds=[1, 2], epochs=1)


@pytest.mark.parametrize("frozen", [[], ["eigenvectors"]])
def test_what_computed_the_inputs_gets_no_gradient(data: Data, frozen: list[str]) -> None:
    before = nn.Linear(4, 4, dtype=torch.float64)
    features = before(data[0])
    model = ep.mlp([4, 7, 3], frozen=frozen, bias=True).double()
    (one, _), _ = ep.train_together([model] * 2, features, data[1], seeds=[1, 1], epochs=2)
    (again, _), _ = ep.train_together(
        [model] * 2, features.detach(), data[1], seeds=[1, 1], epochs=2
    )
    assert before.weight.grad is None
    assert all(map(torch.equal, one.parameters(), again.parameters()))
