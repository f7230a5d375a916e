"""Networks on disk: safetensors with the architecture in the header, never pickle."""

import json
import os
import uuid
from pathlib import Path

from torch import Tensor, nn

from eigenprune.layers import SpectralLinear
from eigenprune.networks import ACTIVATIONS, fully_connected

_NAME_OF = {kind: name for name, kind in ACTIVATIONS.items()}


def save_checkpoint(model: nn.Sequential, path: str | os.PathLike[str]) -> None:
    """Write a network made by `mlp`, `train` or `compact` to a safetensors file.

    The file is written beside its place and renamed, so that it is whole or not there.

    Raises:
        ValueError: if the network holds a module that `load_checkpoint` could not make again.

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
    from safetensors.torch import save_file

    fully_connected(model)
    header = {"eigenprune": json.dumps([_describe(module) for module in model])}
    state = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        save_file(state, temporary, metadata=header)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: str | os.PathLike[str], device: str = "cpu") -> nn.Sequential:
    """Read a network that `save_checkpoint` wrote.

    Raises:
        ValueError: if the file is not such a checkpoint or is damaged.
        FileNotFoundError: if it is not there.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device=device) as file:
            header = (file.metadata() or {}).get("eigenprune")
            state: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({error})") from error
    if header is None:
        raise ValueError(f"{path}: no network of eigenprune (its header does not describe one)")
    model = nn.Sequential(*(_build(description) for description in json.loads(header)))
    model.load_state_dict(state)
    for module, description in zip(model, json.loads(header), strict=True):
        for name in description.get("frozen", ()):
            getattr(module, name).requires_grad_(False)
    return model.to(device)


def _describe(module: nn.Module) -> dict[str, object]:
    if isinstance(module, SpectralLinear | nn.Linear):
        frozen = [name for name, value in module.named_parameters() if not value.requires_grad]
        description: dict[str, object] = {
            "kind": "spectral" if isinstance(module, SpectralLinear) else "dense",
            "in_features": module.in_features,
            "out_features": module.out_features,
            "bias": module.bias is not None,
            "frozen": frozen,
        }
        if isinstance(module, SpectralLinear):
            description["eigenvalues_in"] = module.eigenvalues_in is not None
        return description
    if type(module) in _NAME_OF:
        return {"kind": _NAME_OF[type(module)]}
    raise ValueError(
        f"a {type(module).__name__} cannot be kept in a checkpoint: SpectralLinear, nn.Linear and "
        f"the activations {', '.join(ACTIVATIONS)} can"
    )


def _build(description: dict[str, object]) -> nn.Module:
    options = {k: v for k, v in description.items() if k not in ("kind", "frozen")}
    kind = str(description["kind"])
    if kind == "spectral":
        return SpectralLinear(**options)  # type: ignore[arg-type]
    if kind == "dense":
        return nn.Linear(**options)  # type: ignore[arg-type]
    return ACTIVATIONS[kind]()
