"""Numbers below the smallest normal one: zero during training, treated as before afterwards."""

from functools import partial

import pytest
import torch

import eigenprune as ep
from eigenprune import denormals


def are_there() -> bool:
    return float(torch.tensor(1e-38) / 10) > 0


needs_support = pytest.mark.skipif(
    not torch.set_flush_denormal(False), reason="this processor cannot take them for zero"
)


@needs_support
@pytest.mark.parametrize("before", [True, False])
def test_what_was_set_before_comes_back(before: bool) -> None:
    torch.set_flush_denormal(before)
    try:
        with pytest.raises(KeyError), denormals.as_zero():
            assert not are_there()
            raise KeyError
        assert are_there() != before
    finally:
        torch.set_flush_denormal(False)


@needs_support
@pytest.mark.parametrize("together", [True, False])
def test_training_makes_none_and_leaves_the_processor_as_it_was(together: bool) -> None:
    seen: list[bool] = []
    inputs, targets = torch.rand(20, 4), torch.tensor([0, 1] * 10)
    model = ep.mlp([4, 3, 2], seed=1)
    train = partial(ep.train_together, [model], seeds=[1]) if together else partial(ep.train, model)
    train(inputs, targets, epochs=1, watch=lambda epoch, watched: seen.append(are_there()))
    assert seen == [False, False]
    assert are_there()
