"""The spectral layer: a fully connected layer written with eigenvalues and eigenvectors."""

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune.counts import require_whole

FREEZABLE = ("eigenvalues_in", "eigenvalues_out", "eigenvectors", "bias")
INITIALISATIONS = ("2022", "ones")


def is_watched(module: nn.Module) -> bool:
    """Whether something observes or intervenes when a module is called."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or "forward" in vars(module)  # replaced on this instance only
    )


def require_unwatched(module: nn.Module, name: str) -> None:
    """Refuse a module that something observes.

    Args:
        module: any module.
        name: what the message calls it.

    Raises:
        ValueError: if `is_watched` is true for it.
    """
    if is_watched(module):
        raise ValueError(
            f"{name} has a hook, or a forward of its own, which may compute more than its weights "
            "say and would be lost: remove it"
        )


def require_weights_alone(layer: "SpectralLinear | nn.Linear", name: str) -> None:
    """Refuse a layer that computes more than its weights say, or whose weights lie elsewhere.

    Args:
        layer: a spectral or dense layer.
        name: what the message calls it.

    Raises:
        ValueError: if the layer is of a subclass that computes in its own way, parametrised or
            pruned by torch, or observed.
    """
    own = {each for each, _ in layer.named_parameters(recurse=False)}
    # torch itself has subclasses of nn.Linear that differ in nothing, in attention for example.
    plain = type(layer) is SpectralLinear or type(layer).forward is nn.Linear.forward
    if not plain or own != _parameters_of(layer):
        raise ValueError(
            f"{name} is a {type(layer).__name__} with more to it than its weights: a "
            "subclass, or parametrised or pruned by torch; make it plain "
            "(torch.nn.utils.parametrize.remove_parametrizations, torch.nn.utils.prune.remove), or "
            "copy its weights into a layer that is"
        )
    require_unwatched(layer, name)


def _parameters_of(layer: "SpectralLinear | nn.Linear") -> set[str]:
    """The names that the parameters of a plain layer have."""
    names = {"weight"}
    if isinstance(layer, SpectralLinear):
        names = {"eigenvectors", "eigenvalues_out"}
        names |= {"eigenvalues_in"} if layer.eigenvalues_in is not None else set()
    return names | ({"bias"} if layer.bias is not None else set())


class SpectralLinear(nn.Module):
    r"""A linear map whose weights are computed from eigenvalues and eigenvectors.

    .. math:: w_{ij} = (\lambda^{in}_j - \lambda^{out}_i)\, \varphi_{ij}, \qquad y = x w^T + b

    with i an output node and j an input node. Without `eigenvalues_in` (the default, as in the
    pruning paper) lambda_in is zero and each eigenvalue is the gain of its node:
    :math:`w_{ij} = -\lambda^{out}_i \varphi_{ij}`.

    Shapes:
        - `eigenvectors`, phi: (out_features, in_features)
        - `eigenvalues_out`, lambda_out: (out_features,)
        - `eigenvalues_in`, lambda_in: (in_features,), or None
        - `bias`, b: (out_features,), or None
        - input: (..., in_features); output: (..., out_features)

    Args:
        in_features: number of input nodes.
        out_features: number of output nodes.
        bias: add a trainable bias, zero at the start.
        eigenvalues_in: give the input nodes eigenvalues too.
        frozen: names among `eigenvalues_in`, `eigenvalues_out`, `eigenvectors`, `bias` that
            training leaves as they are.
        initialisation: `"2022"`: eigenvalues ~ U(-0.5, 0.5), eigenvectors ~ U(-0.2, 0.2), as in
            the pruning paper. `"ones"`: lambda_out = 1, lambda_in = 0 and Glorot-uniform
            eigenvectors, so that the weights start as those of a dense layer do.
        generator: source of the initial values; torch's default generator if None.
        device: of the parameters, as in `nn.Linear`.
        dtype: of the parameters, as in `nn.Linear`.

    `weight` is computed from the parameters: it can be read, but not assigned or initialised.

    Raises:
        ValueError: if `frozen` or `initialisation` holds an unknown name, or a number of nodes is
            not a whole number, 1 or more.

    Source: Giambagli et al., Nat Commun 12:1330 (2021); Buffoni et al., Sci Rep 12:11201
    (2022).

    Example:
        >>> import torch
        >>> layer = SpectralLinear(784, 500)
        >>> layer(torch.zeros(32, 784)).shape
        torch.Size([32, 500])
        >>> torch.equal(layer.weight, -layer.eigenvalues_out[:, None] * layer.eigenvectors)
        True
    """

    eigenvalues_in: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = False,
        eigenvalues_in: bool = False,
        frozen: Collection[str] = (),
        initialisation: str = "2022",
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_whole("in_features", in_features, 1)
        require_whole("out_features", out_features, 1)
        if isinstance(frozen, str) or not set(frozen := tuple(frozen)) <= set(FREEZABLE):
            raise ValueError(f"frozen={frozen!r}: a collection of names among {FREEZABLE}")

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*shape, device=device, dtype=dtype))

        self.in_features = in_features
        self.out_features = out_features
        self.initialisation = initialisation
        self.eigenvectors = parameter(out_features, in_features)
        self.eigenvalues_out = parameter(out_features)
        self.register_parameter(
            "eigenvalues_in", parameter(in_features) if eigenvalues_in else None
        )
        self.register_parameter("bias", parameter(out_features) if bias else None)
        self.reset_parameters(generator=generator)
        for name in frozen:
            if (chosen := getattr(self, name)) is not None:
                chosen.requires_grad_(False)

    @torch.no_grad()
    def reset_parameters(
        self, initialisation: str | None = None, generator: torch.Generator | None = None
    ) -> None:
        """Draw the initial values anew, by another initialisation if one is named.

        Raises:
            ValueError: if the name is unknown.
        """
        initialisation = self.initialisation if initialisation is None else initialisation
        if initialisation not in INITIALISATIONS:
            raise ValueError(f"initialisation={initialisation!r}: one of {INITIALISATIONS}")
        self.initialisation = initialisation
        if initialisation == "2022":
            self.eigenvectors.uniform_(-0.2, 0.2, generator=generator)
            self.eigenvalues_out.uniform_(-0.5, 0.5, generator=generator)
            if self.eigenvalues_in is not None:
                self.eigenvalues_in.uniform_(-0.5, 0.5, generator=generator)
        else:
            nn.init.xavier_uniform_(self.eigenvectors, generator=generator)
            self.eigenvalues_out.fill_(1.0)
            if self.eigenvalues_in is not None:
                self.eigenvalues_in.zero_()
        if self.bias is not None:
            self.bias.zero_()

    @property
    def weight(self) -> Tensor:
        """The weights w, (out_features, in_features), of the equivalent dense layer."""
        gain = -self.eigenvalues_out[:, None]
        if self.eigenvalues_in is not None:
            gain = gain + self.eigenvalues_in
        return gain * self.eigenvectors

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., in_features) to (..., out_features)."""
        if self.eigenvalues_in is not None:
            return F.linear(inputs, self.weight, self.bias)
        # Scaling the outputs costs batch x out; forming the weights costs in x out.
        return self.from_products(F.linear(inputs, self.eigenvectors))

    def from_products(self, products: Tensor) -> Tensor:
        r"""The outputs of a layer without `eigenvalues_in`, given :math:`x \varphi^T`.

        Products and outputs are (..., out_features). With frozen eigenvectors and a fixed input
        the products never change: see `fixed_products`.
        """
        # Under autocast the products have another type and keep it, as with `nn.Linear`.
        outputs = products * -self.eigenvalues_out.to(products.dtype)
        return outputs if self.bias is None else outputs + self.bias.to(products.dtype)

    @classmethod
    @torch.no_grad()
    def from_linear(cls, linear: nn.Linear) -> "SpectralLinear":
        r"""The spectral layer with the weights of a `torch.nn.Linear`, eigenvectors of length 1.

        .. math:: \lambda^{out}_i = -\lVert w_i \rVert_2, \qquad
            \varphi_i = w_i / \lVert w_i \rVert_2

        This is a choice: :math:`(c\lambda, \varphi/c)` gives the same weights. With this choice,
        ranking by :math:`|\lambda_i|` is the same as ranking by the norm of the weights. A node
        without weights gets eigenvalue zero and an eigenvector of equal entries, so that it can
        learn. Frozen parameters stay frozen.

        Raises:
            ValueError: if the given layer is not a plain `nn.Linear`, but of a subclass with a
                `forward` of its own, parametrised or pruned by torch, or with hooks.

        >>> import torch
        >>> linear, x = nn.Linear(4, 3), torch.rand(2, 4)
        >>> layer = SpectralLinear.from_linear(linear)
        >>> torch.allclose(layer(x), linear(x), atol=1e-6)
        True
        >>> torch.allclose(layer.eigenvalues_out.abs(), linear.weight.norm(dim=1))
        True
        """
        if not isinstance(linear, nn.Linear):
            raise ValueError(f"a {type(linear).__name__}: an nn.Linear is wanted")
        require_weights_alone(linear, "the given layer")
        with torch.random.fork_rng(devices=[]):  # the values drawn are overwritten at once
            layer = cls(
                linear.in_features,
                linear.out_features,
                bias=linear.bias is not None,
                device=linear.weight.device,
                dtype=linear.weight.dtype,
            )
        norms = linear.weight.norm(dim=1)
        layer.eigenvalues_out.copy_(-norms)
        layer.eigenvectors.copy_(linear.weight / norms.where(norms > 0, 1)[:, None])
        # With zeros in both factors the gradient of each would be zero for good.
        layer.eigenvectors[norms == 0] = linear.in_features**-0.5
        layer.eigenvalues_out.requires_grad_(linear.weight.requires_grad)
        layer.eigenvectors.requires_grad_(linear.weight.requires_grad)
        if layer.bias is not None:
            layer.bias.copy_(linear.bias)
            layer.bias.requires_grad_(linear.bias.requires_grad)
        return layer.train(linear.training)

    @torch.no_grad()
    def to_linear(self) -> nn.Linear:
        """The equivalent `torch.nn.Linear`, with weights of its own.

        The weights are frozen if all parameters that they are computed from are frozen.

        Raises:
            ValueError: if this layer is of a subclass, parametrised or pruned by torch, or has
                hooks.

        >>> import torch
        >>> layer, x = SpectralLinear(4, 3, bias=True), torch.rand(2, 4)
        >>> torch.allclose(layer(x), layer.to_linear()(x))
        True
        """
        require_weights_alone(self, "this layer")
        with torch.random.fork_rng(devices=[]):  # the values drawn are overwritten at once
            linear = nn.Linear(
                self.in_features, self.out_features, bias=self.bias is not None, device="cpu"
            )
        linear.to(self.eigenvectors)
        linear.weight.copy_(self.weight)
        factors = (self.eigenvectors, self.eigenvalues_out, self.eigenvalues_in)
        learns = any(each.requires_grad for each in factors if each is not None)
        linear.weight.requires_grad_(learns)
        if self.bias is not None:
            linear.bias.copy_(self.bias)
            linear.bias.requires_grad_(self.bias.requires_grad)
        return linear

    @torch.no_grad()
    def keep_nodes(self, inputs: Tensor, outputs: Tensor) -> "SpectralLinear":
        """A smaller layer with the given nodes only; eigenvalues go with their nodes.

        Args:
            inputs: (in_features,) bool, True for the input nodes to keep.
            outputs: (out_features,) bool, True for the output nodes to keep.

        Raises:
            ValueError: if an argument is not such a mask, or keeps no node.
        """
        for name, mask, nodes in (
            ("inputs", inputs, self.in_features),
            ("outputs", outputs, self.out_features),
        ):
            if mask.dtype != torch.bool or tuple(mask.shape) != (nodes,) or not mask.any():
                raise ValueError(
                    f"{name}: {tuple(mask.shape)} of dtype {mask.dtype}: a bool tensor ({nodes},), "
                    "True for a node that stays, at least one"
                )
        with torch.random.fork_rng(devices=[]):  # the values drawn are overwritten at once
            smaller = SpectralLinear(
                int(inputs.sum()),
                int(outputs.sum()),
                bias=self.bias is not None,
                eigenvalues_in=self.eigenvalues_in is not None,
                initialisation=self.initialisation,
                device="cpu",
            ).to(self.eigenvectors)
        smaller.eigenvectors.copy_(self.eigenvectors[outputs][:, inputs])
        smaller.eigenvalues_out.copy_(self.eigenvalues_out[outputs])
        if smaller.eigenvalues_in is not None and self.eigenvalues_in is not None:
            smaller.eigenvalues_in.copy_(self.eigenvalues_in[inputs])
        if smaller.bias is not None and self.bias is not None:
            smaller.bias.copy_(self.bias[outputs])
        for name, parameter in self.named_parameters():
            getattr(smaller, name).requires_grad_(parameter.requires_grad)
        return smaller

    def extra_repr(self) -> str:
        """What stands between the brackets when the layer is printed."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}, eigenvalues_in={self.eigenvalues_in is not None}"
        )
