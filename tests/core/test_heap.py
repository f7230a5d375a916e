"""Memory that training frees stays with its process, so the next step need not fetch it again."""

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries have other ways"
)

# glibc fetches blocks above a threshold apart from the heap, and gives them back to the system once
# they are free. Freed blocks raise the threshold; the heap is trimmed at twice the threshold.
BLOCK = """
import torch
from eigenprune import heap, mlp, train

def in_heap():
    block = torch.empty(20 * 2**20, dtype=torch.uint8)
    line = next(line for line in open("/proc/self/maps") if "[heap]" in line)
    low, high = (int(end, 16) for end in line.split()[0].split("-"))
    return int(low < block.data_ptr() < high)

print(in_heap())
{how}
print(in_heap())
"""
TRAINED = "train(mlp([4, 2, 2]), torch.ones(2, 4), torch.tensor([0, 1]), epochs=1)"
# Epochs of 100 steps. Each step briefly needs some ten megabytes, in blocks of a few sizes.
EPOCHS = """
import resource, torch
from eigenprune import mlp, train

torch.set_num_threads(1)
seen = []
inputs, targets = torch.rand(20_000, 784), torch.arange(20_000) % 10
network = mlp([784, 500, 10], activation="relu", eigenvalues_in=True)

def watch(epoch, model):  # pages that the system had to give so far
    seen.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)

train(network, inputs, targets, epochs=15, watch=watch)
print(*(after - before for before, after in zip(seen, seen[1:])))
"""


# Variables in the tester's environment that would also decide this.
DECIDES_TOO = ("GLIBC_TUNABLES", "THP_MEM_ALLOC_ENABLE")


def printed(program: str) -> list[int]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in DECIDES_TOO and not name.startswith("MALLOC_")
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return [int(number) for number in done.stdout.split()]


@pytest.mark.parametrize("how", ["heap.keep_freed()", TRAINED])
def test_freed_memory_is_kept_and_was_not_before(how: str) -> None:
    assert printed(BLOCK.format(how=how)) == [0, 1]


def test_a_training_lives_on_the_memory_of_its_first_steps() -> None:
    _, *later = printed(EPOCHS)
    assert len(later) == 14
    assert max(later) < 100 * 10
