"""Trials of modules: a trained network pruned so that clusters of its nodes separate."""

import math
from dataclasses import asdict
from typing import Any

from torch import nn

from eigenprune.lab.datasets import Dataset
from eigenprune.lab.fitting import OnEpoch
from eigenprune.lab.modules import describe, find_modules, prune_to_modules, random_modules
from eigenprune.lab.runs import Trial
from eigenprune.lab.trials.retraining import Row, after_each_step, judged


def prune_to_parts(
    network: nn.Sequential, data: Dataset, run: Trial, on_epoch: OnEpoch | None
) -> list[Row]:
    """Find modules, prune the connections between them first, and describe what is left.

    Args:
        network: the trained network.
        data: the examples it was trained with, and the test set.
        run: the trial; `clustering` is `spectral`, or `random` for modules of the same sizes drawn
            at random.
        on_epoch: called after each epoch.

    Returns:
        One row with the values of `modules.ModularNetwork` and `loss` (nats). The sparsity reached
        is `achieved_sparsity`; `share_inside` is None if no connection is left.
    """
    from threadpoolctl import threadpool_limits

    options: dict[str, Any] = dict(run.options)
    seed = run.training.seed
    # One thread, as for torch, so that the clusters are the same on every executor.
    with threadpool_limits(1):
        modules = find_modules(network, options["modules"], seed=seed)
    if options["clustering"] == "random":
        modules = random_modules(modules, seed=seed)
    pruned, masks = prune_to_modules(
        network,
        modules,
        options["sparsity"],
        gamma=options["gamma"],
        steps=run.retraining_epochs,
        retrain=after_each_step(data, run, on_epoch),
    )
    described = asdict(describe(pruned, masks, modules, data.test_inputs, data.test_targets))
    described["achieved_sparsity"] = described.pop("sparsity")
    if math.isnan(described["share_inside"]):
        described["share_inside"] = None
    return [{**judged(pruned, data), **described}]
