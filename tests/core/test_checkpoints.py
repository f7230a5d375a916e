"""Networks on disk come back bit for bit, or not at all."""

import os
from collections import OrderedDict
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import eigenprune as ep


def same(one: nn.Sequential, other: nn.Sequential) -> bool:
    pairs = list(zip(one.parameters(), other.parameters(), strict=True))
    return (
        [type(module) for module in one] == [type(module) for module in other]
        and all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)
        and all(a.requires_grad == b.requires_grad for a, b in pairs)
    )


RELU = nn.ReLU()
NETWORKS = {
    "spectral": ep.mlp([5, 4, 3], seed=1),
    "dense": ep.mlp([5, 4, 3], layer="dense", bias=True, activation="tanh", seed=1),
    "lambda_in": ep.mlp([5, 4, 4, 3], bias=True, eigenvalues_in=True, activation="elu", seed=1),
    "frozen": ep.mlp([5, 4, 3], bias=True, frozen=("eigenvectors", "bias"), seed=1),
    "compacted": ep.compact(ep.mlp([5, 4, 3], seed=1), [torch.arange(4) < 2]),
    "float64": ep.mlp([5, 4, 3], seed=1).double(),
    "one layer": ep.mlp([5, 3], seed=1),
    "one activation in two places": nn.Sequential(
        nn.Linear(5, 4), RELU, ep.SpectralLinear(4, 4), RELU, nn.Linear(4, 3)
    ),
    "named modules": nn.Sequential(
        OrderedDict(first=ep.SpectralLinear(5, 4), act=nn.ReLU(), last=nn.Linear(4, 3))
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_round_trip(tmp_path: Path, name: str) -> None:
    model, path = NETWORKS[name], tmp_path / "model.safetensors"
    ep.save_checkpoint(model, path)
    again = ep.load_checkpoint(path)
    assert same(model, again)
    inputs = torch.rand(4, 5, dtype=next(model.parameters()).dtype)
    assert torch.equal(model(inputs), again(inputs))
    assert os.listdir(tmp_path) == ["model.safetensors"]
    # The same network is the same file.
    ep.save_checkpoint(again, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_what_a_layer_is_drawn_by_stays(tmp_path: Path) -> None:
    model = ep.mlp([4, 3, 2], initialisation="ones")
    ep.save_checkpoint(model, tmp_path / "model.safetensors")
    again = ep.load_checkpoint(tmp_path / "model.safetensors")
    again[0].reset_parameters()
    assert (again[0].eigenvalues_out == 1).all()


def test_reading_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    for name, model in NETWORKS.items():
        ep.save_checkpoint(model, tmp_path / name)
        before = torch.get_rng_state()
        ep.load_checkpoint(tmp_path / name)
        assert torch.equal(torch.get_rng_state(), before), name


# All examples use one file: each writes it again and damages it in its own way.
one_file_for_all = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.floats(0, 0.999))
@one_file_for_all
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "model.safetensors"
    ep.save_checkpoint(NETWORKS["frozen"], path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        ep.load_checkpoint(path)


@given(st.data())
@one_file_for_all
def test_a_damaged_byte_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Wherever the byte is: in the header, in the description or in the numbers."""
    path = tmp_path / "model.safetensors"
    ep.save_checkpoint(NETWORKS["frozen"], path)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        again = ep.load_checkpoint(path)
    except ValueError as error:
        assert "model.safetensors" in str(error)
    else:  # one white space character became another
        assert same(NETWORKS["frozen"], again)


def test_other_files_are_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"0.weight": torch.rand(2, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="no network of eigenprune"):
        ep.load_checkpoint(tmp_path / "other.safetensors")
    (tmp_path / "text").write_text("not a network")
    with pytest.raises(ValueError, match="text"):
        ep.load_checkpoint(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        ep.load_checkpoint(tmp_path / "missing")
    with pytest.raises(ValueError, match="a folder, and the file of a checkpoint is wanted"):
        ep.load_checkpoint(tmp_path)


def test_masked_and_tied_networks_are_refused_with_what_helps(tmp_path: Path) -> None:
    masked = ep.masked(ep.mlp([5, 4, 3]), [torch.arange(4) < 2])
    with pytest.raises(ValueError, match=r"the network is masked.*`compact` it"):
        ep.save_checkpoint(masked, tmp_path / "model")
    tied = ep.mlp([5, 4, 4, 4, 3], layer="dense")
    tied[4].weight = tied[2].weight
    with pytest.raises(ValueError, match=r"each layer needs parameters of its own: copy\.deepcopy"):
        ep.save_checkpoint(tied, tmp_path / "model")
