"""The pruning protocols, each a line: what is trained, what ranks the nodes, what follows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """How a network is made before its nodes are ranked, and what happens after.

    Args:
        label: for legends and tables.
        layer: `"dense"` or `"spectral"`.
        trainable: `"all"` parameters, or only the `"eigenvalues"`, the eigenvectors frozen.
        score: a name in `eigenprune.importance.SCORES`.
        retrained: train everything in the pruned network for `retraining_epochs`.
    """

    label: str
    layer: str
    trainable: str
    score: str
    retrained: bool


METHODS: dict[str, Method] = {
    "direct": Method("direct: connectivity", "dense", "all", "connectivity", retrained=False),
    "post": Method("post: eigenvalues, after training", "spectral", "all", "eigenvalue", False),
    "pre": Method(
        "pre: eigenvalues, before training", "spectral", "eigenvalues", "eigenvalue", True
    ),
    # The control that every score has to beat (it shares the network of `direct`).
    "random": Method("random nodes", "dense", "all", "random", retrained=False),
}
