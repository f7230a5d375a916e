"""Sanity checks of importance scores, and of whole methods, on the trained networks of a study."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, product
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from eigenprune.lab import datasets, project, rivals
from eigenprune.lab.errors import UserError
from eigenprune.lab.plans import plan
from eigenprune.lab.ranks import rank_correlation
from eigenprune.lab.rows import COLUMNS, labels
from eigenprune.lab.runs import Pruning, Training
from eigenprune.lab.scores import named_scores, score_values, trained_networks
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

    from eigenprune.importance import Score

# What a check takes away, see `eigenprune.sanity`.
CHECKS = (
    "as is",
    "shuffled mask",
    "redrawn weights",
    "inverted",
    "corrupted data",
    "other gauge",
)
# The effect of these shows in the ranking; it is not worth training a network.
OF_THE_RANKING = ("corrupted data", "other gauge")
# Masks drawn for one network, where none of them costs a training.
SHUFFLES = 10
# `before`: pruned before any training.
CHECK_COLUMNS = (*COLUMNS, "score", "before", "check", "rank_correlation")


def check_curves(
    study: Study,
    scores: "Sequence[str | Score]",
    *,
    method: str = "post",
) -> "pd.DataFrame":
    """The trade-off curves of scores as they are, and with each ingredient that a check removes.

    For the checks, see `eigenprune.sanity`. All curves are of the same trained networks. Random
    draws differ from seed to seed. Nothing is trained after pruning, so redrawn networks have
    learned nothing, and that check shows nothing but chance. Where a network's nodes have no gauge
    of their own (dense layers, or `eigenvalues_in`), the check `other gauge` has no rows; nor has
    `corrupted data` for scores that are given no data. Where nothing is trained after pruning, the
    shuffled mask is the mean over SHUFFLES masks.

    Args:
        study: gives networks, seeds and pruning ratios; its own methods do not matter here.
        scores: names or functions, see `scores.score_curves`; a function is given no data.
        method: the one whose trained networks are ranked, see `scores.score_curves`.

    Returns:
        One row per network, score, check and pruning ratio, with CHECK_COLUMNS. `method` and
        `score` are the name of the score, and `check` is one of CHECKS. `rank_correlation` is
        Spearman's correlation between the scores used for the ranking and the scores as they are,
        over all hidden nodes (NaN where all nodes score the same). Networks that diverged have no
        row.

    Raises:
        UserError: see `scores.score_curves`.
    """
    import pandas as pd

    from eigenprune.lab.protocols import one_thread
    from eigenprune.pruning import select_nodes

    named = named_scores(scores)
    networks = trained_networks(study, method)
    data_dir = project.data_dir()
    data = datasets.load(study.dataset, data_dir)
    rows = []
    with one_thread():
        for planned, network in networks:
            training = planned.run.training
            for name, score in named.items():
                as_is = score_values(name, score, network, training, data_dir)
                rankings = _rankings(name, score, as_is, network, training, data_dir)
                for check, whole, values in rankings:
                    own = {
                        "method": name,
                        "score": name,
                        "before": False,
                        "check": check,
                        "rank_correlation": _rank_correlation(as_is, values),
                    }
                    for ratio in sorted({0.0, *study.pruning_ratios}):
                        masks = select_nodes(values, ratio)
                        result = _result(check, whole, masks, training, data)
                        if result["status"] == "done":
                            row = {**labels(study, planned), **own, "pruning_ratio": ratio}
                            rows.append({**row, **result})
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def method_checks(study: Study, checks: Collection[str] = CHECKS) -> "pd.DataFrame":
    """The curves of methods as they are, and with each ingredient that a check removes.

    For the checks, see `eigenprune.sanity`. Each method has its own networks, score and scope, and
    is trained after pruning as in the arena. `as is` is the method's own run, from the store if it
    is there. The shuffled mask keeps as many nodes in each layer as the method does, drawn at
    random: the accuracy that it loses is due to the choice of nodes within the layers, and the
    accuracy that it keeps is due to the shares of the layers; without retraining it is the mean
    over SHUFFLES masks. Redrawn networks are trained as long
    as the kept weights have been trained in total, before and after pruning. Methods without any
    training after pruning have no rows for `redrawn weights`, which would show only chance. Where a
    check OF_THE_RANKING would need a network to be trained, its row has no accuracy.

    Args:
        study: gives methods, seeds and pruning ratios above 0.
        checks: those of CHECKS that are wanted; `as is` is always included.

    Returns:
        One row per network, method, check and pruning ratio, with CHECK_COLUMNS, see
        `check_curves`. Networks that diverged have no row.

    Raises:
        UserError: if a check is not known, or a method prunes nothing, or is reconstructed or
            redrawn.
    """
    import pandas as pd

    from eigenprune.lab.protocols import named_values, one_thread, trained_network

    if unknown := set(checks) - set(CHECKS):
        raise UserError(f"checks: {min(unknown)!r} is not allowed; allowed: {', '.join(CHECKS)}")
    if small := [name for name in study.methods if rivals.find(name).from_scratch]:
        raise UserError(f"methods: {small[0]!r} prunes nothing: there is nothing to check")
    if fitted := [name for name in study.methods if rivals.find(name).reconstructed]:
        name = fitted[0]
        raise UserError(f"methods: {name!r} is fitted anew: check {rivals.entry_of(name)!r}")
    if redrawn := [name for name in study.methods if rivals.find(name).redrawn]:
        raise UserError(f"methods: {redrawn[0]!r} has its weights redrawn: there is nothing more")
    wanted = {"as is", *checks}
    store, data_dir = Store(project.store_dir()), project.data_dir()
    pruned = [row for row in plan(study) if row.pruning_ratio > 0]
    rows: list[dict[str, object]] = []
    with one_thread():
        # All ratios of one network are consecutive.
        for (_, training), group in groupby(pruned, lambda row: (row.method, row.run.training)):
            network = trained_network(training, store, data_dir)
            if network is None:
                continue
            of_network = list(group)
            score = of_network[0].run.score
            as_is = named_values(score, network, training, data_dir)
            rankings = list(_rankings(score, None, as_is, network, training, data_dir))
            for planned, ranking in product(of_network, rankings):
                chance = ranking[0] == "redrawn weights" and not planned.run.retraining_epochs
                if ranking[0] in wanted and not chance:
                    result = _checked(planned.run, network, as_is, ranking, store, data_dir)
                    if result["status"] == "done":
                        its = {
                            "score": score,
                            "before": rivals.find(planned.method).before,
                            "check": ranking[0],
                            "rank_correlation": _rank_correlation(as_is, ranking[2]),
                        }
                        rows.append({**labels(study, planned), **its, **result})
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def _checked(
    run: Pruning,
    network: "nn.Sequential",
    as_is: "list[Tensor]",
    ranking: "tuple[str, nn.Sequential, list[Tensor]]",
    store: Store,
    data_dir: Path,
) -> dict[str, Any]:
    """The result of a run under a check; its own result where the check changes nothing."""
    import torch

    from eigenprune.lab import fitting
    from eigenprune.lab.protocols import compute, pruning_result
    from eigenprune.pruning import select_nodes

    check, whole, values = ranking
    kept, masks = (
        select_nodes(scores, run.pruning_ratio, scope=run.scope) for scores in (as_is, values)
    )
    by_ranking = check not in ("shuffled mask", "redrawn weights")
    if by_ranking and whole is network and all(map(torch.equal, kept, masks)):
        return compute(run, store, data_dir).record["result"]
    if check in OF_THE_RANKING and run.retraining_epochs:
        return {"status": "done"}
    if check == "redrawn weights":
        # As long in total as the kept weights: otherwise training time would decide the comparison.
        epochs = run.retraining_epochs + run.training.epochs
        anew = replace(run, redrawn=True, retraining_epochs=epochs)
        return compute(anew, store, data_dir).record["result"]
    data = datasets.load(run.training.dataset, data_dir)
    if not run.retraining_epochs:
        return _result(check, whole, masks, run.training, data)
    small = _pruned(check, whole, masks, run.training)
    how = fitting.plain(run.training)
    return pruning_result(fitting.retrained(small, how, run.retraining_epochs, data_dir), data)


def _rankings(
    name: str,
    score: "Score | None",
    as_is: "list[Tensor]",
    network: "nn.Sequential",
    training: Training,
    data_dir: Path,
) -> "Iterator[tuple[str, nn.Sequential, list[Tensor]]]":
    """For every check: its name, the network to prune and the scores that rank its nodes."""
    from eigenprune import sanity
    from eigenprune.saliency import SCORES

    yield "as is", network, as_is
    yield "shuffled mask", network, as_is
    yield "redrawn weights", network, as_is
    yield "inverted", network, sanity.inverted(as_is)
    if score is None and name in SCORES:
        yield "corrupted data", network, _on_corrupted_data(name, network, training, data_dir)
    if _has_gauge(network):
        other = sanity.gauge_changed(network, sanity.random_gauge(network, training.seed))
        yield "other gauge", other, score_values(name, score, other, training, data_dir)


def _on_corrupted_data(
    name: str, network: "nn.Sequential", training: Training, data_dir: Path
) -> "list[Tensor]":
    from eigenprune import sanity
    from eigenprune.lab.protocols import SCORING_ROWS
    from eigenprune.saliency import SCORES

    seen = datasets.held_out(training.dataset, data_dir, training.held_out)
    inputs = sanity.corrupted(seen.train_inputs[:SCORING_ROWS], training.seed)
    return SCORES[name](network, inputs, seen.train_targets[:SCORING_ROWS])


def _has_gauge(network: "nn.Sequential") -> bool:
    from eigenprune.layers import SpectralLinear
    from eigenprune.networks import hidden_layers

    return all(
        isinstance(layer, SpectralLinear) and layer.eigenvalues_in is None
        for layer in hidden_layers(network)
    )


def _result(
    check: str,
    network: "nn.Sequential",
    masks: "list[Tensor]",
    training: Training,
    data: datasets.Dataset,
) -> dict[str, Any]:
    """The result of pruning under a check, with nothing trained; means over several shuffles."""
    from eigenprune.lab.protocols import pruning_result

    draws = SHUFFLES if check == "shuffled mask" else 1
    results = [
        pruning_result(_pruned(check, network, masks, training, draw), data)
        for draw in range(draws)
    ]
    if lost := [its for its in results if its["status"] != "done"]:
        return lost[0]
    means = {key: fmean(its[key] for its in results) for key in ("accuracy", "loss")}
    return {**results[0], **means}


def _pruned(
    check: str, network: "nn.Sequential", masks: "list[Tensor]", training: Training, draw: int = 0
) -> "nn.Sequential":
    from eigenprune import sanity
    from eigenprune.pruning import compact

    if check == "shuffled mask":
        masks = sanity.shuffled(masks, SHUFFLES * training.seed + draw)
    small = compact(network, masks)
    if check == "redrawn weights":
        small = sanity.redrawn(small, training.seed, initialisation=training.initialisation)
    return small


def _rank_correlation(one: "list[Tensor]", other: "list[Tensor]") -> float:
    import torch

    return rank_correlation(torch.cat(one).cpu(), torch.cat(other).cpu())
