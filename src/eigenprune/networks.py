"""Fully connected networks as plain `nn.Sequential`s, and how to find their layers."""

import copy
import itertools
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from numbers import Integral

import torch
from torch import Tensor, nn

from eigenprune import seeds
from eigenprune.layers import SpectralLinear, require_unwatched, require_weights_alone

# All map zero to zero: a node without weights is silent.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
LAYERS = ("spectral", "dense")

FullyConnected = SpectralLinear | nn.Linear

# The output of each of these for one node depends on the other nodes, or on how many there are.
_MIXES_NODES = (
    nn.GLU,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.LocalResponseNorm,
    nn.LogSoftmax,
    nn.RMSNorm,
    nn.Softmax,
    nn.Softmin,
    nn.modules.batchnorm._NormBase,
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._LPPoolNd,
    nn.modules.pooling._MaxPoolNd,
)


class NodeMask(nn.Module):
    """Passes kept nodes on and sends zero for the others, which then learn nothing."""

    keep: Tensor

    def __init__(self, keep: Tensor) -> None:
        """Take `keep`, (nodes,) bool, True for a node that stays."""
        super().__init__()
        self.register_buffer("keep", keep)

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., nodes) to (..., nodes)."""
        # where, not a product: a removed node that is infinite must not become NaN.
        return torch.where(self.keep, inputs, 0.0)


# Each of these has as many outputs as inputs.
_KEEPS_WIDTH = (*ACTIVATIONS.values(), nn.Dropout, nn.Identity, NodeMask)


def mlp(
    widths: Sequence[int],
    *,
    activation: str = "relu",
    layer: str = "spectral",
    bias: bool = False,
    eigenvalues_in: bool | str = False,
    frozen: Collection[str] = (),
    initialisation: str = "2022",
    seed: int = 0,
) -> nn.Sequential:
    """A fully connected network: an activation after every layer but the last.

    Args:
        widths: nodes per layer from inputs to classes, e.g. `[784, 500, 10]`; at least two.
        activation: one of ACTIVATIONS: `"relu"`, `"tanh"` or `"elu"` as in the published study,
            `"gelu"`, `"leaky_relu"`, `"selu"` or `"silu"`.
        layer: `"spectral"` for `SpectralLinear`, `"dense"` for `nn.Linear` with Glorot-uniform
            weights.
        bias: give every layer a bias, zero at the start.
        eigenvalues_in: spectral only, see `SpectralLinear`: True for all layers, `"first"` for the
            first only. In a layer with lambda_in, lambda_out = 0 does not remove a node.
        frozen: spectral only, parameters that training leaves as they are.
        initialisation: spectral only, `"2022"` or `"ones"`.
        seed: of the initial values; torch's global generator is neither used nor advanced.

    Raises:
        ValueError: if a name is unknown, a width is below 1 or there are fewer than two widths.

    Example:
        >>> mlp([64, 100, 10], activation="tanh", layer="dense", seed=1)
        Sequential(
          (0): Linear(in_features=64, out_features=100, bias=False)
          (1): Tanh()
          (2): Linear(in_features=100, out_features=10, bias=False)
        )
    """
    if (
        not isinstance(widths, Iterable)
        or len(widths := list(widths)) < 2
        or not all(isinstance(n, Integral) and n > 0 for n in widths)
    ):
        raise ValueError(f"widths={widths!r}: at least two whole numbers, each 1 or more")
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation={activation!r}: one of {', '.join(ACTIVATIONS)}")
    if layer not in LAYERS:
        raise ValueError(f"layer={layer!r}: one of {', '.join(LAYERS)}")
    if layer == "dense" and (eigenvalues_in or frozen or initialisation != "2022"):
        raise ValueError(
            "eigenvalues_in, frozen and initialisation are for layer='spectral'; a dense layer has "
            "no eigenvalues and starts Glorot-uniform"
        )
    if eigenvalues_in != "first" and not isinstance(eigenvalues_in, bool):
        raise ValueError(f"eigenvalues_in={eigenvalues_in!r}: True, False or 'first'")
    generator = seeds.generator(seed, "initialisation")
    modules: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise(widths):
        first = not modules
        if layer == "spectral":
            modules.append(
                SpectralLinear(
                    n_in,
                    n_out,
                    bias=bias,
                    eigenvalues_in=eigenvalues_in is True or (eigenvalues_in == "first" and first),
                    frozen=frozen,
                    initialisation=initialisation,
                    generator=generator,
                )
            )
        else:
            modules.append(_dense(n_in, n_out, bias, generator))
        modules.append(ACTIVATIONS[activation]())
    return nn.Sequential(*modules[:-1])


def _dense(n_in: int, n_out: int, bias: bool, generator: torch.Generator) -> nn.Linear:
    linear = blank_linear(n_in, n_out, bias)
    nn.init.xavier_uniform_(linear.weight, generator=generator)
    if bias:
        nn.init.zeros_(linear.bias)
    return linear


def blank_linear(n_in: int, n_out: int, bias: bool, device: str | None = None) -> nn.Linear:
    """An `nn.Linear` to be filled in; unlike its constructor, it leaves torch's generator alone.

    Without a device it is made on torch's default one, as the layers of a new network are.
    """
    with torch.random.fork_rng(devices=[]):
        return nn.Linear(n_in, n_out, bias=bias, device=device)


def fully_connected(model: nn.Sequential) -> list[FullyConnected]:
    """The layers of a network in order; all but the last are hidden.

    Only modules without parameters (activations, dropout) may stand between two layers. Where each
    acts on every node separately, as softmax does not, a node is one row of its layer and one
    column of the next; what prunes nodes refuses other networks, see `require_plain`.

    Raises:
        ValueError: if `model` is not an nn.Sequential, or holds another module with parameters or
            buffers, one layer twice, no layer at all, or a layer with other inputs than the nodes
            that it reads.

    Example:
        >>> len(fully_connected(mlp([64, 100, 100, 10])))
        3
    """
    if not isinstance(model, nn.Sequential):
        raise ValueError(
            f"a {type(model).__name__}: nodes are found in an nn.Sequential of fully connected "
            "layers and activations; put that part of your model into one"
        )
    layers: list[FullyConnected] = []
    nodes: int | None = None  # unknown behind a module that may change their number
    for index, module in enumerate(model):
        if isinstance(module, SpectralLinear | nn.Linear):
            _require_as_many(nodes, module)
            nodes = module.out_features
            if any(module is layer for layer in layers):
                raise ValueError(
                    f"module {index} is a layer that stands in the network already, and each place "
                    "needs a layer of its own: copy.deepcopy makes one"
                )
            layers.append(module)
        elif not isinstance(module, NodeMask) and module.state_dict():
            raise ValueError(
                f"module {index} is a {type(module).__name__}: networks are trained and pruned "
                "here where only SpectralLinear, nn.Linear and modules without parameters or "
                "buffers stand in the nn.Sequential"
            )
        elif not isinstance(module, _KEEPS_WIDTH):
            nodes = None
    if not layers:
        raise ValueError("the network has no fully connected layer")
    return layers


def _require_as_many(nodes: int | None, reader: FullyConnected) -> None:
    """Refuse a layer with other inputs than the nodes that it reads, if their number is known."""
    if nodes not in (None, reader.in_features):
        raise ValueError(
            f"a layer of {nodes} nodes is read by one of {reader.in_features} inputs: they must "
            "be as many"
        )


def require_plain(model: nn.Sequential) -> None:
    """Refuse what computes more than its weights say: subclasses, hooks, layers pruned by torch.

    A layer made from the weights alone, smaller or with zeros, would compute something else. The
    same holds if a module between two layers does not treat each node separately, so such networks
    are refused too.

    Raises:
        ValueError: with the module in question; and see `fully_connected`.
    """
    layers = fully_connected(model)
    first, last = (
        next(index for index, module in enumerate(model) if module is layer)
        for layer in (layers[0], layers[-1])
    )
    for index, module in enumerate(list(model)[first:last], first):
        for part in module.modules():
            if isinstance(part, _MIXES_NODES):
                raise ValueError(
                    f"module {index} {'is' if part is module else 'holds'} a "
                    f"{type(part).__name__}, which makes of a node what the others say: between "
                    "two layers only what treats each node by itself may stand"
                )
    for before, after in itertools.pairwise(layers):
        _require_as_many(before.out_features, after)
    require_sequential_alone(model)
    for index, layer in enumerate(model):
        if isinstance(layer, SpectralLinear | nn.Linear):
            require_weights_alone(layer, f"module {index}")
    for name, module in model.named_modules():
        require_unwatched(module, f"module {name}" if name else "the network")


def require_untied(model: nn.Sequential) -> None:
    """Refuse layers that share a parameter: their nodes cannot be removed one by one.

    Raises:
        ValueError: with the layer in question.

    Example:
        >>> model = mlp([8, 5, 5, 5, 2], layer="dense")
        >>> model[4].weight = model[2].weight
        >>> require_untied(model)
        Traceback (most recent call last):
        ValueError: module 4 shares a parameter with a layer before it, and each layer needs...
    """
    known: set[int] = set()
    for index, module in enumerate(model):
        own = {id(parameter) for parameter in module.parameters()}
        if known & own:
            raise ValueError(
                f"module {index} shares a parameter with a layer before it, and each layer needs "
                "parameters of its own: copy.deepcopy makes them"
            )
        known |= own


def require_sequential_alone(model: nn.Sequential) -> None:
    """Refuse subclasses of nn.Sequential: a copy would lose whatever they add to it.

    Raises:
        ValueError: with the name of the subclass.
    """
    if type(model) is not nn.Sequential:
        raise ValueError(
            f"a {type(model).__name__}, which may compute more than the nn.Sequential it is made "
            "of: nn.Sequential(*model) takes its modules alone"
        )


def require_examples(
    model: nn.Sequential, inputs: Tensor, *targets: Tensor, flat: bool = True
) -> None:
    """Refuse data that a network cannot be given.

    Args:
        model: see `fully_connected`.
        inputs: examples.
        targets: the class numbers of the examples, if they are used.
        flat: inputs must be (rows, features of the first layer), as they need not be where an
            `nn.Flatten`, say, stands before that layer.

    Raises:
        ValueError: with what is wanted instead.

    Example:
        >>> import torch
        >>> require_examples(mlp([8, 5, 2]), torch.rand(4, 7))
        Traceback (most recent call last):
        ValueError: inputs of shape (4, 7): (rows, 8) wanted
    """
    layers = fully_connected(model)
    require_rows(inputs, *targets)
    if flat and (inputs.ndim != 2 or inputs.shape[1] != layers[0].in_features):
        raise ValueError(
            f"inputs of shape {tuple(inputs.shape)}: (rows, {layers[0].in_features}) wanted"
        )
    if inputs.dtype != layers[0].weight.dtype:
        raise ValueError(
            f"inputs of dtype {inputs.dtype}: {layers[0].weight.dtype} wanted, as the network's"
        )
    for classes in targets:
        require_classes(classes, layers[-1].out_features)


def require_rows(inputs: Tensor, *targets: Tensor) -> None:
    """Refuse inputs and targets that are not tensors with a row for each of some examples.

    Raises:
        ValueError: with what is wanted instead.
    """
    for name, given in (("inputs", inputs), *(("targets", each) for each in targets)):
        if not isinstance(given, Tensor):
            raise ValueError(f"{name}: a {type(given).__name__}, and a torch.Tensor is wanted")
    if not inputs.ndim:
        raise ValueError("inputs of shape (): (rows, features) wanted")
    for each in targets:
        if each.ndim != 1 or each.dtype != torch.int64:
            raise ValueError(
                f"targets of shape {tuple(each.shape)} and dtype {each.dtype}: (rows,) class "
                "numbers of dtype torch.int64 wanted"
            )
        if len(inputs) != len(each):
            raise ValueError(
                f"{len(inputs)} inputs and {len(each)} targets: as many of each wanted"
            )
        if inputs.device != each.device:
            raise ValueError(f"inputs on {inputs.device}, targets on {each.device}: one device")
    if not len(inputs):
        raise ValueError("0 inputs: at least one row is wanted")


def require_classes(targets: Tensor, classes: int) -> None:
    """Refuse targets that are not classes of a network.

    Args:
        targets: (rows,), at least one.
        classes: how many there are.

    Raises:
        ValueError: if a class number is out of its range.
    """
    if not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise ValueError(
            f"targets from {int(targets.min())} to {int(targets.max())}: class numbers from 0 to "
            f"{classes - 1} wanted, for the network has {classes} outputs"
        )


def require_usable(model: nn.Sequential, inputs: Tensor, *targets: Tensor) -> None:
    """Refuse data that cannot be passed through a network as it is, on its device.

    Inputs need not be flat if another module stands before the first layer.

    Args:
        model: see `fully_connected`.
        inputs: examples.
        targets: the class numbers of the examples, if they are used.

    Raises:
        ValueError: see `require_examples`; and with both devices, if they differ.
    """
    first = fully_connected(model)[0]
    require_examples(model, inputs, *targets, flat=model[0] is first)
    device = first.weight.device
    if inputs.device != device:
        raise ValueError(f"inputs on {inputs.device}: the network is on {device}")


def hidden_layers(model: nn.Sequential) -> list[FullyConnected]:
    """The layers whose outputs are hidden nodes: all but the last.

    Raises:
        ValueError: see `fully_connected`; and if there is no hidden layer.
    """
    hidden = fully_connected(model)[:-1]
    if not hidden:
        raise ValueError("the network has no hidden layer: it needs two fully connected ones")
    return hidden


def as_dense(model: nn.Sequential) -> nn.Sequential:
    """A copy of the network in which every layer is an `nn.Linear` with the same weights.

    Raises:
        ValueError: see `require_plain`.

    Example:
        >>> import torch
        >>> model, x = mlp([8, 5, 2]), torch.rand(4, 8)
        >>> torch.allclose(as_dense(model)(x), model(x))
        True
    """
    require_plain(model)
    return alike(
        model,
        [
            (name, each.to_linear() if isinstance(each, SpectralLinear) else copy.deepcopy(each))
            for name, each in placed(model)
        ],
    )


def placed(model: nn.Sequential) -> list[tuple[str, nn.Module]]:
    """The modules of a network with their names, place by place.

    `named_children` lists a module only once, even if it stands in several places, as an activation
    may.

    Example:
        >>> relu = nn.ReLU()
        >>> [name for name, _ in placed(nn.Sequential(relu, nn.Linear(3, 2), relu))]
        ['0', '1', '2']
    """
    modules = model.named_modules(remove_duplicate=False)
    return [(name, module) for name, module in modules if name and "." not in name]


def alike(model: nn.Sequential, modules: Sequence[tuple[str, nn.Module]]) -> nn.Sequential:
    """Make a network of the modules, which are numbered or named as those of `model` are.

    Args:
        model: the network that the modules were made from.
        modules: the modules, with their names in `model`.

    Raises:
        ValueError: see `require_sequential_alone`.
    """
    require_sequential_alone(model)
    if all(name.isdigit() for name, _ in placed(model)):
        made = nn.Sequential(*(module for _, module in modules))
    else:
        made = nn.Sequential(OrderedDict(modules))
    return made.train(model.training)
