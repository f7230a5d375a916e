"""The pruning protocols, each in a few words: what is trained, what ranks nodes, what follows."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Method:
    """How a network is made before its nodes are ranked, what happens after, and how it is drawn.

    Args:
        label: for legends and tables.
        color: in figures, from Okabe and Ito's palette, distinguishable with any colour vision.
        marker: in figures; together with `dashes` it repeats what the colour says.
        dashes: matplotlib's line style.
        layer: `"dense"` or `"spectral"`.
        initialisation: of spectral layers; the study's if None.
        eigenvalues_in: which layers have lambda_in, see `networks.mlp`.
        trainable: `"all"` parameters, or only the `"eigenvalues"`, with the eigenvectors frozen.
        regulariser: a name in `eigenprune.regularisers.REGULARISERS`; none if empty.
        strengths: of the regulariser. If there are several, each pair of method and activation
            takes the one that does best on the validation part, see `lab.tuning`.
        to_ratio: each pruning ratio has a network of its own, and the ratio is the strength.
        score: a name in `eigenprune.importance.SCORES` or `eigenprune.saliency.SCORES`.
        scope: one ranking of all hidden nodes (`"global"`), or one for each `"layer"`.
        before: prune before any training, and train for `epochs` and `retraining_epochs` together.
        reconstructed: refit the layers after pruned ones, see `eigenprune.reconstruct`.
        retrained: train everything in the pruned network for `retraining_epochs`.
        redrawn: draw the weights of the pruned network anew and train it from scratch, for `epochs`
            and `retraining_epochs` together; with averaging if its regulariser averages, otherwise
            plainly.
        from_scratch: prune nothing: train a network of the final size, its hidden layers all
            smaller by the pruning ratio, for `epochs` and `retraining_epochs` together.
    """

    label: str
    color: str = "#000000"
    marker: str = "*"
    dashes: str = "-"
    layer: str = "dense"
    initialisation: str | None = None
    eigenvalues_in: str = "none"
    trainable: str = "all"
    regulariser: str = ""
    strengths: tuple[float, ...] = ()
    to_ratio: bool = False
    score: str = "connectivity"
    scope: str = "global"
    before: bool = False
    reconstructed: bool = False
    retrained: bool = False
    redrawn: bool = False
    from_scratch: bool = False

    @property
    def ranks_by(self) -> str:
        """The score that decides which nodes go, or how many; empty where none is used."""
        return "" if self.from_scratch else self.score

    @property
    def starts_small(self) -> bool:
        """Whether the evaluated network has its final size when its training begins."""
        return self.from_scratch or self.redrawn or self.before

    @property
    def trained_small(self) -> bool:
        """Whether training goes on (or begins) once the network has its final size."""
        return self.retrained or self.starts_small

    @property
    def network_per_ratio(self) -> bool:
        """Whether each pruning ratio has a network of its own, instead of one for all ratios."""
        return self.to_ratio or self.starts_small


METHODS: dict[str, Method] = {
    "direct": Method(label="direct: connectivity", color="#D55E00", marker="s", dashes="--"),
    "post": Method(
        label="post: eigenvalues, after training",
        color="#0072B2",
        marker="o",
        dashes="-",
        layer="spectral",
        score="eigenvalue",
    ),
    "pre": Method(
        label="pre: eigenvalues, before training",
        color="#009E73",
        marker="^",
        dashes="-",
        layer="spectral",
        trainable="eigenvalues",
        score="eigenvalue",
        retrained=True,
    ),
    # The control that every score has to beat (it shares the network of `direct`).
    "random": Method(label="random nodes", color="#7F7F7F", marker="x", dashes=":", score="random"),
    # Fair comparisons with `pre`, the only one of the three published methods that is trained once
    # it is small. This one differs from `pre` only in the choice of nodes (on one machine, they
    # share the network).
    "pre-random": Method(
        label="pre, its nodes drawn at random",
        color="#E69F00",
        marker="<",
        dashes=":",
        layer="spectral",
        trainable="eigenvalues",
        score="random",
        retrained=True,
    ),
    "post-retrained": Method(
        label="post, then trained as long as pre",
        color="#56B4E9",
        marker="v",
        dashes="-.",
        layer="spectral",
        score="eigenvalue",
        retrained=True,
    ),
    "small": Method(
        label="small dense network from scratch",
        color="#CC79A7",
        marker="D",
        dashes="--",
        from_scratch=True,
    ),
}

# From the same palette, for names that are not in METHODS, such as a score of one's own.
_FREE = (
    ("#E69F00", "P", "-"),
    ("#0072B2", "o", "--"),
    ("#D55E00", "s", "-."),
    ("#009E73", "^", "--"),
    ("#CC79A7", "D", "-"),
    ("#56B4E9", "v", ":"),
    ("#000000", "*", "-"),
)


def looks(names: Iterable[str]) -> dict[str, Method]:
    """The look of every name in the column `method` of a table.

    Names that are not in METHODS get looks from a list, in order, so that no two of them look the
    same until the list is used up.

    >>> looks(["random", "mine", "other"])["mine"].color
    '#E69F00'
    """
    found: dict[str, Method] = {}
    others = 0
    for name in dict.fromkeys(names):
        if name in METHODS:
            found[name] = METHODS[name]
        else:
            color, marker, dashes = _FREE[others % len(_FREE)]
            found[name] = Method(label=name, color=color, marker=marker, dashes=dashes)
            others += 1
    return found
