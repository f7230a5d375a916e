"""What a training frees stays with its process, and the next step need not fetch it again."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries have other ways"
)

# Large blocks are fetched apart from the heap, and go back to the system once they are free, up to
# a size that grows with what has been freed so far; the heap itself is cut twice that size.
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
# Epochs of 400 steps, each of which needs some twelve megabytes for a moment.
EPOCHS = """
import resource, torch
from eigenprune import mlp, train

def pages():  # that the system had to give so far
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

seen = []
inputs, targets = torch.rand(4000, 784), torch.arange(4000) % 10
network = mlp([784, 500, 500, 10], activation="relu", eigenvalues_in=True)
watch = lambda epoch, model: seen.append(pages())
train(network, inputs, targets, epochs=4, batch_size=10, watch=watch)
print(*(after - before for before, after in zip(seen, seen[1:])))
"""


def printed(program: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return [int(number) for number in done.stdout.split()]


@pytest.mark.parametrize("how", ["heap.keep_freed()", TRAINED])
def test_freed_memory_is_kept_and_was_not_before(how: str) -> None:
    assert printed(BLOCK.format(how=how)) == [0, 1]


def test_a_training_lives_on_the_memory_of_its_first_steps() -> None:
    _, *later = printed(EPOCHS)
    assert len(later) == 3
    assert max(later) < 400 * 10
