"""Which networks' eigenvalues are recorded."""

from collections.abc import Callable

from eigenprune.lab import spectra
from eigenprune.lab.plans import networks
from eigenprune.lab.runs import run_id
from eigenprune.lab.studies import Params


def test_one_spectrum_for_each_seed_of_a_spectral_method(
    arena_project: Callable[..., Params],
) -> None:
    rivals = {
        "whole": {"layer": "spectral", "score": "eigenvalue"},
        "dense": {"score": "weight_norm"},
        "for-each-ratio": {
            **{"layer": "spectral", "score": "eigenvalue_times_eigenvector"},
            **{"regulariser": "taylor_pruning", "strengths": "ratio"},
        },
    }
    study = arena_project(rivals=rivals, studies={"one": {"methods": [*rivals]}}).study("one")
    of_method: dict[str, set[str]] = {}
    for key, network in networks(study):
        of_method.setdefault(str(key["method"]), set()).add(run_id(network))
    assert len(of_method["for-each-ratio"]) > len(of_method["whole"]) == len(study.seeds)
    assert spectra.kept(study) == of_method["whole"]
