"""Networks on disk: safetensors with the architecture in the header, never pickle."""

import hashlib
import json
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from eigenprune.files import write_whole
from eigenprune.layers import SpectralLinear
from eigenprune.networks import ACTIVATIONS, NodeMask, placed, require_plain, require_untied

_NAME_OF = {kind: name for name, kind in ACTIVATIONS.items()}


def save_checkpoint(model: nn.Sequential, path: str | os.PathLike[str]) -> None:
    """Write a network made by `mlp`, `train` or `compact` to a safetensors file.

    The file is written under a temporary name and then renamed, so that it is either complete or
    absent. A checksum in its header covers all of its content.

    Raises:
        ValueError: if the network holds a module that `load_checkpoint` could not rebuild, or see
            `networks.require_plain` and `networks.require_untied`.

    Example:
        >>> import tempfile, torch
        >>> from eigenprune import mlp
        >>> model = mlp([8, 6, 3], seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_checkpoint(model, f"{folder}/model.safetensors")
        ...     again = load_checkpoint(f"{folder}/model.safetensors")
        >>> torch.equal(model[0].weight, again[0].weight)
        True
    """
    from safetensors.torch import save

    require_plain(model)
    require_untied(model)
    modules = {name: _describe(module) for name, module in placed(model)}
    state = {name: tensor.contiguous().cpu() for name, tensor in model.state_dict().items()}
    # One entry only: safetensors writes several in an order of its own.
    header = json.dumps({"modules": modules, "sha256": _checksum(modules, state)})
    write_whole(Path(path), save(state, metadata={"eigenprune": header}))


def load_checkpoint(path: str | os.PathLike[str], device: str = "cpu") -> nn.Sequential:
    """Read a network that `save_checkpoint` wrote.

    Raises:
        ValueError: if the file is not such a checkpoint or any byte of it has changed.
        FileNotFoundError: if there is no such file.
    """
    from safetensors import SafetensorError, safe_open

    if Path(path).is_dir():
        raise ValueError(f"{path}: a folder, and the file of a checkpoint is wanted")
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get("eigenprune")
            state: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error})") from error
    if header is None:
        raise ValueError(f"{path}: no network of eigenprune (its header does not describe one)")
    try:
        content = json.loads(header)
        intact = _checksum(content["modules"], state) == content["sha256"]
    except (ValueError, KeyError, TypeError):
        intact = False
    if not intact:
        raise ValueError(f"{path}: damaged, its content does not agree with its checksum")
    with torch.random.fork_rng(devices=[]):  # the values drawn are overwritten at once
        model = nn.Sequential(
            OrderedDict(
                (name, _build(description)) for name, description in content["modules"].items()
            )
        )
    model.load_state_dict(state, assign=True)
    return model.to(device)


def _checksum(modules: dict[str, Any], state: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(modules).encode())
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _describe(module: nn.Module) -> dict[str, Any]:
    if isinstance(module, SpectralLinear | nn.Linear):
        description: dict[str, Any] = {
            "kind": "spectral" if isinstance(module, SpectralLinear) else "dense",
            "in_features": module.in_features,
            "out_features": module.out_features,
            "bias": module.bias is not None,
            "frozen": [name for name, v in module.named_parameters() if not v.requires_grad],
        }
        if isinstance(module, SpectralLinear):
            description["eigenvalues_in"] = module.eigenvalues_in is not None
            description["initialisation"] = module.initialisation
        return description
    # An activation with settings of its own, such as ELU(alpha=0.5), prints differently.
    if type(module) in _NAME_OF and repr(module) == repr(type(module)()):
        return {"kind": _NAME_OF[type(module)]}
    if isinstance(module, NodeMask):
        raise ValueError(
            "the network is masked, and masks are not kept in a checkpoint: `compact` it with its "
            "masks, or save the network that it was made of"
        )
    raise ValueError(
        f"{module!r} cannot be kept in a checkpoint: SpectralLinear, nn.Linear and the activations "
        f"{', '.join(ACTIVATIONS)} can"
    )


def _build(description: dict[str, Any]) -> nn.Module:
    options = {k: v for k, v in description.items() if k not in ("kind", "frozen")}
    kind = description["kind"]
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind]()
    layer = SpectralLinear(**options) if kind == "spectral" else nn.Linear(**options)
    for name in description["frozen"]:
        layer.get_parameter(name).requires_grad_(False)
    return layer
