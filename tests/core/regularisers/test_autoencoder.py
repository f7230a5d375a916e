"""Sparse autoencoders before training: they reconstruct, and strength makes them sparse."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import eigenprune as ep
from eigenprune.regularisers import Autoencoder
from eigenprune.regularisers.autoencoder import encoders

Data = tuple[Tensor, Tensor]


class Long(Autoencoder):
    EPOCHS = 100
    BATCH_SIZE = 30
    LEARNING_RATE = 0.01


def errors_and_codes(model: nn.Sequential, inputs: Tensor) -> list[tuple[float, float]]:
    """For each hidden layer: mean squared error of the reconstruction, mean absolute code."""
    found = []
    with torch.no_grad():
        for encoder in encoders(model):
            code = encoder(inputs)
            error = F.mse_loss(code @ encoder[0].weight, inputs)
            found.append((float(error), float(code.abs().mean())))
            inputs = code
    return found


def before_training(
    model: nn.Sequential, data: Data, strength: float, made: type[Autoencoder] = Long
) -> nn.Sequential:
    return ep.train(model, *data, epochs=0, regulariser=made(strength))[0]


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_every_hidden_layer_learns_to_reconstruct_what_it_reads(
    layer: str, activation: str, data: Data
) -> None:
    model = ep.mlp([8, 12, 10, 4], layer=layer, activation=activation, seed=1)
    trained = before_training(model, data, 0.0)
    # Compared with the best constant, which is the mean of what the layer reads.
    with torch.no_grad():
        read = [data[0], encoders(trained)[0](data[0])]
    for (error, _), inputs in zip(errors_and_codes(trained, data[0]), read, strict=True):
        assert error < 0.5 * float(inputs.var(dim=0, correction=0).mean())
    assert torch.equal(trained[4].weight, model[4].weight)


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_a_stronger_penalty_gives_a_sparser_code_at_a_cost(layer: str, data: Data) -> None:
    model = ep.mlp([8, 12, 4], layer=layer, seed=1)
    ((error, code),) = errors_and_codes(before_training(model, data, 0.0), data[0])
    ((worse, sparse),) = errors_and_codes(before_training(model, data, 0.3), data[0])
    assert sparse < 0.7 * code and worse > error


def test_equals_a_loop_written_out(data: Data) -> None:
    """One batch per epoch, so that the order of the rows does not matter."""
    model = ep.mlp([8, 6, 4], layer="dense", activation="tanh", seed=1).double()
    inputs = data[0].double()
    trained = before_training(model, (inputs, data[1]), 0.2, Autoencoder)
    w = model[0].weight.detach().clone().requires_grad_()
    adam = torch.optim.Adam([w], lr=1e-3, eps=1e-7)
    for _ in range(5):
        adam.zero_grad()
        h = torch.tanh(inputs @ w.T)
        loss = ((inputs - h @ w) ** 2).sum() / (120 * 8) + 0.2 * h.abs().sum() / (120 * 6)
        loss.backward()
        adam.step()
    torch.testing.assert_close(trained[0].weight, w, rtol=1e-7, atol=1e-9)


def test_frozen_layers_are_passed_over(data: Data) -> None:
    model = ep.mlp([8, 6, 5, 4], seed=1)
    model[0].requires_grad_(False)
    trained = before_training(model, data, 0.1)
    assert torch.equal(trained[0].weight, model[0].weight)
    assert not torch.equal(trained[2].weight, model[2].weight)
