"""The reference training loop: short, deterministic, with the data in memory as one tensor."""

import copy
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from numbers import Real

import torch
from torch import Tensor, nn
from torch.nn.utils.prune import is_pruned

from eigenprune import denormals, heap, seeds
from eigenprune.adam import adam, forget_gradients, step
from eigenprune.counts import require_whole
from eigenprune.fixed_products import with_fixed_products
from eigenprune.gradients import WrittenOut, suits
from eigenprune.networks import fully_connected, require_examples
from eigenprune.onednn import faster_products
from eigenprune.regularisers.base import Regulariser


@torch.enable_grad()
@denormals.as_zero()
def train(
    model: nn.Sequential,
    inputs: Tensor,
    targets: Tensor,
    *,
    epochs: int,
    batch_size: int = 200,
    learning_rate: float = 1e-3,
    seed: int = 0,
    stream: str = "order",
    regulariser: Regulariser | None = None,
    on_epoch: Callable[[int, float], None] | None = None,
    watch: Callable[[int, nn.Sequential], None] | None = None,
) -> tuple[nn.Sequential, list[float]]:
    """Minimise the cross-entropy with Adam, optionally regularised, on a copy of the network.

    Adam has beta 0.9 / 0.999 and epsilon 1e-7, as in the published study. Frozen parameters
    (`requires_grad=False`) stay as they are, except that a regulariser which prunes while training
    leaves all parameters of the removed nodes zero. Numbers below 1.2e-38 count as zero, see
    `eigenprune.denormals`; the process keeps more of the memory that it frees, see
    `eigenprune.heap`. With the same number of threads the result is the same, bit for bit, unless a
    module of the network draws from torch's generator, as `nn.Dropout` does: seed that generator
    yourself.

    Args:
        model: maps inputs (rows, features) to logits (rows, classes): an `nn.Sequential` of
            `SpectralLinear` and `nn.Linear` layers and of modules without parameters or buffers,
            see `networks.fully_connected`.
        inputs: (rows, features); the network is trained on their device. What computed them is
            not trained.
        targets: (rows,) class numbers, on the same device.
        epochs: passes over the data, 0 or more.
        batch_size: rows per step, 1 or more; the last batch of an epoch may be smaller.
        learning_rate: of Adam, above 0.
        seed: of the order of the rows, drawn anew each epoch; independent of the initialisation.
        stream: name of the random stream, so that a second training with the same seed takes
            another order.
        regulariser: what is added to plain training, see `eigenprune.regularisers`; one that has
            not been used yet.
        on_epoch: called after each epoch with its number, from 1, and its mean training loss.
        watch: called with the number of the epoch and the network in training, before the first
            epoch (0) and after each; it must not change the network.

    Returns:
        The trained network and the mean training loss (nats) of each epoch.

    Raises:
        ValueError: if a number is out of its range, the shapes disagree, nothing is trainable, the
            network is pruned by torch or `networks.fully_connected` refuses it: one that is no
            `nn.Sequential`, or that holds batch normalisation, for example.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> x = torch.rand(64, 8); y = (x[:, 0] > 0.5).long()
        >>> model, losses = train(mlp([8, 16, 2]), x, y, epochs=30, batch_size=16, seed=1)
        >>> losses[-1] < losses[0]
        True
    """
    check_arguments(model, inputs, targets, epochs, batch_size, learning_rate)
    if not isinstance(regulariser, Regulariser | None):
        raise ValueError(
            f"regulariser={regulariser!r}: one of `eigenprune.regularisers`, called with a strength"
        )
    inputs = inputs.detach()  # or the steps would go on into whatever computed them
    heap.keep_freed()
    model = copy.deepcopy(model).to(inputs.device).train()
    # The optimiser sees the parameters of `model`; the steps may be taken on a shorter network.
    if regulariser is None:
        added = Regulariser(0.0)
        stepped, inputs = with_fixed_products(model, inputs)
    else:
        added = regulariser
        stepped = model = added.prepare(model, inputs, seed)
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = adam(trainable, learning_rate)
    generator = seeds.generator(seed, stream)
    losses = []
    if watch is not None:
        watch(0, model)
    for epoch in range(1, epochs + 1):
        loss_with_gradients = _loss_with_gradients(added, stepped)  # the network may have changed
        order = torch.randperm(len(inputs), generator=generator, device="cpu").to(inputs.device)
        batches = order.split(batch_size)
        classes = targets.index_select(0, order).split(batch_size)
        # All losses go into one tensor: a loss left where it was computed would keep the memory
        # around it from being reused.
        precision = torch.promote_types(
            inputs.dtype, torch.float32
        )  # losses have at least single precision, under autocast too
        of_batches = inputs.new_empty(len(batches), dtype=precision)
        for rows, wanted, kept in zip(batches, classes, of_batches.unbind(), strict=True):
            forget_gradients(optimiser)
            kept.copy_(loss_with_gradients(inputs.index_select(0, rows), wanted))
            step(optimiser)
            added.after_step(stepped, learning_rate)
        losses.append(_mean_loss(of_batches, batches))
        added.after_epoch(stepped, optimiser, epoch, epochs)
        if watch is not None:
            watch(epoch, model)
        if on_epoch is not None:
            on_epoch(epoch, losses[-1])
    forget_gradients(optimiser)  # or the first step of another training would add them to its own
    return added.finish(model), losses


def _mean_loss(losses: Tensor, batches: Sequence[Tensor]) -> float:
    """The mean over the rows of all batches, summed in the same sequence on every machine."""
    rows = [len(batch) for batch in batches]
    weighted = losses * torch.tensor(rows, device=losses.device)
    return float(weighted.double().cumsum(0)[-1]) / sum(rows)


def _loss_with_gradients(
    added: Regulariser, model: nn.Sequential
) -> Callable[[Tensor, Tensor], Tensor]:
    """A function that computes the loss on a batch and leaves its gradients in the parameters."""
    inherited = getattr(added.loss, "__func__", None) is Regulariser.loss
    if inherited and suits(model):
        return WrittenOut(model)
    return partial(by_autograd, added, model, faster_products())


def by_autograd(
    added: Regulariser,
    model: nn.Sequential,
    products: AbstractContextManager[object],
    inputs: Tensor,
    targets: Tensor,
) -> Tensor:
    """The loss on a batch, with its gradients in the parameters: the reference for `gradients`."""
    with products:
        loss = added.loss(model, inputs, targets)
    loss.backward()
    return loss.detach()


def check_arguments(
    model: nn.Sequential,
    inputs: Tensor,
    targets: Tensor,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> None:
    """Refuse arguments with which no network can be trained.

    Raises:
        ValueError: see `train`.
    """
    require_whole("epochs", epochs, 0)
    require_whole("batch_size", batch_size, 1)
    if not isinstance(learning_rate, Real) or not 0 < float(learning_rate) < math.inf:
        raise ValueError(f"learning_rate={learning_rate!r}: a finite number above 0")
    fully_connected(model)
    if is_pruned(model):
        raise ValueError(
            "the network is pruned by torch, which keeps its parameters elsewhere: make it plain, "
            "torch.nn.utils.prune.remove"
        )
    require_examples(model, inputs, targets)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("the network has no trainable parameter: all are frozen")
