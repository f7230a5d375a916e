"""Which networks' eigenvalues are recorded, and how."""

from collections.abc import Callable
from pathlib import Path

import torch

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
        "short": {"layer": "spectral", "from_scratch": True},
    }
    study = arena_project(rivals=rivals, studies={"one": {"methods": [*rivals]}}).study("one")
    of_method: dict[str, set[str]] = {}
    for key, network in networks(study):
        of_method.setdefault(str(key["method"]), set()).add(run_id(network))
    for name in ("for-each-ratio", "short"):
        assert len(of_method[name]) > len(of_method["whole"]) == len(study.seeds)
    assert spectra.kept(study) == of_method["whole"]


def test_what_networks_share_is_in_the_file_once(tmp_path: Path) -> None:
    start = torch.rand(500)
    found = {f"run{n}": {"1.before": start.clone(), "1.after": torch.rand(500)} for n in range(8)}
    spectra.write(tmp_path / "shared", found)
    read = spectra.read(tmp_path / "shared")
    assert read.keys() == found.keys()
    for run, spectrum in found.items():
        assert read[run].keys() == spectrum.keys()
        assert all(torch.equal(read[run][name], tensor) for name, tensor in spectrum.items())
    apart = {run: its | {"1.before": torch.rand(500)} for run, its in found.items()}
    spectra.write(tmp_path / "apart", apart)
    sizes = [(tmp_path / name / spectra.FILE).stat().st_size for name in ("shared", "apart")]
    assert sizes[0] < 0.6 * sizes[1]
    before = (tmp_path / "shared" / spectra.FILE).read_bytes()
    spectra.write(tmp_path / "shared", read)
    assert (tmp_path / "shared" / spectra.FILE).read_bytes() == before
