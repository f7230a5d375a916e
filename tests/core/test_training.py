"""The training loop: deterministic, and equal to one written out plainly."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import eigenprune as ep
from eigenprune import seeds


@pytest.fixture(scope="module")
def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.rand(50, 4, generator=generator)
    return inputs, (inputs[:, 0] * 3).long()


Data = tuple[Tensor, Tensor]


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_one_seed_one_result_bit_for_bit(data: Data, layer: str) -> None:
    model = ep.mlp([4, 6, 3], layer=layer, seed=1)
    one, losses = ep.train(model, *data, epochs=3, batch_size=7, seed=1)
    again, losses_again = ep.train(model, *data, epochs=3, batch_size=7, seed=1)
    other, _ = ep.train(model, *data, epochs=3, batch_size=7, seed=2)
    retrained, _ = ep.train(model, *data, epochs=3, batch_size=7, seed=1, stream="retraining")
    assert same(one, again) and losses == losses_again
    assert not same(one, other) and not same(one, retrained)


class Recorder(nn.Module):
    """Passes its inputs on and notes which rows of the data they were."""

    def __init__(self, rows: list[int]) -> None:
        super().__init__()
        self.note = rows.extend  # a method of the caller's list: deepcopy must not copy it

    def __deepcopy__(self, memo: dict[int, object]) -> "Recorder":
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        self.note(inputs[:, 0].long().tolist())
        return inputs


def order_of_rows(width: int = 3, epochs: int = 2, **options: object) -> list[int]:
    rows: list[int] = []
    inputs = torch.arange(20.0)[:, None]
    targets = torch.zeros(20, dtype=torch.int64)
    layers = ep.mlp([1, width, 2], seed=4)
    ep.train(nn.Sequential(Recorder(rows), *layers), inputs, targets, epochs=epochs, **options)
    return rows


def test_every_epoch_sees_every_row_once_in_an_order_of_its_own() -> None:
    rows = order_of_rows(batch_size=6)
    assert sorted(rows[:20]) == sorted(rows[20:]) == list(range(20))
    assert rows[:20] != rows[20:]


def test_the_order_depends_on_seed_and_stream_alone() -> None:
    rows = order_of_rows(seed=1)
    assert rows == order_of_rows(seed=1, width=8, batch_size=3)
    assert rows != order_of_rows(seed=2)
    assert rows != order_of_rows(seed=1, stream="retraining")
    # Drawing more initial values from the same seed does not change the order.
    ep.mlp([30, 30, 2], seed=1)
    assert rows == order_of_rows(seed=1)


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_equals_a_loop_written_out(data: Data, layer: str) -> None:
    inputs, targets = data[0].double(), data[1]
    model = ep.mlp([4, 6, 3], layer=layer, activation="tanh", seed=1).double()
    trained, losses = ep.train(
        model, inputs, targets, epochs=4, batch_size=12, learning_rate=0.01, seed=3
    )

    plain = ep.mlp([4, 6, 3], layer=layer, activation="tanh", seed=1).double()
    adam = torch.optim.Adam(
        plain.parameters(), lr=0.01, betas=(0.9, 0.999), eps=1e-7, fused=False, foreach=False
    )
    generator = seeds.generator(3, "order")
    for epoch in range(4):
        order, total = torch.randperm(50, generator=generator).tolist(), 0.0
        for start in (0, 12, 24, 36, 48):  # the last batch holds two rows
            batch = order[start : start + 12]
            adam.zero_grad()
            loss = F.cross_entropy(plain(inputs[batch]), targets[batch])
            loss.backward()
            adam.step()
            total += loss.item() * len(batch)
        assert losses[epoch] == pytest.approx(total / 50, rel=1e-9)
    for one, other in zip(trained.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-7, atol=1e-9)


def test_on_epoch_is_told_number_and_loss(data: Data) -> None:
    told: list[tuple[int, float]] = []
    _, losses = ep.train(
        ep.mlp([4, 6, 3]), *data, epochs=3, on_epoch=lambda epoch, loss: told.append((epoch, loss))
    )
    assert told == list(enumerate(losses, start=1))


@pytest.mark.parametrize("frozen", [(), ("eigenvectors",)])
def test_who_watches_sees_each_epoch_and_changes_nothing(
    data: Data, frozen: tuple[str, ...]
) -> None:
    model = ep.mlp([4, 6, 3], seed=1, frozen=frozen)
    seen: dict[int, nn.Module] = {}
    options = {"batch_size": 7, "seed": 1}
    trained, losses = ep.train(
        model, *data, epochs=3, **options,
        watch=lambda epoch, network: seen.update({epoch: copy.deepcopy(network)}),
    )  # fmt: skip
    unwatched, losses_unwatched = ep.train(model, *data, epochs=3, **options)
    assert same(trained, unwatched) and losses == losses_unwatched
    assert list(seen) == [0, 1, 2, 3] and same(seen[0], model)
    for epoch in (1, 2, 3):
        assert same(seen[epoch], ep.train(model, *data, epochs=epoch, **options)[0])


def test_zero_epochs_give_a_copy(data: Data) -> None:
    model = ep.mlp([4, 6, 3])
    trained, losses = ep.train(model, *data, epochs=0)
    assert same(model, trained) and trained is not model and losses == []


def test_training_learns(data: Data) -> None:
    model = ep.mlp([4, 16, 3], seed=1)
    trained, losses = ep.train(model, *data, epochs=60, batch_size=10, learning_rate=0.01)
    assert losses[-1] < 0.5 * losses[0]
    assert ep.evaluate(trained, *data)[0] > ep.evaluate(model, *data)[0]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"epochs": -1}, "epochs=-1"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"learning_rate": 0.0}, "learning_rate=0.0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0"),
        ({"learning_rate": math.nan}, "learning_rate=nan"),
        ({"epochs": 1.5}, r"^epochs=1\.5: a whole number, 0 or more$"),
        ({"batch_size": 2.0}, r"^batch_size=2\.0: a whole number, 1 or more$"),
        ({"learning_rate": "1"}, r"^learning_rate='1': a finite number above 0$"),
    ],
)
def test_numbers_out_of_range_are_refused(
    data: Data, options: dict[str, float], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        ep.train(ep.mlp([4, 6, 3]), *data, **{"epochs": 1, **options})


def test_data_that_do_not_fit_are_refused(data: Data) -> None:
    inputs, targets = data
    with pytest.raises(ValueError, match="50 inputs and 49 targets"):
        ep.train(ep.mlp([4, 6, 3]), inputs, targets[1:], epochs=1)
    with pytest.raises(ValueError, match="0 inputs: at least one"):
        ep.train(ep.mlp([4, 6, 3]), inputs[:0], targets[:0], epochs=1)


@pytest.mark.parametrize("regulariser", [None, ep.regularisers.L2(0.01)])
def test_no_gradient_is_left_behind(data: Data, regulariser: object) -> None:
    """Otherwise a later training that accumulates gradients would start with this one's last."""
    trained, _ = ep.train(ep.mlp([4, 6, 3], seed=1), *data, epochs=1, regulariser=regulariser)
    assert all(parameter.grad is None for parameter in trained.parameters())


