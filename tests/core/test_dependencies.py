"""What the core needs: torch, and only when something is used."""

import subprocess
import sys
from collections.abc import Callable, Collection

import pytest

USE = """
import torch
import eigenprune as ep
model = ep.mlp([4, 5, 3], eigenvalues_in=True)
inputs, targets = torch.rand(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
model, _ = ep.train(model, inputs, targets, epochs=1)
ep.train_together([model, model], inputs, targets, epochs=1, seeds=[1, 2])
for score in ep.importance.SCORES.values():
    masks = ep.select_nodes(score(model), 0.5)
    ep.evaluate(ep.compact(model, masks), inputs, targets)
    ep.evaluate(ep.masked(model, masks), inputs, targets)
ep.parameters(model), ep.multiply_accumulates(model), ep.save_checkpoint, ep.load_checkpoint
assert sorted(ep.__all__) == dir(ep)
assert all(hasattr(ep, name) for name in ep.__all__) and not hasattr(ep, "nothing")
"""
OTHERS = ("numpy", "pandas", "yaml", "typer", "rich", "scipy", "sklearn", "torchvision")


Hide = Callable[[Collection[str]], str]


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_the_core_needs_torch_alone(hide: Hide) -> None:
    done = python(hide((*OTHERS, "safetensors")) + USE)
    assert done.returncode == 0, done.stderr


def test_what_is_hidden_cannot_be_imported(hide: Hide) -> None:
    done = python(hide(OTHERS) + "import yaml")
    assert done.returncode == 1 and "No module named 'yaml'" in done.stderr


@pytest.mark.parametrize(
    "module",
    ["eigenprune", "eigenprune.lab.studies", "eigenprune.report.arena.rival_exhibits"],
)
def test_torch_is_not_imported_before_it_is_used(module: str) -> None:
    done = python(f"import sys, {module}; print('torch' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr
