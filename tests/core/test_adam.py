"""The short step of Adam against torch's own."""

import copy

import pytest
import torch
from torch import nn

from eigenprune.adam import adam, forget_gradients, step


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steps_are_those_of_torch(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    ours = [nn.Parameter(torch.randn(n, 7, generator=generator, dtype=dtype)) for n in (5, 1, 33)]
    theirs = copy.deepcopy(ours)
    short, whole = adam(ours, 0.01), adam(theirs, 0.01)
    for number in range(8):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=generator, dtype=dtype)
            other.grad = one.grad.clone()
        if number == 4:  # a parameter without a gradient stays as it is
            ours[1].grad = theirs[1].grad = None
        step(short)
        whole.step()
        assert all(map(torch.equal, ours, theirs))
    assert short.state_dict()["state"].keys() == whole.state_dict()["state"].keys()
    for parameter, other in zip(ours, theirs, strict=True):
        assert short.state[parameter]["step"] == whole.state[other]["step"]


def test_a_parameter_that_learns_later_begins_then() -> None:
    ours = [nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(2))]
    theirs = copy.deepcopy(ours)
    short, whole = adam(ours, 0.1), adam(theirs, 0.1)
    for number in range(3):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = other.grad = None
        for place in range(1 if number == 0 else 2):
            ours[place].grad = torch.full_like(ours[place], 0.5)
            theirs[place].grad = torch.full_like(ours[place], 0.5)
        step(short)
        whole.step()
    assert all(map(torch.equal, ours, theirs))


def test_a_group_that_comes_later_begins_then() -> None:
    ours = [nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(2))]
    theirs = copy.deepcopy(ours)
    short, whole = adam(ours[:1], 0.1), adam(theirs[:1], 0.1)
    for number in range(3):
        if number == 1:
            short.add_param_group({"params": ours[1:], "lr": 0.3})
            whole.add_param_group({"params": theirs[1:], "lr": 0.3})
        for one, other in zip(ours, theirs, strict=True):
            one.grad, other.grad = torch.full_like(one, 0.5), torch.full_like(one, 0.5)
        step(short)
        whole.step()
    assert all(map(torch.equal, ours, theirs))


def test_without_gradients_nothing_moves() -> None:
    weight = nn.Parameter(torch.ones(2))
    step(adam([weight], 0.1))
    assert torch.equal(weight, torch.ones(2))


def test_gradients_are_forgotten() -> None:
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    forget_gradients(adam([weight], 0.1))
    assert weight.grad is None
