"""What a network achieves and what it costs."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune.networks import fully_connected, require_classes, require_rows

_ROWS_AT_ONCE = 10_000


@torch.no_grad()
def evaluate(model: nn.Module, inputs: Tensor, targets: Tensor) -> tuple[float, float]:
    """Accuracy (0 to 1) and mean cross-entropy (nats) on a set of examples.

    Args:
        model: maps inputs (rows, features) to logits (rows, classes).
        inputs: (rows, features), on the model's device.
        targets: (rows,) class numbers.

    Raises:
        ValueError: if there are no rows, not as many inputs as targets, or targets that are no
            classes.

    Example:
        >>> import torch
        >>> evaluate(nn.Identity(), torch.tensor([[9.0, 0.0], [9.0, 0.0]]), torch.tensor([0, 1]))[0]
        0.5
    """
    require_rows(inputs, targets)
    modes = [(module, module.training) for module in model.modules()]
    correct, loss = 0, 0.0
    try:
        model.eval()
        for start in range(0, len(inputs), _ROWS_AT_ONCE):
            logits = model(inputs[start : start + _ROWS_AT_ONCE])
            wanted = targets[start : start + _ROWS_AT_ONCE]
            require_classes(wanted, logits.shape[1])
            correct += int((logits.argmax(dim=1) == wanted).sum())
            if logits.dtype in (torch.float16, torch.bfloat16):
                logits = logits.float()  # these types cannot hold a sum over thousands of rows
            loss += float(F.cross_entropy(logits, wanted, reduction="sum"))
    finally:
        for module, mode in modes:
            module.training = mode
    return correct / len(inputs), loss / len(inputs)


def parameters(model: nn.Sequential) -> int:
    """Weights and biases of the network as it would be deployed, with plain dense layers.

    Eigenvalues and eigenvectors count as the weights that are computed from them, so that spectral
    and dense networks of one shape have the same number.

    Example:
        >>> from eigenprune import mlp
        >>> parameters(mlp([784, 500, 10]))
        397000
    """
    return sum(
        layer.in_features * layer.out_features
        + (layer.out_features if layer.bias is not None else 0)
        for layer in fully_connected(model)
    )


def multiply_accumulates(model: nn.Sequential) -> int:
    """Multiply-accumulate operations (MACs) for one example, activations not counted.

    Example:
        >>> from eigenprune import mlp
        >>> multiply_accumulates(mlp([784, 500, 10]))
        397000
    """
    return sum(layer.in_features * layer.out_features for layer in fully_connected(model))
