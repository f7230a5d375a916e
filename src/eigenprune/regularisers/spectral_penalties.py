r"""Penalties on eigenvalues and eigenvectors of all layers, the output layer included.

Eigenvalues are lambda_out of every layer and, where it has them, lambda_in. A penalty on one factor
alone can be escaped by the gauge: :math:`(\lambda_i, \varphi_i) \to (c\lambda_i, \varphi_i / c)`
leaves the function as it is. Such a penalty fixes the gauge more than it shrinks the weights; a
penalty on both factors cannot be escaped. Penalising frozen parameters has no effect.
"""

from torch import Tensor, nn

from eigenprune.layers import SpectralLinear
from eigenprune.networks import fully_connected
from eigenprune.regularisers.penalty import Penalty, total


class _SpectralPenalty(Penalty):
    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        self.eigenvalues: list[Tensor] = []
        self.eigenvectors: list[Tensor] = []
        for number, layer in enumerate(fully_connected(model), start=1):
            if not isinstance(layer, SpectralLinear):
                raise ValueError(
                    f"layer {number} is a {type(layer).__name__}: {type(self).__name__} needs "
                    "SpectralLinear; L1, L2 and GroupLasso take any layer"
                )
            self.eigenvalues.append(layer.eigenvalues_out)
            if layer.eigenvalues_in is not None:
                self.eigenvalues.append(layer.eigenvalues_in)
            self.eigenvectors.append(layer.eigenvectors)
        return model


class EigenvalueL1(_SpectralPenalty):
    r"""Absolute eigenvalues, :math:`R = \sum_i |\lambda_i|`.

    Args:
        strength: s, 0 or more.

    Raises:
        ValueError: in `prepare`, if a layer is not spectral.

    Example:
        >>> from eigenprune import mlp, train
        >>> import torch
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=EigenvalueL1(1e-3))
    """

    def penalty(self) -> Tensor:
        """R, a number."""
        return total([values.abs() for values in self.eigenvalues])


class EigenvalueL2(_SpectralPenalty):
    r"""Squared eigenvalues, :math:`R = \sum_i \lambda_i^2`.

    Args:
        strength: s, 0 or more.

    Raises:
        ValueError: in `prepare`, if a layer is not spectral.

    Source: Giambagli et al., arXiv 2310.12612 (2023).

    Example:
        >>> from eigenprune import mlp, train
        >>> import torch
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=EigenvalueL2(5e-4))
    """

    def penalty(self) -> Tensor:
        """R, a number."""
        return total([values**2 for values in self.eigenvalues])


class EigenvectorL1(_SpectralPenalty):
    r"""Absolute entries of the eigenvectors, :math:`R = \sum_{ij} |\varphi_{ij}|`.

    Args:
        strength: s, 0 or more.

    Raises:
        ValueError: in `prepare`, if a layer is not spectral.

    Example:
        >>> from eigenprune import mlp, train
        >>> import torch
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=EigenvectorL1(1e-4))
    """

    def penalty(self) -> Tensor:
        """R, a number."""
        return total([vectors.abs() for vectors in self.eigenvectors])


class EigenvectorL2(_SpectralPenalty):
    r"""Squared entries of the eigenvectors, :math:`R = \sum_i \lVert\varphi_i\rVert_2^2`.

    Args:
        strength: s, 0 or more.

    Raises:
        ValueError: in `prepare`, if a layer is not spectral.

    Source: Giambagli et al., arXiv 2310.12612 (2023).

    Example:
        >>> from eigenprune import mlp, train
        >>> import torch
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=EigenvectorL2(1e-4))
    """

    def penalty(self) -> Tensor:
        """R, a number."""
        return total([vectors**2 for vectors in self.eigenvectors])


class EigenvalueL2EigenvectorL2(_SpectralPenalty):
    r"""Both factors squared, :math:`R = \sum_i \lambda_i^2 + \sum_i \lVert\varphi_i\rVert_2^2`.

    No change of gauge escapes it. Without lambda_in, the cheapest factors that give the same
    weights have :math:`|\lambda_i| = \lVert\varphi_i\rVert_2` and cost
    :math:`2\,\lVert w_i\rVert_2`. This is the group lasso on the incoming weights of each node,
    reached by smooth steps.

    Args:
        strength: s, 0 or more, of both sums.

    Raises:
        ValueError: in `prepare`, if a layer is not spectral.

    Source: Giambagli et al., arXiv 2310.12612 (2023), L2 on both.

    Example:
        >>> from eigenprune import mlp, train
        >>> import torch
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> both = EigenvalueL2EigenvectorL2(1e-3)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=both)
    """

    def penalty(self) -> Tensor:
        """R, a number."""
        squared = total([values**2 for values in self.eigenvalues])
        return squared + total([vectors**2 for vectors in self.eigenvectors])


class EigenvalueL1EigenvectorL2(_SpectralPenalty):
    r"""Both factors at once, :math:`R = \sum_i |\lambda_i| + \sum_i \lVert\varphi_i\rVert_2^2`.

    No change of gauge escapes it. Without lambda_in, the cheapest factors that give the same
    weights cost :math:`3\,(\lVert w_i \rVert_2 / 2)^{2/3}` per node. This cost is concave in the
    norm, so the penalty does more than group lasso to silence some nodes and leave others.

    Args:
        strength: s, 0 or more, of both sums.

    Raises:
        ValueError: in `prepare`, if a layer is not spectral.

    Example:
        >>> from eigenprune import mlp, train
        >>> import torch
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> both = EigenvalueL1EigenvectorL2(1e-3)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=both)
    """

    def penalty(self) -> Tensor:
        """R, a number."""
        absolute = total([values.abs() for values in self.eigenvalues])
        return absolute + total([vectors**2 for vectors in self.eigenvectors])
