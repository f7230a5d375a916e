"""The spectral layer: a fully connected layer written with eigenvalues and eigenvectors."""

from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FREEZABLE = ("eigenvalues_in", "eigenvalues_out", "eigenvectors", "bias")
INITIALISATIONS = ("2022", "ones")


class SpectralLinear(nn.Module):
    r"""A linear map whose weights are made of eigenvalues and eigenvectors.

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

    Raises:
        ValueError: if `frozen` or `initialisation` holds an unknown name, or a number is below 1.

    Source: Giambagli et al., Nat Commun 12:1330 (2021); Buffoni et al., Sci Rep 12:11201
    (2022).

    Example:
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
    ) -> None:
        super().__init__()
        if in_features < 1 or out_features < 1:
            raise ValueError(f"in_features={in_features}, out_features={out_features}: 1 or more")
        if isinstance(frozen, str) or not set(frozen) <= set(FREEZABLE):
            raise ValueError(f"frozen={frozen!r}: a collection of names among {FREEZABLE}")
        self.in_features = in_features
        self.out_features = out_features
        self.eigenvectors = nn.Parameter(torch.empty(out_features, in_features))
        self.eigenvalues_out = nn.Parameter(torch.empty(out_features))
        self.register_parameter(
            "eigenvalues_in", nn.Parameter(torch.empty(in_features)) if eigenvalues_in else None
        )
        self.register_parameter("bias", nn.Parameter(torch.empty(out_features)) if bias else None)
        self.reset_parameters(initialisation, generator)
        for name in frozen:
            if (parameter := getattr(self, name)) is not None:
                parameter.requires_grad_(False)

    @torch.no_grad()
    def reset_parameters(
        self, initialisation: str = "2022", generator: torch.Generator | None = None
    ) -> None:
        """Draw the initial values anew (see the class for the two initialisations)."""
        if initialisation not in INITIALISATIONS:
            raise ValueError(f"initialisation={initialisation!r}: one of {INITIALISATIONS}")
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
        outputs = products * -self.eigenvalues_out
        return outputs if self.bias is None else outputs + self.bias

    @torch.no_grad()
    def to_linear(self) -> nn.Linear:
        """The equivalent `torch.nn.Linear`, with weights of its own.

        >>> layer, x = SpectralLinear(4, 3, bias=True), torch.rand(2, 4)
        >>> torch.allclose(layer(x), layer.to_linear()(x))
        True
        """
        with torch.random.fork_rng(devices=[]):  # the values drawn are overwritten at once
            linear = nn.Linear(self.in_features, self.out_features, bias=self.bias is not None)
        linear.to(self.eigenvectors)
        linear.weight.copy_(self.weight)
        if self.bias is not None:
            linear.bias.copy_(self.bias)
        return linear

    @torch.no_grad()
    def keep_nodes(self, inputs: Tensor, outputs: Tensor) -> "SpectralLinear":
        """A smaller layer with the given nodes only; eigenvalues go with their nodes.

        Args:
            inputs: (in_features,) bool, True for the input nodes to keep.
            outputs: (out_features,) bool, True for the output nodes to keep.
        """
        with torch.random.fork_rng(devices=[]):  # the values drawn are overwritten at once
            smaller = SpectralLinear(
                int(inputs.sum()),
                int(outputs.sum()),
                bias=self.bias is not None,
                eigenvalues_in=self.eigenvalues_in is not None,
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
