"""Importance scores side by side: the trained networks of a study, pruned by each score."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eigenprune.lab import datasets, project, rivals
from eigenprune.lab.errors import UserError, did_you_mean
from eigenprune.lab.execution.sweep import OnStart, run_study
from eigenprune.lab.methods import METHODS
from eigenprune.lab.plans import PlannedRow, plan
from eigenprune.lab.rows import COLUMNS, labels
from eigenprune.lab.runs import Training
from eigenprune.lab.score_values import checked
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from eigenprune.importance import Score


def score_curves(
    study: Study,
    scores: "Sequence[str | Score]",
    *,
    method: str = "post",
    on_start: OnStart | None = None,
) -> "pd.DataFrame":
    """The trade-off curves of several scores on the same trained networks, without retraining.

    Every score ranks the nodes of the same networks, so that the curves differ only in the ranking,
    and all begin at the same unpruned control, ratio 0. A network that is in the run store is not
    trained again. Pruned networks are not kept there, because a function has no lasting id.

    Args:
        study: gives networks, seeds and pruning ratios; its own methods do not matter here.
        scores: names in `eigenprune.importance.SCORES` (`random` draws anew for every seed) or
            `eigenprune.saliency.SCORES` (see `protocols.named_values` for what they look at), or
            functions from a network to one tensor (nodes,) per hidden layer, where low values go
            first; a function is known by its name.
        method: the one whose trained networks are ranked: `post` for spectral ones, `direct` for
            dense ones.
        on_start: see `sweep.run_study`.

    Returns:
        One row per activation, score, seed and pruning ratio, with the columns COLUMNS; `method`
        is the name of the score. Networks that diverged, or whose loss is not finite once they are
        pruned, have no row.

    Raises:
        UserError: if a score is not known, two have the same name, one returns something other than
            scores, or the networks of the method are trained again after pruning.
    """
    import pandas as pd

    from eigenprune.lab.protocols import one_thread, pruning_result
    from eigenprune.pruning import compact, select_nodes

    named = named_scores(scores)
    networks = trained_networks(study, method, on_start)
    data_dir = project.data_dir()
    data = datasets.load(study.dataset, data_dir)
    rows = []
    with one_thread():
        for activation in study.activations:
            for name, score in named.items():
                for row, network in networks:
                    training = row.run.training
                    if training.activation != activation:
                        continue
                    values = score_values(name, score, network, training, data_dir)
                    for ratio in sorted({0.0, *study.pruning_ratios}):
                        small = compact(network, select_nodes(values, ratio))
                        result = pruning_result(small, data)
                        if result["status"] == "done":
                            own = {"method": name, "pruning_ratio": ratio}
                            rows.append({**labels(study, row), **own, **result})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def trained_networks(
    study: Study, method: str, on_start: OnStart | None = None
) -> "list[tuple[PlannedRow, nn.Sequential]]":
    """The networks of a study as a method trains them, before anything is pruned.

    Args:
        study: gives activations and seeds; its own methods do not matter here.
        method: one whose networks are not trained again after pruning.
        on_start: see `sweep.run_study`.

    Returns:
        Each network with its row in the study's plan, except those that diverged.

    Raises:
        UserError: if the method is not allowed.
    """
    from eigenprune.lab.protocols import trained_network

    known = METHODS | rivals.of_project()
    if method not in known or known[method].trained_small:
        allowed = [name for name, its in known.items() if not its.trained_small]
        raise UserError(f"method: {method!r} is not allowed; allowed: {', '.join(allowed)}")
    unpruned = change_study(study, {"methods": [method], "pruning_ratios": [0.0]})
    run_study(unpruned, weights=True, on_start=on_start)
    store, data_dir = Store(project.store_dir()), project.data_dir()
    found = ((row, trained_network(row.run.training, store, data_dir)) for row in plan(unpruned))
    return [(row, network) for row, network in found if network is not None]


def named_scores(scores: "Sequence[str | Score]") -> "dict[str, Score | None]":
    """The scores by name; None for those of the package.

    Args:
        scores: names or functions, see `score_curves`.

    Raises:
        UserError: if there is no score, one is not known or has no name, or two have the same name.
    """
    from eigenprune import importance, saliency

    if isinstance(scores, str) or not scores:
        raise UserError(f"scores: {scores!r}: wanted is a list of names or functions, not empty")
    known = [*importance.SCORES, *saliency.SCORES]
    named: dict[str, Score | None] = {}
    for score in scores:
        name = score if isinstance(score, str) else getattr(score, "__name__", None)
        if name is None:
            raise UserError(f"score {score!r} has no name: give it a name with `def`")
        if isinstance(score, str) and name not in known:
            hint = did_you_mean(name, known)
            raise UserError(f"score {name!r} is not known{hint}; known: {', '.join(known)}")
        if name in named:
            raise UserError(f"score {name!r} is there twice: give one function another name")
        named[name] = None if isinstance(score, str) else score
    return named


def score_values(
    name: str, score: "Score | None", network: "nn.Sequential", training: Training, data_dir: Path
) -> "list[Tensor]":
    """The values of a score for the nodes of a network, one tensor (nodes,) per hidden layer.

    Args:
        name: of the score.
        score: the function, or None for one of the package.
        network: whose nodes to score.
        training: the run that trained the network.
        data_dir: where MNIST and Fashion-MNIST lie.

    Raises:
        UserError: if the function returns something else.
    """
    from eigenprune.lab.protocols import named_values

    if score is None:
        return named_values(name, network, training, data_dir)
    # A copy: a function may silence nodes to see the effect, and other scores use the same network.
    return checked(name, score(copy.deepcopy(network)), network)
