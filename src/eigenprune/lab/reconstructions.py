"""What pruned networks come to if their layers are fitted anew, see `eigenprune.reconstruct`."""

from itertools import groupby
from typing import TYPE_CHECKING

from eigenprune.lab import datasets, project, rivals
from eigenprune.lab.errors import UserError
from eigenprune.lab.plans import plan
from eigenprune.lab.rows import COLUMNS, labels
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Study

if TYPE_CHECKING:
    import pandas as pd

# Fitting sees so many examples of the training part, the first ones.
ROWS = 10_000
ARMS = ("as is", "reconstructed")
RECONSTRUCTION_COLUMNS = (*COLUMNS, "arm")


def reconstructed_curves(study: Study) -> "pd.DataFrame":
    """The curves of methods as they are, and with the layers behind pruned ones fitted anew.

    Each method has its own networks, its own score and scope, and nothing is trained after pruning.

    Args:
        study: gives methods, seeds and pruning ratios above 0; of the arena those that prune a
            trained network and leave it so.

    Returns:
        Two rows per network, method and pruning ratio, one for each of ARMS in the column `arm`,
        besides COLUMNS. Networks that diverged have no row.

    Raises:
        UserError: if a method trains what is pruned, or prunes nothing.
    """
    import pandas as pd

    from eigenprune.lab.protocols import (
        compute,
        nodes_kept,
        one_thread,
        pruning_result,
        trained_network,
    )
    from eigenprune.reconstruction import reconstruct

    if small := [name for name in study.methods if rivals.find(name).trained_small]:
        raise UserError(
            f"methods: {small[0]!r} is trained when small; only of what is left as it was pruned "
            "can be said what fitting anew does"
        )
    store, data_dir = Store(project.store_dir()), project.data_dir()
    judged = datasets.load(study.dataset, data_dir)
    pruned = [row for row in plan(study) if row.pruning_ratio > 0]
    rows: list[dict[str, object]] = []
    with one_thread():
        # All ratios of one network follow each other.
        for (_, training), group in groupby(pruned, lambda row: (row.method, row.run.training)):
            network = trained_network(training, store, data_dir)
            if network is None:
                continue
            seen = datasets.held_out(training.dataset, data_dir, training.held_out)
            for planned in group:
                masks = nodes_kept(planned.run, network, data_dir)
                fitted = reconstruct(network, masks, seen.train_inputs[:ROWS])
                results = (
                    compute(planned.run, store, data_dir).record["result"],
                    pruning_result(fitted, judged),
                )
                for arm, result in zip(ARMS, results, strict=True):
                    if result["status"] == "done":
                        rows.append({**labels(study, planned), "arm": arm, **result})
    return pd.DataFrame(rows, columns=list(RECONSTRUCTION_COLUMNS))
