"""Networks of one shape train as one stack, each as it would alone, up to rounding.

Every parameter gets a leading axis with one entry per network, and every matrix product becomes one
batched product. `training.train`, network by network, is the reference. The stack is faster where
one network is too small to keep the machine busy: on a GPU, and for small layers anywhere
(`eigenprune bench` measures it). For a single network, `train` is faster on a CPU.
"""

import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from types import NoneType

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state
from torch.nn import functional as F

from eigenprune import denormals, heap
from eigenprune.adam import adam, forget_gradients
from eigenprune.cuda_graphs import CapturedStep, own_stream
from eigenprune.fixed_products import frozen_first, with_fixed_products
from eigenprune.layers import require_unwatched
from eigenprune.networks import fully_connected
from eigenprune.onednn import faster_products
from eigenprune.seeds import generator
from eigenprune.training import check_arguments

# Fixed products are kept if those of all networks of the stack take at most this many bytes; else
# every step computes its own. This is room for 35 networks with 60,000 rows and 500 nodes.
PRODUCTS_AT_MOST = 4 * 2**30


@torch.enable_grad()
@denormals.as_zero()
def train_together(
    models: Sequence[nn.Sequential],
    inputs: Tensor,
    targets: Tensor,
    *,
    epochs: int,
    batch_size: int = 200,
    learning_rate: float = 1e-3,
    seeds: Sequence[int],
    stream: str = "order",
    on_epoch: Callable[[int, list[float]], None] | None = None,
    watch: Callable[[int, Sequence[nn.Sequential]], None] | None = None,
) -> list[tuple[nn.Sequential, list[float]]]:
    """Train networks of one shape side by side; the given networks are left unchanged.

    The result is, up to rounding, `[train(model, ..., seed=seed) for model, seed in
    zip(models, seeds)]`. A network that diverges does not affect the others.

    Pruned networks of several sizes have one shape while they are `masked`: train the masked
    networks, then `compact` each with its masks.

    On a GPU the steps are captured in a CUDA graph (see `cuda_graphs`). On any device, matrix
    products use the precision that torch is set to: full float32 unless someone has changed it.

    Args:
        models: at least one, see `train`; all have the same modules, shapes, number formats and
            frozen parameters and no hooks. All run the code of the first, so that modules of the
            user's own must be of one class and have equal attributes: numbers, words or None. What
            a module does must not depend on the values that it is given. Dropout draws other
            numbers than it would in a network trained alone.
        inputs: (rows, features), for all of them; trained on their device.
        targets: (rows,) class numbers, on the same device.
        epochs: passes over the data, 0 or more.
        batch_size: rows per step and network, 1 or more; the last batch of an epoch may be smaller.
        learning_rate: of Adam, above 0.
        seeds: one per network, for the order of its rows.
        stream: name of the random stream, see `train`.
        on_epoch: called after each epoch with its number, from 1, and each network's mean loss.
        watch: shown the networks in training, see `train`.

    Returns:
        For each network, the trained one and the mean training loss (nats) of each epoch.

    Raises:
        ValueError: if the networks differ in form, one has a hook or a module that the first
            cannot stand for, or there is not one seed for each; and see `train`.

    Example:
        >>> import torch
        >>> from eigenprune import mlp
        >>> x = torch.rand(64, 8); y = (x[:, 0] > 0.5).long()
        >>> models = [mlp([8, 16, 2], seed=seed) for seed in (1, 2, 3)]
        >>> trained = train_together(models, x, y, epochs=30, batch_size=16, seeds=[1, 2, 3])
        >>> [losses[-1] < losses[0] for model, losses in trained]
        [True, True, True]
    """
    for number, model in enumerate(models):
        _check_modules(model, number, alone=len(models) == 1)
    if not models or len(seeds) != len(models):
        raise ValueError(f"{len(models)} networks and {len(seeds)} seeds: as many, and not none")
    _check_form(models)
    check_arguments(models[0], inputs, targets, epochs, batch_size, learning_rate)
    inputs = inputs.detach()  # or the steps would go on into whatever computed them
    heap.keep_freed()
    with own_stream(inputs.device):
        trained = [copy.deepcopy(model).to(inputs.device).train() for model in models]
        stack = _Stack(trained, inputs, targets, learning_rate)
        orders = _orders(seeds, stream, inputs)
        order = next(orders)
        step: Callable[[Tensor], None] = stack.step
        if inputs.is_cuda:
            step = CapturedStep(stack.step, order[:, :batch_size])
        history: list[list[float]] = []
        if watch is not None:
            watch(0, trained)
        for epoch in range(1, epochs + 1):
            stack.total.zero_()
            for rows in order.split(batch_size, dim=1):
                step(rows)
            order = next(orders)  # drawn while a GPU is still busy with the steps
            history.append((stack.total / len(inputs)).tolist())
            if watch is not None:
                stack.write_back()
                watch(epoch, trained)
            if on_epoch is not None:
                on_epoch(epoch, history[-1])
        stack.write_back()
    return [(model, [losses[i] for losses in history]) for i, model in enumerate(trained)]


