"""Hard thresholding: exactly the short nodes go, and they may grow back until the end."""

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.regularisers import HardThreshold

Data = tuple[Tensor, Tensor]


@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_short_nodes_are_silent_and_the_others_are_left(layer: str) -> None:
    model = ep.mlp([8, 20, 10, 4], layer=layer, bias=True, activation="tanh", seed=1)
    with torch.no_grad():
        model[0].bias.fill_(0.3)
        for module in (model[0], model[2]):
            rows = next(p for p in module.parameters() if p.ndim == 2)
            rows.mul_(torch.linspace(0.1, 1, len(rows))[:, None])
    before = [model[i].weight.detach().clone() for i in (0, 2, 4)]
    regulariser = HardThreshold(0.6)
    regulariser.prepare(model, torch.zeros(1, 8), seed=0)
    regulariser.after_epoch(model, torch.optim.Adam(model.parameters()), 1, 1)
    for index, weight in zip((0, 2), before, strict=False):
        norms = [float(row.norm()) for row in weight]
        short = [norm < 0.6 * max(norms) for norm in norms]
        assert 0 < sum(short) < len(short)
        for i, is_short in enumerate(short):
            wanted = torch.zeros_like(weight[i]) if is_short else weight[i]
            assert torch.equal(model[index].weight[i], wanted)
            assert index or model[0].bias[i].item() == pytest.approx(0.0 if is_short else 0.3)
    assert torch.equal(model[4].weight, before[2])


def test_the_last_epoch_leaves_silent_nodes_and_an_epoch_before_may_not(data: Data) -> None:
    silent: list[list[int]] = []

    class Watched(HardThreshold):
        def after_epoch(
            self, model: nn.Sequential, optimiser: torch.optim.Optimizer, epoch: int, epochs: int
        ) -> None:
            before = ep.importance.weight_norm(model)[0]
            super().after_epoch(model, optimiser, epoch, epochs)
            silent.append([int((before == 0).sum()), self.count(model)])

        def count(self, model: nn.Sequential) -> int:
            return int((ep.importance.weight_norm(model)[0] == 0).sum())

    model = ep.mlp([8, 40, 4], layer="dense", activation="tanh", seed=1)
    trained, _ = ep.train(
        model, *data, epochs=20, batch_size=30, learning_rate=0.01, regulariser=Watched(0.5)
    )
    assert silent[0][1] > 0
    # Adam's momentum moves weights that were set to zero.
    assert silent[1][0] == 0
    assert silent[-1][1] == int((ep.importance.weight_norm(trained)[0] == 0).sum()) > 0
    assert ep.evaluate(trained, *data)[0] > 0.9
