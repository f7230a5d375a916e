"""What a run computes may change only together with PROTOCOL_VERSION."""

import pytest

from eigenprune.lab.execution import sweep
from eigenprune.lab.runs import PROTOCOL_VERSION
from eigenprune.lab.studies import Study, change_study

# Losses of the study below under protocol version 1. If these numbers have to change, the runs in
# people's stores and in results/paper are no longer what the code computes: raise PROTOCOL_VERSION.
VERSION = 1
LOSSES = {
    "direct 0.0": 0.556283,
    "direct 0.5": 2.028289,
    "post 0.0": 1.170143,
    "post 0.5": 1.709785,
    "pre 0.0": 1.879207,
    "pre 0.5": 1.967181,
    "random 0.0": 0.556283,
    "random 0.5": 1.665103,
}


def test_results_of_this_protocol_version(tiny: Study) -> None:
    study = change_study(tiny, {"hidden": [12, 8], "epochs": 5, "activations": ["tanh"]})
    curves = sweep.run_study(study, executor="inline")
    found = {
        f"{row.method} {row.pruning_ratio}": row.loss for row in curves.itertuples(index=False)
    }
    assert PROTOCOL_VERSION == VERSION
    # Rounding differs between processors, but far less than a change of the protocol would show.
    assert found == pytest.approx(LOSSES, rel=1e-3)
