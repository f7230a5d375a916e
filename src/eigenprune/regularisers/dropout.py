"""Dropout: hidden nodes are silent at random while the network is trained."""

import torch
from torch import Tensor, nn

from eigenprune import seeds
from eigenprune.networks import fully_connected, hidden_layers
from eigenprune.regularisers.base import Regulariser
from eigenprune.regularisers.insertion import insert, remove


class SeededDropout(nn.Module):
    """`nn.Dropout` with a generator of its own: torch's global one is neither read nor advanced.

    It draws on the CPU, so that every device drops the same nodes.

    Args:
        probability: of a node being silent, for each example, from 0 to below 1.
        generator: on the CPU.
    """

    def __init__(self, probability: float, generator: torch.Generator) -> None:
        """Take the probability and the source of randomness."""
        super().__init__()
        self.probability = probability
        self.generator = generator

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., nodes) to (..., nodes)."""
        if not self.training:
            return inputs
        keep = torch.rand(inputs.shape, generator=self.generator, device="cpu") >= self.probability
        return inputs * keep.to(inputs.device) / (1 - self.probability)


class Dropout(Regulariser):
    r"""Silence each hidden node at random, anew for each example of each batch.

    In training the activation is :math:`\tilde a_i = a_i\, m_i / (1 - s)` with
    :math:`m_i \sim \mathrm{Bernoulli}(1 - s)`, so that its mean is :math:`a_i`. The finished
    network has no dropout.

    Args:
        strength: s, the probability that a node is silent, from 0 to below 1.

    Raises:
        ValueError: if `strength` is out of its range; in `prepare`, if there is no hidden layer.

    Source: Srivastava et al., JMLR 15:1929 (2014).

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=Dropout(0.5))[0]
        Sequential(
          (0): SpectralLinear(in_features=8, out_features=16, bias=False, eigenvalues_in=False)
          (1): ReLU()
          (2): SpectralLinear(in_features=16, out_features=2, bias=False, eigenvalues_in=False)
        )
    """

    LIMIT = 1.0

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Put dropout before every layer that reads hidden nodes."""
        hidden_layers(model)
        generator = seeds.generator(seed, "dropout")
        readers = fully_connected(model)[1:]
        self.dropouts = [SeededDropout(self.strength, generator) for _ in readers]
        return insert(model, before=dict(zip(readers, self.dropouts, strict=True)))

    def finish(self, model: nn.Sequential) -> nn.Sequential:
        """Take dropout out."""
        return remove(model, self.dropouts)
