"""Training with the settings of a run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from eigenprune.lab.datasets import Dataset, held_out
from eigenprune.lab.runs import Training
from eigenprune.regularisers import REGULARISERS
from eigenprune.regularisers.averaged_pruning import Averaged
from eigenprune.training import train

OnEpoch = Callable[[], None]


def settings(
    run: Training, *, epochs: int, stream: str, on_epoch: OnEpoch | None
) -> dict[str, Any]:
    """The arguments that a run gives to `training.train` and to functions called like it.

    Args:
        run: the run whose settings they are.
        epochs: passes over the data.
        stream: name of the random stream of the order of the examples.
        on_epoch: called after each epoch.
    """
    return {
        "epochs": epochs,
        "batch_size": run.batch_size,
        "learning_rate": run.learning_rate,
        "seed": run.seed,
        "stream": stream,
        "on_epoch": None if on_epoch is None else lambda epoch, loss: on_epoch(),
    }


def fit(
    model: nn.Sequential,
    run: Training,
    data: Dataset,
    *,
    epochs: int,
    stream: str = "order",
    on_epoch: OnEpoch | None = None,
    watch: Callable[[int, nn.Sequential], None] | None = None,
) -> tuple[nn.Sequential, list[float]]:
    """Train a network as a run trains its own, see `training.train`.

    Args:
        model: the network, which stays as it is.
        run: says how, its regulariser included.
        data: the examples.
        epochs: passes over the data.
        stream: name of the random stream of the order of the examples.
        on_epoch: called after each epoch.
        watch: shown the network, see `training.train`.
    """
    return train(
        model,
        data.train_inputs,
        data.train_targets,
        regulariser=REGULARISERS[run.regulariser](run.strength) if run.regulariser else None,
        watch=watch,
        **settings(run, epochs=epochs, stream=stream, on_epoch=on_epoch),
    )


def retrained(
    pruned: nn.Sequential,
    run: Training,
    epochs: int,
    data_dir: Path,
    on_epoch: OnEpoch | None = None,
) -> nn.Sequential:
    """Train what is left of a run's network: all its parameters, in another order of the data.

    Args:
        pruned: the smaller network; its parameters are trainable afterwards.
        run: says how, its regulariser included: see `plain`, and `averaged_alike`.
        epochs: passes over the examples that the run sees.
        data_dir: where MNIST and Fashion-MNIST lie.
        on_epoch: called after each epoch.
    """
    seen = held_out(run.dataset, data_dir, run.held_out)
    pruned.requires_grad_(True)
    return fit(pruned, run, seen, epochs=epochs, stream="retraining", on_epoch=on_epoch)[0]


def plain(run: Training) -> Training:
    """The training of a run without its regulariser."""
    return replace(run, regulariser="", strength=0.0)


def averaged_alike(run: Training) -> Training:
    """The training of a run without its regulariser, but with its running mean if it has one."""
    if run.regulariser == "averaging":
        return run
    if run.regulariser and issubclass(REGULARISERS[run.regulariser], Averaged):
        return replace(run, regulariser="averaging", strength=Averaged.AVERAGE)
    return plain(run)
