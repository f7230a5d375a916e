"""Layers behind pruned ones, refitted: least squares, and no change where nothing is missing."""

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune.networks import fully_connected
from eigenprune.reconstruction import reconstruct

WIDTHS = [8, 20, 16, 3]
INPUTS = torch.rand(200, 8, generator=torch.Generator().manual_seed(1))


def network(layer: str, *, bias: bool = False, activation: str = "tanh") -> nn.Sequential:
    model = ep.mlp(WIDTHS, layer=layer, bias=bias, activation=activation, seed=1)
    if bias:
        with torch.no_grad():
            for each in fully_connected(model):
                each.bias.copy_(torch.linspace(-1, 1, len(each.bias)))
    return model


def masks_of(ratio: float) -> list[Tensor]:
    return ep.select_nodes(ep.importance.random(network("dense"), seed=4), ratio)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_where_nothing_is_removed_nothing_is_changed(layer: str, bias: bool) -> None:
    model = network(layer, bias=bias)
    found = reconstruct(model, masks_of(0), INPUTS)
    for one, other in zip(fully_connected(found), fully_connected(model), strict=True):
        torch.testing.assert_close(one.weight, other.weight)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("layer", ["dense", "spectral"])
def test_each_layer_is_the_least_squares_fit_to_what_it_gave(layer: str, bias: bool) -> None:
    """The plain reference: torch's least squares, layer by layer, behind the fitted layers."""
    model, masks = network(layer, bias=bias), masks_of(0.5)
    found = reconstruct(model, masks, INPUTS)
    kept = [*masks, torch.ones(3, dtype=torch.bool)]
    wanted, reached = INPUTS, INPUTS
    for number, (before, after) in enumerate(zip(model, found, strict=True)):
        wanted = before(wanted).detach()
        if isinstance(after, nn.Linear) and number:
            columns = [reached, torch.ones(len(reached), 1)] if bias else [reached]
            target = wanted[:, kept[number // 2]].double()
            least = torch.linalg.lstsq(torch.cat(columns, dim=1).double(), target)
            missed = target - torch.cat(columns, dim=1).double() @ least.solution
            found_missed = target - after(reached).detach().double()
            # The pull towards the old weights costs next to nothing of what the fit explains.
            allowed = 1.02 * missed.norm() + 1e-3 * target.norm()
            assert 0.999 * missed.norm() <= found_missed.norm() < allowed
        reached = after(reached).detach()
    assert [each.out_features for each in fully_connected(found)] == [int(k.sum()) for k in kept]


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8])
def test_it_is_nearer_to_the_whole_network_than_what_is_only_cut(ratio: float) -> None:
    model, masks = network("dense", activation="relu"), masks_of(ratio)
    unseen = torch.rand(500, 8, generator=torch.Generator().manual_seed(2))
    cut, fitted = ep.compact(model, masks), reconstruct(model, masks, INPUTS)
    with torch.no_grad():
        away = [float((each(unseen) - model(unseen)).norm()) for each in (fitted, cut)]
    assert away[0] < 0.9 * away[1]


def test_a_node_that_another_repeats_can_go_for_nothing() -> None:
    model = ep.mlp([8, 6, 6, 3], layer="dense", activation="relu", seed=1)
    with torch.no_grad():
        model[0].weight[1] = 2 * model[0].weight[0]
    masks = [torch.arange(6) != 1, torch.ones(6, dtype=torch.bool)]
    fitted = reconstruct(model, masks, INPUTS)
    torch.testing.assert_close(fitted(INPUTS), model(INPUTS), rtol=1e-3, atol=1e-4)
    cut = ep.compact(model, masks)
    assert not torch.allclose(cut(INPUTS), model(INPUTS), atol=0.01), "the control"


def test_of_silent_nodes_nothing_is_learned() -> None:
    model, masks = network("dense", activation="relu"), masks_of(0.5)
    fitted, cut = reconstruct(model, masks, torch.zeros(5, 8)), ep.compact(model, masks)
    for one, other in zip(fully_connected(fitted), fully_connected(cut), strict=True):
        assert torch.equal(one.weight, other.weight)


def test_autocast_has_no_part_in_it() -> None:
    """Rounded to eight bits, the sums of the least-squares problem would be other sums."""
    model, masks = network("dense"), masks_of(0.5)
    wanted = reconstruct(model, masks, INPUTS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = reconstruct(model, masks, INPUTS)
    assert all(map(torch.equal, wanted.state_dict().values(), found.state_dict().values()))


def test_the_network_is_left_as_it_is_and_its_mode_kept() -> None:
    model = network("spectral").eval()
    before = [each.clone() for each in model.state_dict().values()]
    fitted = reconstruct(model, masks_of(0.5), INPUTS)
    assert all(map(torch.equal, before, model.state_dict().values()))
    assert not fitted.training and fitted.train().training
    assert all(parameter.requires_grad for parameter in fitted.parameters())


def test_what_cannot_be_fitted_is_refused() -> None:
    model, masks = network("dense"), masks_of(0.5)
    with pytest.raises(ValueError, match=r"^0 inputs: "):
        reconstruct(model, masks, INPUTS[:0])
    with pytest.raises(ValueError, match="the network is masked"):
        reconstruct(ep.masked(model, masks), masks, INPUTS)
    for wrong, named in (
        (INPUTS.numpy(), "^inputs: a ndarray"),
        (INPUTS[:, :3], r"\(rows, 8\) wanted"),
        (INPUTS[None], r"\(rows, 8\) wanted"),
        (INPUTS.half(), "inputs of dtype torch.float16"),
    ):
        with pytest.raises(ValueError, match=named):
            reconstruct(model, masks, wrong)
    for value in (torch.nan, torch.inf):
        with pytest.raises(ep.Diverged, match=r"^inputs: some are not finite"):
            reconstruct(model, masks, INPUTS * value)
