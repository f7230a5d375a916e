"""Hard concrete gates: the number of open nodes, made differentiable."""

import math

import torch
from torch import Tensor, nn

from eigenprune import seeds
from eigenprune.networks import fully_connected, hidden_layers, require_untied
from eigenprune.regularisers.insertion import insert, remove
from eigenprune.regularisers.penalty import Penalty, total
from eigenprune.regularisers.scaling import scale_outgoing, weights_or_eigenvectors

# Temperature and ends of the stretched interval, as in the paper.
BETA, GAMMA, ZETA = 2 / 3, -0.1, 1.1


class HardConcreteGate(nn.Module):
    r"""A random gate for each node, from 0 to 1, and often exactly 0 or 1.

    .. math:: z = \min(1, \max(0, (\zeta-\gamma)\,\sigma(
        (\ln u - \ln(1-u) + \ln\alpha)/\beta) + \gamma)), \qquad u \sim U(0, 1)

    In evaluation the gate is fixed at
    :math:`\hat z = \min(1, \max(0, (\zeta-\gamma)\,\sigma(\ln\alpha) + \gamma))`.
    Each node has one draw for all examples of a batch, made on the CPU.

    Args:
        nodes: number of gates; all start half open, :math:`\ln\alpha = 0`.
        generator: on the CPU.

    Source: Louizos, Welling and Kingma, ICLR 2018 (arXiv 1712.01312), eq. 10 to 13.
    """

    def __init__(self, nodes: int, generator: torch.Generator) -> None:
        """Take the number of nodes and the source of randomness."""
        super().__init__()
        self.log_alpha = nn.Parameter(torch.zeros(nodes, device="cpu"))
        self.generator = generator

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., nodes) to (..., nodes)."""
        return inputs * (self.draw() if self.training else self.fixed())

    def draw(self) -> Tensor:
        """Gates z for a batch, (nodes,)."""
        noise = (
            torch.rand(len(self.log_alpha), generator=self.generator, device="cpu")
            .to(self.log_alpha)
            .logit()
        )
        return _stretch(torch.sigmoid((noise + self.log_alpha) / BETA))

    def fixed(self) -> Tensor:
        """Gates of evaluation, (nodes,)."""
        return _stretch(torch.sigmoid(self.log_alpha))

    def chance_to_be_open(self) -> Tensor:
        r"""P(z > 0) = :math:`\sigma(\ln\alpha - \beta\ln(-\gamma/\zeta))`, (nodes,)."""
        return torch.sigmoid(self.log_alpha - BETA * math.log(-GAMMA / ZETA))


def _stretch(concrete: Tensor) -> Tensor:
    return (concrete * (ZETA - GAMMA) + GAMMA).clamp(0, 1)


class HardConcrete(Penalty):
    r"""Multiply hidden activations by random gates and penalise the expected number of open ones.

    .. math:: R = \sum_i P(z_i > 0)

    over the hidden nodes, see `HardConcreteGate`. In the end the fixed gates are multiplied into
    the outgoing weights, which is exact for every activation function; the score that takes them
    into account is `importance.weight_norm_in_out`. The penalty does not depend on weights, so no
    change of gauge escapes it. Strength 0 is not plain training: the gates are still random and
    trained.

    Args:
        strength: s, 0 or more, in nats of the loss per open node.

    Raises:
        ValueError: in `prepare`, if the weights or eigenvectors of a layer after a hidden one are
            frozen or shared with another, since the gates could not be multiplied into them.

    Source: Louizos, Welling and Kingma, ICLR 2018 (arXiv 1712.01312), eq. 12. Gates for whole nodes
    are in the paper too; one draw per batch and gates that start half open are as in its published
    code.

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=HardConcrete(1e-3))
        >>> len(model)
        3
    """

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Put gates before every layer that reads hidden nodes."""
        hidden_layers(model)
        require_untied(model)
        generator = seeds.generator(seed, "gates")
        self.readers = fully_connected(model)[1:]
        self.gates = [
            HardConcreteGate(reader.in_features, generator).to(weights_or_eigenvectors(reader))
            for reader in self.readers
        ]
        return insert(model, before=dict(zip(self.readers, self.gates, strict=True)))

    def penalty(self) -> Tensor:
        """R, the expected number of open nodes."""
        return total([gate.chance_to_be_open() for gate in self.gates])

    @torch.no_grad()
    def finish(self, model: nn.Sequential) -> nn.Sequential:
        """Multiply the fixed gates into the outgoing weights and take them out."""
        for reader, gate in zip(self.readers, self.gates, strict=True):
            scale_outgoing(reader, gate.fixed())
        return remove(model, self.gates)
