"""Penalties on the weights w of all layers, the output layer included.

Were it left out, a network of relus could shrink its hidden weights and stretch the output's for
the same function, and escape. A spectral layer is penalised through the weights it computes with,
whatever its gauge. Biases are free.
"""

from torch import Tensor, nn

from eigenprune.networks import fully_connected
from eigenprune.regularisers.penalty import Penalty, total


class _WeightPenalty(Penalty):
    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        self.layers = fully_connected(model)
        return model


class L1(_WeightPenalty):
    r"""Absolute weights, :math:`R = \sum_{ij} |w_{ij}|` over all layers.

    Args:
        strength: s, 0 or more.

    Source: Tibshirani, J R Stat Soc B 58 (1996), there for linear regression.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> l1, model = L1(0.1), mlp([8, 5, 2], layer="dense")
        >>> _ = l1.prepare(model, torch.rand(4, 8), seed=0)
        >>> torch.allclose(l1.penalty(), sum(w.abs().sum() for w in model.parameters()))
        True
    """

    def penalty(self) -> Tensor:
        """R, a number."""
        return total([layer.weight.abs() for layer in self.layers])


class L2(_WeightPenalty):
    r"""Squared weights, :math:`R = \sum_{ij} w_{ij}^2` over all layers; no factor one half.

    Args:
        strength: s, 0 or more.

    Source: Krogh and Hertz, NIPS 1991, as weight decay.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> l2, model = L2(0.1), mlp([8, 5, 2], layer="dense")
        >>> _ = l2.prepare(model, torch.rand(4, 8), seed=0)
        >>> torch.allclose(l2.penalty(), sum((w ** 2).sum() for w in model.parameters()))
        True
    """

    def penalty(self) -> Tensor:
        """R, a number."""
        return total([layer.weight**2 for layer in self.layers])