@pytest.mark.parametrize("name", ["eigenvalues_out", "eigenvectors", "bias"])
def test_what_torch_has_pruned_is_refused(data: Data, name: str) -> None:
    model = ep.mlp([4, 6, 3], bias=True, seed=1)
    torch.nn.utils.prune.l1_unstructured(model[0], name, amount=0.5)
    with pytest.raises(ValueError, match=r"pruned by torch.*torch\.nn\.utils\.prune\.remove"):
        ep.train(model, *data, epochs=1)
    with pytest.raises(ValueError, match=r"module 0 .*torch\.nn\.utils\.prune\.remove"):
        ep.compact(model, [torch.ones(6) > 0])


def test_a_network_that_is_frozen_whole_is_refused(data: Data) -> None:
    with pytest.raises(ValueError, match="no trainable parameter"):
        ep.train(ep.mlp([4, 6, 3]).requires_grad_(False), *data, epochs=1)


def test_what_is_no_regulariser_or_tensor_is_refused(data: Data) -> None:
    inputs, targets = data
    model = ep.mlp([4, 6, 3])
    for wrong in ("l1", ep.regularisers.L1):
        with pytest.raises(ValueError, match=r"regulariser=.*called with a strength"):
            ep.train(model, inputs, targets, epochs=1, regulariser=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"inputs: a ndarray, and a torch\.Tensor is wanted"):
        ep.train(model, inputs.numpy(), targets, epochs=1)  # type: ignore[arg-type]


def test_trains_where_gradients_are_switched_off(data: Data) -> None:
    inputs, targets = data
    model = ep.mlp([4, 6, 3])
    expected = ep.train(model, inputs, targets, epochs=1, regulariser=ep.regularisers.L1(0.1))[1]
    with torch.no_grad():
        assert (
            ep.train(model, inputs, targets, epochs=1, regulariser=ep.regularisers.L1(0.1))[1]
            == expected
        )


@pytest.mark.parametrize(
    "options",
    [{}, {"bias": True}, {"frozen": ["eigenvectors"], "bias": True}, {"activation": "gelu"}],
)
@pytest.mark.parametrize("regularised", [False, True])
def test_what_computed_the_inputs_gets_no_gradient(
    data: Data, options: dict[str, object], regularised: bool
) -> None:
    before = nn.Linear(4, 4)
    features = before(data[0])
    model = ep.mlp([4, 6, 3], **options)

    def trained(inputs: Tensor) -> nn.Sequential:
        added = ep.regularisers.L2(0.1) if regularised else None
        return ep.train(model, inputs, data[1], epochs=2, regulariser=added)[0]

    assert same(trained(features), trained(features.detach()))
    assert before.weight.grad is None and before.bias.grad is None


def test_models_that_cannot_be_trained_are_refused_in_words_that_fit(data: Data) -> None:
    normalised = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))
    with pytest.raises(ValueError, match=r"^module 1 is a BatchNorm1d: networks are trained"):
        ep.train(normalised, *data, epochs=1)
    with pytest.raises(ValueError, match=r"^a Linear: "):
        ep.train(nn.Linear(4, 3), *data, epochs=1)
