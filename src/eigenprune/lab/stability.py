"""The stability of node rankings: one initial network, trained on several orders of the data."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from eigenprune.lab import datasets, project
from eigenprune.lab.ranks import rank_correlation
from eigenprune.lab.runs import Training
from eigenprune.lab.scores import trained_networks
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study, change_study

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor, nn

BETWEEN_ORDERS = "two orders"
WITH_INITIAL = "before and after training"
TOP_SHARE = 0.1
STABILITY_COLUMNS = (
    "dataset",
    "hidden",
    "activation",
    "method",
    "score",
    "pair",
    "layer",
    "rank_correlation",
    "top_overlap",
)


def rank_stability(
    study: Study, scores: Mapping[str, Sequence[str]], orders: int = 3
) -> "pd.DataFrame":
    """How well rankings agree for networks that differ only in the order of their data.

    Node k of two networks of one seed began as the same node, with the same weights. What their
    rankings share is due to the initial draw and the data; what they do not share is due to the
    order in which the examples came. (Networks of two seeds have no nodes in common, so their
    rankings cannot be compared.) For each method the networks of the study's first seed are used;
    the first order is the study's own.

    Args:
        study: gives dataset, network and training; its own methods do not matter here.
        scores: maps the name of a method, whose networks are trained and not small from the start,
            to the names of the scores of `importance.SCORES` or `saliency.SCORES` that rank their
            nodes.
        orders: how many, 2 or more; each one but the first trains a network that is not kept.

    Returns:
        One row per activation, method, score, hidden layer (from 1) and pair of rankings, with
        STABILITY_COLUMNS. `pair` is BETWEEN_ORDERS, or WITH_INITIAL for the network before any
        training and one after it. `rank_correlation` is Spearman's within the layer. `top_overlap`
        is the share of the TOP_SHARE highest nodes of the layer that the two have in common; for
        random rankings its mean is TOP_SHARE. Both are NaN where all nodes of a layer score the
        same.

    Raises:
        UserError: if a method is not allowed, see `scores.trained_networks`.
        ValueError: if there are fewer than two orders.
    """
    import pandas as pd

    from eigenprune.lab.protocols import initial_network, named_values, one_thread

    if orders < 2:
        raise ValueError(f"orders={orders}: 2 or more")
    study = change_study(study, {"seeds": [study.seeds[0]]})
    data_dir = project.data_dir()
    rows = []
    for method, names in scores.items():
        for planned, network in trained_networks(study, method):
            training = planned.run.training
            with one_thread():
                trained = [network, *_other_orders(training, orders)]
                for name in names:
                    before, *after = (
                        named_values(name, each, training, data_dir)
                        for each in (initial_network(training), *trained)
                    )
                    key = (study.dataset, study.widths, training.activation, method, name)
                    pairs = [
                        *((BETWEEN_ORDERS, *pair) for pair in combinations(after, 2)),
                        *((WITH_INITIAL, before, each) for each in after),
                    ]
                    for pair, one, other in pairs:
                        layers = enumerate(zip(one, other, strict=True), start=1)
                        rows += [(*key, pair, layer, *_agreement(*both)) for layer, both in layers]
    return pd.DataFrame(rows, columns=list(STABILITY_COLUMNS))


def _other_orders(run: Training, orders: int) -> "Iterator[nn.Sequential]":
    """The network of a run, trained on orders of the data other than its own."""
    from eigenprune.lab.fitting import fit
    from eigenprune.lab.protocols import compute, initial_network

    data_dir = project.data_dir()
    data = datasets.held_out(run.dataset, data_dir, run.held_out)
    if run.tuning is not None:
        chosen = compute(run, Store(project.store_dir()), data_dir).record["result"]["strength"]
        run = replace(run, strength=chosen)
    for number in range(1, orders):
        stream = f"order {number + 1}"
        yield fit(initial_network(run), run, data, epochs=run.epochs, stream=stream)[0]


def _agreement(one: "Tensor", other: "Tensor") -> tuple[float, float]:
    """Spearman's correlation of two scores of the same nodes, and the overlap of the top nodes."""
    correlation = rank_correlation(one.cpu(), other.cpu())
    if math.isnan(correlation):
        return correlation, correlation
    count = max(1, round(TOP_SHARE * len(one)))
    tops = [set((-scores).argsort(stable=True)[:count].tolist()) for scores in (one, other)]
    return correlation, len(tops[0] & tops[1]) / count
