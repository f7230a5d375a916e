"""Paths from inputs to outputs: found as by walking; connections on no path do nothing."""

import itertools

import torch

import eigenprune as ep
from eigenprune.connections import magnitude, select_connections, without_absent
from eigenprune.paths import dead_nodes, on_a_path

WIDTHS = [6, 5, 4, 3]


def test_paths_are_found_as_by_walking_all_of_them() -> None:
    generator = torch.Generator().manual_seed(2)
    for _ in range(20):
        masks = [
            torch.rand(n_out, n_in, generator=generator) < 0.25
            for n_in, n_out in itertools.pairwise(WIDTHS)
        ]
        wanted = [torch.zeros_like(mask) for mask in masks]
        for path in itertools.product(*map(range, WIDTHS)):
            steps = list(itertools.pairwise(path))
            if all(mask[i, j] for mask, (j, i) in zip(masks, steps, strict=True)):
                for mask, (j, i) in zip(wanted, steps, strict=True):
                    mask[i, j] = True
        assert all(map(torch.equal, on_a_path(masks), wanted))


def test_connections_on_no_path_do_nothing() -> None:
    model = ep.mlp(WIDTHS, layer="dense", activation="tanh", seed=1)
    masks = select_connections(magnitude(ep.mlp(WIDTHS, layer="dense", seed=5)), 0.8)
    on = on_a_path(masks)
    assert not all(map(torch.equal, on, masks))
    assert all(mask.any() for mask in on)
    x = torch.rand(8, 6)
    torch.testing.assert_close(without_absent(model, masks)(x), without_absent(model, on)(x))


def test_a_node_is_dead_without_connections_on_one_side() -> None:
    into = torch.tensor([[True, True], [False, False], [False, True]])
    out = torch.tensor([[True, True, False], [False, True, False]])
    assert dead_nodes([into, out])[0].tolist() == [False, True, True]
