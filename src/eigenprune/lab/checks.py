"""Sanity checks of importance scores, carried out on the trained networks of a study."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from eigenprune.lab import datasets, project
from eigenprune.lab.errors import UserError, did_you_mean
from eigenprune.lab.rows import COLUMNS, labels
from eigenprune.lab.runs import Training
from eigenprune.lab.scores import trained_networks
from eigenprune.lab.studies import Study
from eigenprune.lab.sweep import OnStart

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    DataScore = Callable[[nn.Sequential, Tensor, Tensor], list[Tensor]]

# What a check takes away, see `eigenprune.sanity`.
CHECKS = (
    "as is",
    "shuffled mask",
    "redrawn weights",
    "inverted",
    "corrupted data",
    "other gauge",
)
CHECK_COLUMNS = (*COLUMNS, "check", "rank_correlation")


def check_curves(
    study: Study,
    scores: Sequence[str],
    *,
    data_scores: "Mapping[str, DataScore] | None" = None,
    method: str = "post",
    retrained: bool = False,
    examples: int = 5_000,
    on_start: OnStart | None = None,
) -> "pd.DataFrame":
    """The trade-off curves of scores as they are, and with what `eigenprune.sanity` takes away.

    All curves are of the same trained networks. What is drawn is drawn anew for every seed. Where
    a network's nodes have no gauge of their own (dense layers, or `eigenvalues_in`), the check
    `other gauge` has no rows.

    Args:
        study: gives networks, seeds and pruning ratios; its own methods do not matter here.
        scores: names in `eigenprune.importance.SCORES` or in `data_scores`.
        data_scores: scores that get examples as well: functions from a network, inputs and targets
            to one tensor (nodes,) per hidden layer, by name.
        method: the one whose trained networks are ranked, see `scores.score_curves`.
        retrained: train every pruned network for the study's `retraining_epochs`, in all checks
            alike; else what is redrawn has learned nothing, and all that the check shows is chance.
        examples: how many the scores see, the first of the training part.
        on_start: see `sweep.run_study`.

    Returns:
        One row per network, score, check and pruning ratio, with CHECK_COLUMNS; `method` is the
        name of the score, `check` one of CHECKS, and `rank_correlation` Spearman's between the
        scores that ranked and those that rank as is, over all hidden nodes (NaN where all nodes
        score the same). Networks that diverged have no row.

    Raises:
        UserError: if a score is not known, `examples` is below 1 or the method is not allowed.
    """
    import pandas as pd

    from eigenprune.lab.protocols import one_thread, pruning_result
    from eigenprune.pruning import select_nodes

    data_scores = data_scores or {}
    _require_known(scores, data_scores)
    if examples < 1:
        raise UserError(
            f"examples: {examples!r} is not allowed; allowed: a whole number, 1 or more"
        )
    networks = trained_networks(study, method, on_start)
    data = datasets.load(study.dataset, project.data_dir())
    rows = []
    with one_thread():
        for planned, network in networks:
            training = planned.run.training
            seen = data.train_inputs[:examples], data.train_targets[:examples]
            for name in scores:
                score = _score(name, data_scores, training.seed)
                as_is = score(network, *seen)
                for check, whole, values in _rankings(network, score, as_is, *seen, training.seed):
                    own = {
                        "method": name,
                        "check": check,
                        "rank_correlation": _rank_correlation(as_is, values),
                    }
                    for ratio in sorted({0.0, *study.pruning_ratios}):
                        small = _pruned(check, whole, select_nodes(values, ratio), training)
                        if retrained:
                            small = _retrained(small, training, study.retraining_epochs, data)
                        result = pruning_result(small, data)
                        if result["status"] == "done":
                            row = {**labels(study, planned), **own, "pruning_ratio": ratio}
                            rows.append({**row, **result})
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def _require_known(scores: Sequence[str], data_scores: "Mapping[str, DataScore]") -> None:
    from eigenprune.importance import SCORES

    known = list(dict.fromkeys([*SCORES, *data_scores]))
    for name in scores:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UserError(f"score {name!r} is not known{hint}; known: {', '.join(known)}")


def _score(name: str, data_scores: "Mapping[str, DataScore]", seed: int) -> "DataScore":
    """The score of that name with the arguments that all have, whatever it needs of them."""
    from eigenprune.lab.protocols import named_score

    if name in data_scores:
        return data_scores[name]
    return partial(_without_data, named_score(name, seed))


def _without_data(
    score: "Callable[[nn.Sequential], list[Tensor]]",
    model: "nn.Sequential",
    inputs: "Tensor",
    targets: "Tensor",
) -> "list[Tensor]":
    return score(model)


def _rankings(
    network: "nn.Sequential",
    score: "DataScore",
    as_is: "list[Tensor]",
    inputs: "Tensor",
    targets: "Tensor",
    seed: int,
) -> "Iterator[tuple[str, nn.Sequential, list[Tensor]]]":
    """For every check the network that is pruned and the scores that rank its nodes."""
    from eigenprune import sanity

    yield "as is", network, as_is
    yield "shuffled mask", network, as_is
    yield "redrawn weights", network, as_is
    yield "inverted", network, sanity.inverted(as_is)
    yield "corrupted data", network, score(network, sanity.corrupted(inputs, seed), targets)
    if _has_gauge(network):
        other = sanity.gauge_changed(network, sanity.random_gauge(network, seed))
        yield "other gauge", other, score(other, inputs, targets)


def _has_gauge(network: "nn.Sequential") -> bool:
    from eigenprune.layers import SpectralLinear
    from eigenprune.networks import hidden_layers

    return all(
        isinstance(layer, SpectralLinear) and layer.eigenvalues_in is None
        for layer in hidden_layers(network)
    )


def _pruned(
    check: str, network: "nn.Sequential", masks: "list[Tensor]", training: Training
) -> "nn.Sequential":
    from eigenprune import sanity
    from eigenprune.pruning import compact

    if check == "shuffled mask":
        masks = sanity.shuffled(masks, training.seed)
    small = compact(network, masks)
    if check == "redrawn weights":
        small = sanity.redrawn(small, training.seed, initialisation=training.initialisation)
    return small


def _retrained(
    network: "nn.Sequential", training: Training, epochs: int, data: datasets.Dataset
) -> "nn.Sequential":
    """The pruned network trained as a protocol that retrains would train it."""
    from eigenprune.training import train

    trained, _ = train(
        network.requires_grad_(True),
        data.train_inputs,
        data.train_targets,
        epochs=epochs,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        seed=training.seed,
        stream="retraining",
    )
    return trained


def _rank_correlation(one: "list[Tensor]", other: "list[Tensor]") -> float:
    import torch
    from scipy.stats import spearmanr

    pair = [torch.cat(scores).cpu().double().numpy() for scores in (one, other)]
    # Of constant scores there is no ranking, and scipy would warn.
    if any(values.min() == values.max() for values in pair):
        return float("nan")
    return float(spearmanr(*pair).statistic)
