"""Penalties on the weights w of all layers, the output layer included.

If the output layer were left out, a relu network could escape the penalty: it could shrink its
hidden weights, stretch those of the output and compute the same function. A spectral layer is
penalised through the weights it computes with, whatever its gauge. Biases are not penalised.
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
    r"""Squared weights, :math:`R = \sum_{ij} w_{ij}^2` over all layers, without a factor one half.

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


class GroupLassoInLoss(_WeightPenalty):
    r"""Norms of the weights of each node, :math:`R = \sum_i \lVert w_i \rVert_2` over all layers.

    The penalty of `GroupLasso`, but minimised by the optimiser like any other, and on the output
    layer too. Adam hits no kink, so no norm becomes exactly zero, and its steps are as long where
    the penalty is weak as where it is strong. Adam treats a penalty on both factors of a spectral
    layer in the same way. L2 penalties of strengths a and b on the two factors amount to this
    penalty with :math:`s = 2\sqrt{ab}`, since

    .. math:: \min_{\lambda_i \varphi_i = -w_i} a\lambda_i^2 + b\lVert\varphi_i\rVert_2^2
        = 2\sqrt{ab}\, \lVert w_i \rVert_2

    so that with twice the strength of `EigenvalueL2EigenvectorL2` this is its dense twin.

    Args:
        strength: s, 0 or more.

    Source: Yuan and Lin, J R Stat Soc B 68 (2006), there for linear regression.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> lasso, model = GroupLassoInLoss(0.1), mlp([8, 5, 2], layer="dense")
        >>> _ = lasso.prepare(model, torch.rand(4, 8), seed=0)
        >>> norms = [weights.norm(dim=1).sum() for weights in model.parameters()]
        >>> torch.allclose(lasso.penalty(), sum(norms))
        True
    """

    def penalty(self) -> Tensor:
        """R, a number."""
        return total([layer.weight.norm(dim=1) for layer in self.layers])