class _Stack:
    """Networks side by side, and what one step of Adam for all of them needs."""

    def __init__(
        self,
        models: Sequence[nn.Sequential],
        inputs: Tensor,
        targets: Tensor,
        learning_rate: float,
    ) -> None:
        self.networks, self.inputs = _with_fixed_products(models, inputs)
        # Where the rows of each network begin: all share the inputs, but each has its own products.
        each = 0 if self.inputs is inputs else len(inputs)
        self.begin = each * torch.arange(len(models), device=inputs.device)[:, None]
        self.targets = targets
        # Name to tensor (networks, ...), e.g. `0.eigenvectors`.
        self.parameters, self.buffers = stack_module_state(list(self.networks))
        trainable = [tensor for tensor in self.parameters.values() if tensor.requires_grad]
        self.optimiser = adam(trainable, learning_rate)
        self.products = faster_products()
        self.total = torch.zeros(len(models), dtype=torch.float64, device=inputs.device)

    def _outputs_of_one(
        self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], batch: Tensor
    ) -> Tensor:
        outputs: Tensor = functional_call(self.networks[0], (parameters, buffers), (batch,))
        return outputs

    def step(self, rows: Tensor) -> None:
        """One step for every network on its own rows, (networks, batch); adds up the losses."""
        batch = self.inputs.index_select(0, (self.begin + rows).flatten()).unflatten(0, rows.shape)
        outputs_of_all = torch.vmap(self._outputs_of_one, randomness="different")
        with self.products:
            outputs = outputs_of_all(self.parameters, self.buffers, batch)
        wanted = self.targets.index_select(0, rows.flatten())
        each = F.cross_entropy(outputs.flatten(0, 1), wanted, reduction="none")
        losses = each.view_as(rows).mean(dim=1)
        forget_gradients(self.optimiser)
        # Each network's gradient of the sum of the losses is the gradient of its own loss.
        losses.sum().backward()
        # Adam steps in a capture only with this flag, and complains if it is set elsewhere.
        capturing = rows.is_cuda and torch.cuda.is_current_stream_capturing()
        self.optimiser.param_groups[0]["capturable"] = capturing
        self.optimiser.step()
        self.total += losses.detach() * rows.shape[1]

    @torch.no_grad()
    def write_back(self) -> None:
        """Copy the parameters to the networks that the stack was made from."""
        for name, stacked in self.parameters.items():
            for network, values in zip(self.networks, stacked, strict=True):
                network.get_parameter(name).copy_(values)


def _with_fixed_products(
    models: Sequence[nn.Sequential], inputs: Tensor
) -> tuple[Sequence[nn.Sequential], Tensor]:
    """As `with_fixed_products`, with the products of all networks one after another."""
    first = frozen_first(models[0])
    if first is None:
        return models, inputs
    shape = (len(models), len(inputs), first.out_features)
    if math.prod(shape) * inputs.element_size() > PRODUCTS_AT_MOST:
        return models, inputs
    stacked = inputs.new_empty(shape)
    networks = []
    for model, own in zip(models, stacked, strict=True):
        network, products = with_fixed_products(model, inputs)
        own.copy_(products)
        networks.append(network)
    return networks, stacked.flatten(0, 1)


def _orders(seeds: Sequence[int], stream: str, inputs: Tensor) -> Iterator[Tensor]:
    """For one epoch after another, the order of each network's rows, (networks, rows)."""
    generators = [generator(seed, stream) for seed in seeds]
    while True:
        orders = [
            torch.randperm(len(inputs), generator=source, device="cpu") for source in generators
        ]
        yield torch.stack(orders).to(inputs.device)


# Attributes of these types say all about themselves.
_COMPARED = (bool, int, float, complex, str, NoneType)


def _attributes(module: nn.Module) -> dict[str, object]:
    """The attributes that a module has besides those of every module."""
    common = vars(nn.Module())
    return {name: value for name, value in vars(module).items() if name not in common}


def _check_modules(model: nn.Sequential, number: int, *, alone: bool) -> None:
    """Refuse a network that the code of another with the same form might not stand for."""
    fully_connected(model)
    for name, module in model.named_modules():
        called = f"network {number}, module {name}" if name else f"network {number}"
        require_unwatched(module, called)
        known = type(module).__module__.partition(".")[0] in ("torch", "eigenprune")
        for attribute, value in _attributes(module).items():
            if not (known or alone or isinstance(value, _COMPARED)):
                raise ValueError(
                    f"{called} is a {type(module).__name__} whose {attribute} is a "
                    f"{type(value).__name__}: networks that train together run the code of the "
                    "first, so attributes of a module of your own must be numbers, words or None; "
                    "`train` takes any"
                )


def _check_form(models: Sequence[nn.Sequential]) -> None:
    for number, model in enumerate(models):
        pairs = itertools.zip_longest(_form(models[0]), _form(model), fillvalue="nothing more")
        for first, other in pairs:
            if first != other:
                raise ValueError(
                    f"network {number} has {other}, where network 0 has {first}: networks that "
                    "train together have the same modules, shapes and frozen parameters"
                )
        # Modules that differ may call themselves the same.
        for one, another in zip(models[0].modules(), model.modules(), strict=True):
            if type(one) is not type(another) or _told(one) != _told(another):
                raise ValueError(
                    f"network {number} has a {type(another).__qualname__} {_told(another)}, where "
                    f"network 0 has a {type(one).__qualname__} {_told(one)}: networks that train "
                    "together have modules of the same classes with equal attributes"
                )


def _told(module: nn.Module) -> dict[str, object]:
    return {name: v for name, v in _attributes(module).items() if isinstance(v, _COMPARED)}


def _form(model: nn.Sequential) -> list[str]:
    """What networks of one stack have in common, in words."""
    modules = [f"module {index}, {module}" for index, module in enumerate(model)]
    tensors = [
        f"{name} {tuple(tensor.shape)}, {tensor.dtype}, requires_grad={tensor.requires_grad}"
        for name, tensor in model.state_dict(keep_vars=True).items()
    ]
    return modules + tensors
