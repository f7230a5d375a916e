"""How accurate the trained networks are that trials begin with, before anything is pruned."""

import pandas as pd

from eigenprune.lab import arena, project, rivals
from eigenprune.lab.protocols import compute
from eigenprune.lab.records.recorded import folder_of, rows_by_run
from eigenprune.lab.runs import Pruning, run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import load_params
from eigenprune.lab.trials.entries import plan
from eigenprune.report.readable import percent, seeds
from eigenprune.report.trials.trial_exhibits import ShownTrials


def begun_with(its: ShownTrials, activation: str) -> str:
    """The accuracy of these networks, for a caption: mean, deviation and seeds; empty if unknown.

    For recorded trials, it is the accuracy that the arena has recorded for the same networks.

    Args:
        its: trials that begin with plainly trained networks.
        activation: one of the activations of the trials.
    """
    trainings = {run.training for run in plan(its.trials) if run.training.activation == activation}
    if its.recorded:
        known = _recorded()
        found = [known[name] for name in map(run_id, trainings) if name in known]
    else:
        store = Store(project.store_dir())
        # By the test set: a training's own accuracy is that on the examples that it held out.
        whole = (Pruning(training=t, score="connectivity", pruning_ratio=0.0) for t in trainings)
        results = (compute(run, store, project.data_dir()).record["result"] for run in whole)
        found = [result["accuracy"] for result in results if result["status"] == "done"]
    accuracies = pd.Series(found, dtype=float)
    if accuracies.empty:
        return ""
    return f"{percent(accuracies.mean(), accuracies.std())} ({seeds(len(accuracies))})"


def _recorded() -> dict[str, float]:
    """The accuracy of each network that the arena has recorded unpruned, by the training's id."""
    params = load_params(project.root() / "params.yaml")
    rows = (
        row
        for name in arena.studies_of(params)
        for row in rows_by_run(folder_of(params.study(name))).values()
    )
    return {
        row["training"]: row["accuracy"]
        for row in rows
        if row["pruning_ratio"] == 0
        # With nothing removed, fitting anew changes nothing.
        and rivals.retraining(rivals.find(row["method"])) in (rivals.AS_PRUNED, rivals.FITTED)
    }
