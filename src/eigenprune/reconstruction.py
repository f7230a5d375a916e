"""Pruning with reconstruction: layers are refitted to their former outputs, without labels."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eigenprune.divergence import Diverged
from eigenprune.networks import NodeMask, as_dense, fully_connected, require_usable
from eigenprune.pruning import compact

# Relative to the mean square of a node's activations; it decides about weights that the examples
# leave undetermined.
RIDGE = 1e-6


@torch.no_grad()
def reconstruct(model: nn.Sequential, masks: Sequence[Tensor], inputs: Tensor) -> nn.Sequential:
    r"""The smaller network, with its layers fitted to the outputs that they had in the whole one.

    All layers from the first one behind a pruned layer to the last are fitted. Let :math:`A'`,
    (rows, kept nodes), be the inputs of a layer in the smaller network, :math:`Z`, (rows, nodes),
    its outputs in the whole network before the activation, and w its weights for the kept nodes in
    the whole network. Its new weights are

    .. math:: W' = \arg\min_W \lVert Z - A' W^T \rVert_F^2
        + \epsilon\, \lVert W - w \rVert_F^2

    and its bias, if it has one, is fitted in the same way, as the weight of one more node, which
    is always 1. Epsilon is RIDGE times the mean over the nodes of :math:`\sum_n A'^2_{nj}`, that
    node included: weights on which the examples say nothing stay as they were.
    The inputs of later layers come from the fitted layers before them, so that errors do not add
    up. Nothing is trained, and no class labels are used.

    Args:
        model: a trained network, see `networks.mlp`; left as it is.
        masks: one bool tensor (nodes,) per hidden layer, see `pruning.select_nodes`.
        inputs: examples, (rows, features), on the model's device.

    Returns:
        The smaller network. Its layers are dense, because weights fitted in this way have no
        eigenvalues.

    Raises:
        ValueError: if the inputs do not fit the network or there are none, the network is masked,
            or see `pruning.compact`.
        eigenprune.Diverged: a ValueError, if an input is infinite or not a number.

    Source: He, Zhang and Sun, ICCV 2017 (arXiv 1707.06168), sect. 3.1, and Luo, Wu and Lin, ICCV
    2017 (arXiv 1707.06342), there for the channels of convolutions; the pull towards the former
    weights is ours.

    Example:
        >>> import torch
        >>> from eigenprune import importance, mlp, select_nodes
        >>> model, x = mlp([8, 60, 60, 2], layer="dense", seed=1), torch.rand(200, 8)
        >>> masks = select_nodes(importance.random(model), 0.8)
        >>> cut, fitted = compact(model, masks), reconstruct(model, masks, x)
        >>> bool((fitted(x) - model(x)).norm() < 0.5 * (cut(x) - model(x)).norm())
        True
    """
    if any(isinstance(module, NodeMask) for module in model):
        raise ValueError("the network is masked: reconstruct the one that it was made of")
    require_usable(model, inputs)
    if inputs.ndim != 2:
        raise ValueError(f"inputs of shape {tuple(inputs.shape)}: (rows, features) wanted")
    if not inputs.isfinite().all():
        raise Diverged("inputs: some are not finite; nothing can be fitted to them")
    small = as_dense(compact(model, masks))
    whole = as_dense(model)
    with torch.autocast(inputs.device.type, enabled=False):  # autocast would round the sums
        _fit_all(whole.eval(), small.eval(), masks, inputs)
    return small.train(model.training)


def _fit_all(
    whole: nn.Sequential, small: nn.Sequential, masks: Sequence[Tensor], inputs: Tensor
) -> None:
    """Change the layers of `small` after pruned ones, see `reconstruct`."""
    every = torch.ones(
        fully_connected(whole)[-1].out_features, dtype=torch.bool, device=inputs.device
    )
    kept = iter([*masks, every])
    wanted = found = inputs
    for before, after in zip(whole, small, strict=True):
        wanted = before(wanted)
        if isinstance(after, nn.Linear):
            nodes = next(kept).to(wanted.device)
            if found is not inputs:  # the first layer still has all its inputs
                _fit(after, found, wanted[:, nodes])
        found = after(found)


def _fit(layer: nn.Linear, inputs: Tensor, wanted: Tensor) -> None:
    """Change the layer by least squares, in double precision."""
    reached = inputs.double()
    if layer.bias is not None:
        reached = torch.cat([reached, torch.ones_like(reached[:, :1])], dim=1)
    missing = wanted.double() - layer(inputs).double()
    gram = reached.T @ reached
    # Above zero even if all nodes are silent, so that there is one solution: no change.
    ridge = (RIDGE * gram.diagonal().mean()).clamp_min(torch.finfo(gram.dtype).tiny)
    gram.diagonal().add_(ridge)
    change = torch.linalg.solve(gram, reached.T @ missing).T.to(layer.weight.dtype)
    layer.weight.add_(change[:, : layer.in_features])
    if layer.bias is not None:
        layer.bias.add_(change[:, -1])
