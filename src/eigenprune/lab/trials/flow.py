"""Trials of feature flow: networks trained for short, straight paths, with skips and without."""

from typing import Any

import torch
from torch import Tensor, nn

from eigenprune.importance import weight_norm
from eigenprune.lab.datasets import Dataset
from eigenprune.lab.fitting import OnEpoch, settings
from eigenprune.lab.runs import Trial
from eigenprune.lab.trials.retraining import Row
from eigenprune.metrics import evaluate
from eigenprune.networks import mlp
from eigenprune.pruning import compact, select_nodes
from eigenprune.regularisers.feature_flow import FeatureFlow, length, trajectories, turning_angles
from eigenprune.residual import Residual, train_residual
from eigenprune.training import train

Network = nn.Sequential | Residual


def train_with_flow(
    network: nn.Sequential, data: Dataset, run: Trial, on_epoch: OnEpoch | None
) -> list[Row]:
    """Train with the penalties from the start, measure the paths, remove nodes and train plainly.

    Args:
        network: the trained network; it is used where the network is plain and has no penalties.
        data: the examples it was trained with, and the test set.
        run: the trial; `architecture` is `plain`, or `residual` for the same layers with skips.
        on_epoch: called after each epoch.

    Returns:
        One row with `accuracy` and `loss` (nats), the mean `length` of the paths and their mean
        total `angle` (radians), `pruned_accuracy`, after the share `pruning_ratio` of the nodes of
        each layer is removed, and `retrained_accuracy`, after what is left is trained; all on the
        test set.
    """
    options: dict[str, Any] = dict(run.options)
    k1, k2 = options["k1"], options["k2"]
    trained: Network = network
    if options["architecture"] == "residual" or k1 or k2:
        trained = _fit(_initial(data, run), data, run, on_epoch, run.training.epochs, k1=k1, k2=k2)
    with torch.no_grad():
        points = _points(trained, data.test_inputs)
        ways = {
            "length": float(length(points).mean()),
            "angle": float(turning_angles(points).sum(dim=0).mean()),
        }
    pruned = _without_weakest(trained, options["pruning_ratio"])
    retrained = _fit(pruned, data, run, on_epoch, run.retraining_epochs, stream="retraining")
    (accuracy, loss), (pruned_accuracy, _), (retrained_accuracy, _) = (
        evaluate(model, data.test_inputs, data.test_targets)
        for model in (trained, pruned, retrained)
    )
    return [
        {
            "accuracy": accuracy,
            "loss": loss,
            **ways,
            "pruned_accuracy": pruned_accuracy,
            "retrained_accuracy": retrained_accuracy,
        }
    ]


def _initial(data: Dataset, run: Trial) -> Network:
    training = run.training
    layers = mlp(
        [data.features, *training.hidden, data.classes],
        activation=training.activation,
        layer="dense",
        seed=training.seed,
    )
    return Residual(layers) if dict(run.options)["architecture"] == "residual" else layers


def _fit(
    network: Network,
    data: Dataset,
    run: Trial,
    on_epoch: OnEpoch | None,
    epochs: int,
    *,
    k1: float = 0.0,
    k2: float = 0.0,
    stream: str = "order",
) -> Network:
    told = settings(run.training, epochs=epochs, stream=stream, on_epoch=on_epoch)
    examples = data.train_inputs, data.train_targets
    if isinstance(network, Residual):
        return train_residual(network, *examples, k1=k1, k2=k2, **told)[0]
    return train(network, *examples, regulariser=FeatureFlow(k1, k2), **told)[0]


def _points(network: Network, inputs: Tensor) -> Tensor:
    if isinstance(network, Residual):
        return network.flow(inputs)[0]
    return trajectories(network, inputs)


def _without_weakest(network: Network, pruning_ratio: float) -> Network:
    """The network without its weakest nodes, as many in each layer, by norm of incoming weights.

    A node of a residual network has incoming weights in all hidden layers.
    """
    if isinstance(network, Residual):
        norms = torch.stack(weight_norm(network.layers)).norm(dim=0)
        return network.keep_nodes(*select_nodes([norms], pruning_ratio))
    return compact(network, select_nodes(weight_norm(network), pruning_ratio, scope="layer"))
