"""What a result was made with: code, versions, device, threads."""

import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch

from eigenprune.lab import devices


def made_with(device: str = "cpu") -> dict[str, Any]:
    """Commit, versions, device and thread count of this process, for the record of a run.

    Args:
        device: where it was computed, by torch's name.
    """
    return {
        "commit": commit(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": devices.name(device),
        "processor": processor(),
        "threads": torch.get_num_threads(),
    }


@cache
def processor() -> str:
    """Kind, vector instructions that torch uses, and maker: each affects how sums are rounded.

    The maker matters because `eigenprune.onednn` leaves torch's default products in place on the
    processors of one maker.
    """
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    maker = next((line.partition(":")[2].strip() for line in lines if "vendor_id" in line), "")
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()} {maker}".strip()


@cache
def commit() -> str:
    """The commit of the running code, with `+changes` if its files differ; `unknown` without Git.

    Other files do not count: results that were recorded since the commit do not change the code.
    """
    try:
        # Fails where this file is not in Git, e.g. installed inside another repository.
        _git("ls-files", "--error-unmatch", Path(__file__).name)
        name = _git("describe", "--always", "--abbrev=12", "--exclude=*")
        package = str(Path(__file__).parents[1])
        changes = _git("status", "--porcelain", "--untracked-files=no", "--", package)
        return f"{name}+changes" if changes else name
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    folder = Path(__file__).parent
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()
