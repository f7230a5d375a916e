"""What the times of the benchmark mean."""

import time
from pathlib import Path
from unittest.mock import patch

import pytest

from eigenprune.lab import bench, datasets


def test_an_ensemble_is_timed_by_network_and_whole_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a training takes 1 s per row and network, every network takes the same time."""
    data = datasets.load("digits", tmp_path)
    clock = [0.0]

    def pretend(models, inputs, targets, *, epochs, batch_size, on_epoch, seeds=(0,)):  # type: ignore[no-untyped-def]
        for epoch in range(1, epochs + 1):
            clock[0] += len(inputs) * len(seeds)
            on_epoch(epoch, None)

    monkeypatch.setattr(bench, "train", pretend)
    monkeypatch.setattr(bench, "train_together", pretend)
    with patch.object(time, "perf_counter", lambda: clock[0]):
        timed = bench._training([data.features, 8, data.classes], data, turn=3)
    rows = bench._training_rows([timed], [timed, timed])
    assert [row.network for row in rows][-3:] == [
        f"ensemble of {size}, lambda_out" for size in (1, 5, 20)
    ]
    assert [row.alone for row in rows] == pytest.approx([len(data.train_inputs)] * len(rows))
    assert [row.alone_times_plain for row in rows] == pytest.approx([1] * len(rows))


def test_the_medians_are_taken_over_the_epochs_of_all_rounds() -> None:
    """A single process that favours one network does not decide the result."""
    rounds = [{"plain nn.Linear": [1.0, 1.0], "spectral, lambda_out": [s, s]} for s in (1, 2, 9)]
    rows = bench._training_rows(rounds[2:], rounds)
    assert [row.alone_times_plain for row in rows] == [1, 9]
    assert [row.side_by_side_times_plain for row in rows] == [1, 2]
    assert [row.alone_range for row in rows] == [(1, 1), (9, 9)]
    assert [row.side_by_side_range for row in rows] == [(1, 1), (1, 9)]


def test_rounds_train_the_networks_in_different_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the same network would always gain, or lose, by what was trained before it."""
    data = datasets.load("digits", tmp_path)
    trained: list[object] = []

    def pretend(training: object) -> list[float]:
        trained.append(training)
        return [float(len(trained))]

    monkeypatch.setattr(bench, "_counted_epochs", pretend)
    monkeypatch.setattr(bench, "_trainings", lambda *_: {n: (n, 1) for n in "abcdefgh"})
    places = []
    for turn in (0, 1, 1):
        trained.clear()
        timed = bench._training([data.features, 8, data.classes], data, turn)
        assert list(timed) == list("abcdefgh")
        places.append(timed)
    assert places[0] != places[1] == places[2]


def test_every_latency_is_told_beside_the_unpruned_network_of_its_batch() -> None:
    """A network that is twice as fast has a speed-up of two, whatever the size of the batch."""
    rounds = [
        {
            (kind, ratio, size): [size / speed]
            for size in (1, 64)
            for kind, ratio, speed in (("unpruned", 0.0, 1), ("compacted", 0.5, 2))
        }
    ]
    assert [row.speed_up for row in bench._inference_rows(rounds)] == [1, 2, 1, 2]
