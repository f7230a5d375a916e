"""How trials train: the connections that are present, on the examples that the network saw."""

from collections.abc import Sequence

from torch import Tensor, nn

from eigenprune.connections import Retrain, train_masked
from eigenprune.lab.datasets import Dataset
from eigenprune.lab.fitting import OnEpoch, settings
from eigenprune.lab.runs import Trial
from eigenprune.metrics import evaluate

# One row of the table: the result of a trial, or of one of its controls.
Row = dict[str, float | int | str | None]


def retrain(
    network: nn.Sequential,
    masks: Sequence[Tensor],
    data: Dataset,
    run: Trial,
    *,
    epochs: int,
    stream: str,
    on_epoch: OnEpoch | None,
) -> nn.Sequential:
    """Train as the network of the trial was trained, see `connections.train_masked`."""
    trained, _ = train_masked(
        network,
        masks,
        data.train_inputs,
        data.train_targets,
        **settings(run.training, epochs=epochs, stream=stream, on_epoch=on_epoch),
    )
    return trained


def after_each_step(data: Dataset, run: Trial, on_epoch: OnEpoch | None) -> Retrain:
    """For gradual pruning in as many steps as retraining epochs: one epoch after each step."""

    def one_epoch(network: nn.Sequential, masks: list[Tensor], step: int) -> nn.Sequential:
        stream = f"retraining {step}"
        return retrain(network, masks, data, run, epochs=1, stream=stream, on_epoch=on_epoch)

    return one_epoch


def judged(network: nn.Sequential, data: Dataset) -> Row:
    """Accuracy and loss (nats) on the test set."""
    accuracy, loss = evaluate(network, data.test_inputs, data.test_targets)
    return {"accuracy": accuracy, "loss": loss}
