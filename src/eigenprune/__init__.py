"""Spectral layers and node pruning for fully connected networks.

    >>> import eigenprune as ep
    >>> model = ep.mlp([64, 100, 10], activation="relu", seed=1)
    >>> masks = ep.select_nodes(ep.importance.eigenvalue(model), pruning_ratio=0.9)
    >>> ep.compact(model, masks)[0]
    SpectralLinear(in_features=64, out_features=10, bias=False, eigenvalues_in=False)

Names are loaded when first used, so that `eigenprune --help` does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eigenprune import (
        compression,
        connections,
        growing,
        importance,
        paths,
        regularisers,
        residual,
        saliency,
        sanity,
        synflow,
    )
    from eigenprune.checkpoints import load_checkpoint, save_checkpoint
    from eigenprune.divergence import Diverged
    from eigenprune.ensemble import train_together
    from eigenprune.layers import SpectralLinear
    from eigenprune.metrics import evaluate, multiply_accumulates, parameters
    from eigenprune.networks import mlp
    from eigenprune.pruning import compact, masked, select_nodes
    from eigenprune.reconstruction import reconstruct
    from eigenprune.training import train

__all__ = [
    "Diverged",
    "SpectralLinear",
    "compact",
    "compression",
    "connections",
    "evaluate",
    "growing",
    "importance",
    "load_checkpoint",
    "masked",
    "mlp",
    "multiply_accumulates",
    "parameters",
    "paths",
    "reconstruct",
    "regularisers",
    "residual",
    "saliency",
    "sanity",
    "save_checkpoint",
    "select_nodes",
    "synflow",
    "train",
    "train_together",
]

_MODULES = (
    "compression",
    "connections",
    "growing",
    "importance",
    "paths",
    "regularisers",
    "residual",
    "saliency",
    "sanity",
    "synflow",
)
_MODULE_OF = {
    "Diverged": "divergence",
    "SpectralLinear": "layers",
    "compact": "pruning",
    "evaluate": "metrics",
    "load_checkpoint": "checkpoints",
    "masked": "pruning",
    "mlp": "networks",
    "multiply_accumulates": "metrics",
    "parameters": "metrics",
    "reconstruct": "reconstruction",
    "save_checkpoint": "checkpoints",
    "select_nodes": "pruning",
    "train": "training",
    "train_together": "ensemble",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"eigenprune.{name}")
    if name in _MODULE_OF:
        return getattr(import_module(f"eigenprune.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'eigenprune' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
