"""The captured steps on a GPU against the plain loop there and on the CPU."""

import gc
import math
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn

import eigenprune as ep
from eigenprune import cuda_graphs, ensemble

if not torch.cuda.is_available():
    pytest.skip(
        "no CUDA device: the captured steps can be tried on a GPU only", allow_module_level=True
    )

SEEDS = [3, 1, 4]
# 60 rows: eight steps of an epoch can be captured; the ninth, with four rows, cannot.
OPTIONS: dict[str, object] = {"epochs": 5, "batch_size": 7, "learning_rate": 0.01}
KINDS: dict[str, dict[str, object]] = {
    "dense": {"layer": "dense", "bias": True, "activation": "tanh"},
    "spectral": {"bias": True, "activation": "elu"},
    "lambda_in": {"eigenvalues_in": True},
    "frozen eigenvectors": {"frozen": ["eigenvectors"], "bias": True},
}


def data(device: str, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.rand(60, 8, generator=generator, dtype=torch.float64)
    return inputs.to(device, dtype), (inputs[:, 0] * 3).long().to(device)


def networks(masked: bool = False, **options: object) -> list[nn.Sequential]:
    models = [ep.mlp([8, 12, 9, 3], seed=seed, **options).double() for seed in (1, 2, 3)]
    if not masked:
        return models
    generator = torch.Generator().manual_seed(2)
    drawn = [[torch.rand(n, generator=generator) < 0.6 for n in (12, 9)] for _ in models]
    return [ep.masked(*pair) for pair in zip(models, drawn, strict=True)]


def assert_same(trained: list, reference: list, tolerance: float = 1e-8) -> None:
    for (model, losses), (other, other_losses) in zip(trained, reference, strict=True):
        assert losses == pytest.approx(other_losses, rel=tolerance)
        for a, b in zip(model.parameters(), other.parameters(), strict=True):
            assert torch.allclose(a.cpu(), b.cpu(), rtol=tolerance, atol=tolerance)


def alone(models: list[nn.Sequential], device: str) -> list:
    return [
        ep.train(model, *data(device), seed=seed, **OPTIONS)
        for model, seed in zip(models, SEEDS, strict=True)
    ]


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("kind", KINDS)
def test_captured_steps_equal_the_plain_loop(kind: str, masked: bool) -> None:
    models = networks(masked, **KINDS[kind])
    capture = cuda_graphs.CapturedStep._capture
    with patch.object(cuda_graphs.CapturedStep, "_capture", autospec=True) as captured:
        captured.side_effect = capture
        trained = ep.train_together(models, *data("cuda"), seeds=SEEDS, **OPTIONS)
    assert captured.call_count == 1
    assert all(tensor.is_cuda for model, _ in trained for tensor in model.state_dict().values())
    assert_same(trained, alone(models, "cuda"))
    assert_same(trained, alone(models, "cpu"))


@pytest.mark.parametrize("kind", KINDS)
def test_captured_steps_equal_plain_steps(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32, as in the study: the same kernels run, but are launched one by one."""
    models = [model.float() for model in networks(**KINDS[kind])]
    given = data("cuda", torch.float32)
    captured = ep.train_together(models, *given, seeds=SEEDS, **OPTIONS)
    monkeypatch.setattr(ensemble, "CapturedStep", lambda step, rows: step)
    plain = ep.train_together(models, *given, seeds=SEEDS, **OPTIONS)
    assert_same(captured, plain, tolerance=1e-4)


def test_full_precision_is_torchs_choice_and_stays() -> None:
    before = torch.backends.cuda.matmul.allow_tf32
    ep.train_together(networks(), *data("cuda"), seeds=SEEDS, **OPTIONS)
    assert torch.backends.cuda.matmul.allow_tf32 == before is False


def test_a_network_that_diverges_leaves_the_others_alone() -> None:
    models = networks()
    with torch.no_grad():
        models[1][0].eigenvectors[0, 0] = torch.inf
    trained = ep.train_together(models, *data("cuda"), seeds=SEEDS, **OPTIONS)
    reference = alone(models, "cuda")
    assert all(map(math.isnan, trained[1][1]))
    assert_same([trained[0], trained[2]], [reference[0], reference[2]])


def test_a_second_training_finds_everything_as_the_first_did() -> None:
    """A graph leaves nothing behind: memory does not grow and the numbers stay the same."""
    first = ep.train_together(networks(), *data("cuda"), seeds=SEEDS, **OPTIONS)
    gc.collect()
    held = torch.cuda.memory_allocated()
    for _ in range(3):
        again = ep.train_together(networks(), *data("cuda"), seeds=SEEDS, **OPTIONS)
        assert_same(again, first, tolerance=1e-12)
    del again
    gc.collect()
    assert torch.cuda.memory_allocated() <= held + 2**20
