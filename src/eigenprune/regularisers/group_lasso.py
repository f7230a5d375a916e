"""Group lasso: whole nodes go to zero, by a proximal step."""

import torch
from torch import Tensor, nn

from eigenprune.regularisers.base import Regulariser
from eigenprune.regularisers.scaling import (
    layers_to_scale,
    scale_incoming,
)


class GroupLasso(Regulariser):
    r"""Shorten the weights of every hidden node by the same length, and short ones to zero.

    The penalty is :math:`s \sum_i \lVert w_i \rVert_2` over the hidden nodes, :math:`w_i` being
    the incoming weights and, where there is one, the bias. The penalty has a kink at zero, which
    gradient descent never hits. Therefore each step of the optimiser, with learning rate eta, is
    followed by the proximal step

    .. math:: w_i \leftarrow \max\left(0,\; 1 - \frac{\eta s}{\lVert w_i\rVert_2}\right) w_i

    Adam has no single step size: it divides each gradient by its own root mean square. The proximal
    step uses eta itself, as decoupled weight decay does. The strength is therefore relative to
    Adam's steps and not to the gradients, and the reported loss is the cross-entropy. The strength
    of `GroupLassoInLoss`, whose penalty contributes to the gradients, is in other units. Groups in
    all layers weigh the same, whatever their size.

    A relu node whose weights are all zero gets no gradient and stays silent. In a spectral layer
    the eigenvectors are shortened.

    Args:
        strength: s, 0 or more.

    Raises:
        ValueError: in `prepare`, if the weights, eigenvectors or biases of a hidden layer are
            frozen, or two layers share a parameter.

    Source: Yuan and Lin, J R Stat Soc B 68 (2006), there for linear regression; Wen et al., NIPS
    2016 (arXiv 1608.03665), for networks. The proximal step: Parikh and Boyd, Proximal Algorithms
    (2014), sect. 6.5.

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=GroupLasso(1e4))
        >>> int(importance.weight_norm(model)[0].count_nonzero())
        0
    """

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Find the hidden layers."""
        self.layers = layers_to_scale(model)
        return model

    @torch.no_grad()
    def after_step(self, model: nn.Sequential, learning_rate: float) -> None:
        """The proximal step."""
        for layer in self.layers:
            norms = layer.weight.norm(dim=1)
            if layer.bias is not None:
                norms = torch.hypot(norms, layer.bias)
            # Where the norm is 0 there is nothing to shorten, but 0/0 must not arise.
            norms = norms.clamp_min(torch.finfo(norms.dtype).tiny)
            scale_incoming(layer, (1 - learning_rate * self.strength / norms).clamp_min(0))
