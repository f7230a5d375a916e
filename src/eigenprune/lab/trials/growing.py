"""Trials of growing: a grown network, and those of as many connections that it must beat."""

import itertools
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from eigenprune.connections import prune_gradually
from eigenprune.growing import Growth, grow, small_dense, static_sparse
from eigenprune.growing.initial import hidden_nodes
from eigenprune.lab.datasets import Dataset
from eigenprune.lab.fitting import OnEpoch
from eigenprune.lab.runs import Trial
from eigenprune.lab.trials.retraining import Row, after_each_step, judged, retrain
from eigenprune.networks import fully_connected, mlp

_RULES = ("choice", "wanted_loss", "connectivity", "new_connections", "tolerance", "patience")


def grow_and_compare(
    network: nn.Sequential, data: Dataset, run: Trial, on_epoch: OnEpoch | None
) -> list[Row]:
    """Grow a network, and make others with as many connections.

    With `algorithm` `connections`, all hidden nodes are there from the start. With `nodes`, each
    hidden layer starts with `first_nodes`, and there are never more nodes in total than the trained
    network has. It grows for at most `epochs` and `retraining_epochs` together. The controls that
    do not grow are trained for as many epochs as the grown network, also with a fresh Adam every
    `patience` epochs. The trained network is pruned in steps, with one epoch of training after
    each.

    Args:
        network: the trained dense network.
        data: the examples it was trained with, and the test set.
        run: the trial.
        on_epoch: called after each epoch.

    Returns:
        A row for each `network`: `grown`, `static-sparse`, `small-dense` (missing if the grown one
        has too few connections for one dense node in each hidden layer) and `pruned`; with
        `accuracy`, `loss` (nats, test set), `nodes`, `connections`, `epochs` and `ended`, why
        growing stopped, see `growing.Epoch`.
    """
    options: dict[str, Any] = dict(run.options)
    training = run.training
    whole = hidden_nodes(network)
    by_nodes = options["algorithm"] == "nodes"
    hidden = [options["first_nodes"]] * len(training.hidden) if by_nodes else training.hidden
    growth = Growth(
        max_epochs=training.epochs + run.retraining_epochs,
        max_nodes=whole if by_nodes else None,
        **{name: options[name] for name in _RULES},
        **({"new_nodes": options["new_nodes"]} if by_nodes else {}),
    )
    grown = grow(
        mlp(
            [data.features, *hidden, data.classes],
            activation=training.activation,
            layer="dense",
            seed=training.seed,
        ),
        data.train_inputs,
        data.train_targets,
        growth,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        seed=training.seed,
        on_epoch=None if on_epoch is None else lambda epoch, loss: on_epoch(),
    )
    epochs, ended = len(grown.history), grown.history[-1].event
    connections = count(grown.masks)
    made = {"grown": (grown.network, grown.masks, epochs)}

    def control(name: str, model: nn.Sequential, masks: Sequence[Tensor]) -> None:
        # In stretches, like the grown network: Adam starts afresh after each.
        for begun in range(0, epochs, growth.patience):
            model = retrain(
                model,
                masks,
                data,
                run,
                epochs=min(growth.patience, epochs - begun),
                stream=f"order after {begun} epochs",
                on_epoch=on_epoch,
            )
        made[name] = model, list(masks), epochs

    control("static-sparse", *static_sparse(grown.network, grown.masks, seed=training.seed))
    one_each = [data.features, *(1 for _ in training.hidden), data.classes]
    if sum(a * b for a, b in itertools.pairwise(one_each)) <= connections:
        small = small_dense(grown.network, connections, seed=training.seed)
        control("small-dense", small, all_of(small))
    pruned, masks = prune_gradually(
        network,
        1 - connections / count(all_of(network)),
        steps=run.retraining_epochs,
        retrain=after_each_step(data, run, on_epoch),
    )
    made["pruned"] = pruned, masks, training.epochs + run.retraining_epochs
    return [
        {
            "network": name,
            **judged(model, data),
            "nodes": hidden_nodes(model),
            "connections": count(its),
            "epochs": taken,
            "ended": ended,
        }
        for name, (model, its, taken) in made.items()
    ]


def all_of(model: nn.Sequential) -> list[Tensor]:
    """The masks of a network that lacks no connection."""
    return [layer.weight.new_ones(layer.weight.shape).bool() for layer in fully_connected(model)]


def count(masks: Sequence[Tensor]) -> int:
    """Number of connections that are there."""
    return sum(int(mask.sum()) for mask in masks)
