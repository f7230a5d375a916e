"""Trials: the entries under `trials:` in `params.yaml`, checked, and the runs that they need."""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from eigenprune.lab import datasets
from eigenprune.lab.errors import UserError
from eigenprune.lab.params_file import require_keys, require_name
from eigenprune.lab.runs import Point, Training, Trial
from eigenprune.lab.trials.grids import KINDS, UNTRAINED, points
from eigenprune.lab.values import NETWORKS, Keys, check_values, dataset, one_of


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Trials of one kind: one dataset x hidden widths x activations x seeds x points of a grid.

    They start from plainly trained dense networks, the same as in a study with the same values.
    `retraining_epochs` is how long each trial may train them.
    """

    name: str
    kind: str
    dataset: str
    hidden: tuple[int, ...]
    activations: tuple[str, ...]
    seeds: tuple[int, ...]
    epochs: int
    retraining_epochs: int
    batch_size: int
    learning_rate: float
    points: tuple[Point, ...]
    held_out: float = 0.0

    @property
    def widths(self) -> str:
        """The hidden widths as the tables write them, `500-500-500`."""
        return "-".join(map(str, self.hidden))

    @property
    def options(self) -> list[str]:
        """Names of the options that any point has."""
        return list(dict.fromkeys(name for point in self.points for name, _ in point))


_KINDS = tuple(sorted(KINDS))
_KEYS: Keys = {"kind": (", ".join(_KINDS), one_of(_KINDS)), **NETWORKS}


def named(
    entries: object, defaults: Mapping[str, Any], file: str, own: Collection[str]
) -> dict[str, Trials]:
    """The trials under `trials:`, by name, in the order of the file.

    Args:
        entries: the part under `trials:` as parsed from YAML.
        defaults: values for keys that an entry leaves out.
        file: name of the file, for messages.
        own: names of datasets besides the standard ones.

    Raises:
        UserError: at the first thing that is wrong, with the key, the value and what is allowed.
    """
    if not isinstance(entries, dict):
        raise UserError(f"{file}: trials: {entries!r} must map names to trials")
    shared = {key: value for key, value in defaults.items() if key in _KEYS}
    found = {}
    for name, entry in entries.items():
        where = f"{file}: trials.{name}"
        entry = require_keys(entry, where, {*_KEYS, "grid"})
        name = require_name(name, where)
        found[name] = make_trials(name, {**shared, **entry}, where, own)
    return found


def make_trials(
    name: str, values: Mapping[str, Any], where: str, own: Collection[str] = ()
) -> Trials:
    """Trials from plain values, all checked.

    Args:
        name: of the trials.
        values: one value for each key; lists for tuples; `grid` as in `grids`.
        where: begins the sentence of an error.
        own: names of datasets besides the standard ones.

    Raises:
        UserError: if a key is missing or unknown, or a value is not allowed.
    """
    values = dict(values)
    grid = values.pop("grid", None)
    keys = {**_KEYS, "dataset": dataset(own)}
    checked = check_values(values, keys, where, optional=["held_out"])
    if grid is None:
        raise UserError(f"{where}: grid is missing; allowed: a mapping, or a list of mappings")
    found = points(checked["kind"], grid, f"{where}.grid")
    trials = Trials(name=name, points=found, **checked)
    _require_fit(trials, where)
    return trials


def change_trials(trials: Trials, changes: Mapping[str, Any]) -> Trials:
    """The trials with some of their values replaced and checked, e.g. by command line options.

    Raises:
        UserError: if a value is not allowed, or trials have no such value.
    """
    where = f"trials {trials.name}"
    require_keys({**changes}, where, {*NETWORKS})
    keys = {key: NETWORKS[key] for key in changes}
    changed = replace(trials, **check_values(changes, keys, where))
    _require_fit(changed, where)
    return changed


def _require_fit(trials: Trials, where: str) -> None:
    """Refuse what cannot be tried with these networks, before any is trained."""
    tried = {option for point in trials.points for option in point}
    # Only compression at once may go without retraining: all other trials train as they go.
    if trials.retraining_epochs < 1 and (
        trials.kind != "compression" or ("method", "gradual-magnitude") in tried
    ):
        raise UserError(f"{where}.retraining_epochs: 0 is not allowed here; allowed: 1 or more")
    # Otherwise the grown network could have more connections than the one it is compared with.
    if ("algorithm", "nodes") in tried and len(set(trials.hidden)) > 1:
        raise UserError(
            f"{where}.hidden: {list(trials.hidden)!r} is not allowed with algorithm 'nodes', which "
            "adds as many to each layer; allowed: layers of one width"
        )
    if trials.kind == "flow" and (len(trials.hidden) < 3 or len(set(trials.hidden)) > 1):
        raise UserError(
            f"{where}.hidden: {list(trials.hidden)!r} is not allowed with kind 'flow', whose "
            "features are points of one space; allowed: 3 or more layers of one width"
        )
    room = {
        # A module without nodes in some layer has no path from an input to an output.
        "modules": (min(_layers(trials)), "the nodes of the smallest layer"),
        "first_nodes": (min(trials.hidden), "the hidden width"),
    }
    for option, value in sorted(tried, key=str):
        if option in room and int(value) > room[option][0]:
            most, what = room[option]
            raise UserError(
                f"{where}.grid.{option}: {value} is not allowed; allowed: no more than {what}, "
                f"which is {most}"
            )


def _layers(trials: Trials) -> tuple[int, ...]:
    """Nodes per layer; only of hidden layers for the reader's own data, so as not to read them."""
    if trials.dataset not in datasets.STANDARD:
        return trials.hidden
    _, inputs, classes = datasets.shape(trials.dataset)
    return inputs, *trials.hidden, classes


def plan(trials: Trials) -> list[Trial]:
    """The runs of trials, in the order of the tables."""
    runs = []
    for activation, seed, point in itertools.product(
        trials.activations, trials.seeds, trials.points
    ):
        training = Training(
            dataset=trials.dataset,
            hidden=trials.hidden,
            activation=activation,
            layer="dense",
            seed=seed,
            epochs=trials.epochs,
            batch_size=trials.batch_size,
            learning_rate=trials.learning_rate,
            held_out=trials.held_out,
        )
        trained = not set(UNTRAINED) & set(dict(point).values())
        runs.append(
            Trial(
                training=training,
                kind=trials.kind,
                options=point,
                retraining_epochs=trials.retraining_epochs if trained else 0,
            )
        )
    return runs
