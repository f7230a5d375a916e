"""What the book contains besides the pages of `book/`: its chapters, in reading order."""

from eigenprune.lab.studies import Study
from eigenprune.report.readable import layers

# The chapters of a study, in reading order, and what the start page calls them.
CHAPTERS = {
    "train": "training",
    "prune-after": "pruning after training",
    "prune-before": "pruning before training",
    "compare": "comparison",
}

# The chapters on recorded results, in reading order, and what they say about their origin.
PAPER_CHAPTERS = {
    "one-hidden-layer": "Paper scale, recorded in `results/paper`.",
    "several-hidden-layers": "Paper scale, recorded in `results/paper`.",
    "before-training": "Paper scale, recorded in `results/paper`.",
    "speed": "Measured times, recorded in `results/bench`.",
}

# The chapters on the rivals, likewise.
ARENA_CHAPTERS = dict.fromkeys(
    (
        "arena",
        "which-score",
        "which-regulariser",
        "what-the-eigenvalue-adds",
        "modules",
        "growing-instead-of-pruning",
        "compression",
    ),
    "Quick scale, and results recorded in `results/paper`.",
)

# The chapter that compares the quick results with the recorded ones; the table of contents has it.
YOUR_RUN = "your-run"


def caption(study: Study) -> str:
    """A study in words: `digits, one hidden layer of 100 nodes`."""
    if len(set(study.hidden)) > 1:
        return f"{study.dataset}, hidden layers of {study.widths} nodes"
    return f"{study.dataset}, {layers(len(study.hidden))} of {study.hidden[0]} nodes"
