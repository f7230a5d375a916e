"""Runs: frozen descriptions of networks, each named by a hash of what determines its result."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property

from eigenprune.lab import datasets
from eigenprune.lab.own_code import CAME_WITH_IT, own_code

# Raise this when the computation changes so that old results no longer stand for new ones.
PROTOCOL_VERSION = 1
# The same for the trials of one kind only; a kind that is missing here has version 1.
TRIAL_VERSIONS = {"compression": 2, "growing": 2}
# The same for networks trained with one regulariser only. If `averaging` is ever given a version
# here, it must also enter the ids of redrawn networks that are averaged.
REGULARISER_VERSIONS = {
    "averaged_gradient_pruning": 2,
    "averaged_random_pruning": 2,
    "averaged_taylor_pruning": 2,
}


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How the strength of a regulariser is chosen: on validation examples, with one seed for all.

    Each strength trains the network of that seed. It is judged by the mean accuracy on the
    validation part over the pruning ratios, without retraining. Of equally good strengths the first
    is taken.
    """

    strengths: tuple[float, ...]
    seed: int
    score: str
    scope: str
    pruning_ratios: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Training:
    """One network with one seed, trained. Defaults are the published settings.

    `held_out` is the share of the training examples that the network does not see and is evaluated
    on. With `tuning`, the strength is chosen and `strength` does not matter.

    A new field must default to what was done before the field existed: fields at their defaults do
    not enter the id, so that existing results keep their ids.
    """

    dataset: str
    hidden: tuple[int, ...]
    activation: str
    layer: str
    seed: int
    trainable: str = "all"
    initialisation: str = "2022"
    epochs: int = 100
    batch_size: int = 200
    learning_rate: float = 1e-3
    eigenvalues_in: str = "none"
    regulariser: str = ""
    strength: float = 0.0
    tuning: Tuning | None = None
    held_out: float = 0.0

    @cached_property
    def essence(self) -> dict[str, object]:
        """The part of the id without the data, cached for the ids of a network's many prunings."""
        return _essence(self)


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """A trained network without its least important nodes, possibly retrained.

    If `reconstructed`, the layers after the removed nodes are refitted, see
    `eigenprune.reconstruct`. If `redrawn`, the weights are drawn anew before the network is
    trained, see `eigenprune.sanity.redrawn`. It is evaluated on the test set or, if `validated`, on
    the examples that its training held out.
    """

    training: Training
    score: str
    pruning_ratio: float
    retraining_epochs: int = 0
    scope: str = "global"
    validated: bool = False
    reconstructed: bool = False
    redrawn: bool = False


# One value for each option, options in the order of the tables.
Point = tuple[tuple[str, float | int | str], ...]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Something else that is made of a trained network: see `trials`.

    `kind` names a function of `trials.kinds`, `options` are its settings, and `retraining_epochs`
    is how long it may train the network. The result is evaluated on the test set.
    """

    training: Training
    kind: str
    options: Point
    retraining_epochs: int = 0


# What is made of a trained network.
Sequel = Pruning | Trial
Run = Training | Sequel


def training_of(run: Run) -> Training:
    """The training of the network that a run trains, or starts from."""
    return run if isinstance(run, Training) else run.training


def run_id(run: Run) -> str:
    """The run's name in the store: 16 hexadecimal digits.

    Hashes the non-default fields, the checksum of the data, the version of the protocol, and the
    code of a score or regulariser of the reader's own, see `own_code`.
    """
    essence = _with_data(run) if isinstance(run, Training) else _essence(run)
    return hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()[:16]


def trial_version(kind: str) -> int:
    """The version of what trials of one kind compute, see TRIAL_VERSIONS."""
    return TRIAL_VERSIONS.get(kind, 1)


def _essence(run: Run) -> dict[str, object]:
    essence: dict[str, object] = {"kind": type(run).__name__.lower()}
    if isinstance(run, Trial) and (version := trial_version(run.kind)) != 1:
        essence["version"] = version
    if isinstance(run, Training) and run.regulariser in REGULARISER_VERSIONS:
        essence["version"] = REGULARISER_VERSIONS[run.regulariser]
    for field in fields(run):
        value = getattr(run, field.name)  # a trial's own kind takes the place of "trial"
        if isinstance(value, Training):
            essence[field.name] = _with_data(value)
        elif isinstance(value, Tuning):
            essence[field.name] = {**asdict(value), **_own_code("score", value.score)}
        elif value != field.default:
            # 1 and 1.0 are the same learning rate.
            essence[field.name] = float(value) if field.type is float else value
            if field.name in CAME_WITH_IT:
                essence |= _own_code(field.name, value)
    return essence


def _own_code(field: str, name: str) -> dict[str, object]:
    code = own_code(field, name)
    return {f"{field}_code": code} if code else {}


def _with_data(training: Training) -> dict[str, object]:
    data = datasets.checksum(training.dataset)
    return {**training.essence, "data": data, "protocol": PROTOCOL_VERSION}
