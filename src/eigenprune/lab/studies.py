"""Studies: what `params.yaml` asks for, checked whole before anything is trained."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from eigenprune.lab import datasets, own_datasets, rivals
from eigenprune.lab.errors import UserError, did_you_mean
from eigenprune.lab.methods import METHODS, Method
from eigenprune.lab.own_datasets import OwnDataset
from eigenprune.lab.params_file import read_params, require_keys, require_name

# As in eigenprune.networks and eigenprune.layers, without importing torch; a test holds them equal.
ACTIVATIONS = ("elu", "relu", "tanh")
INITIALISATIONS = ("2022", "ones")


@dataclass(frozen=True, kw_only=True)
class Study:
    """One dataset x hidden widths x activations x methods x seeds x pruning ratios."""

    name: str
    dataset: str
    hidden: tuple[int, ...]
    activations: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    pruning_ratios: tuple[float, ...]
    epochs: int
    retraining_epochs: int
    batch_size: int
    learning_rate: float
    initialisation: str
    held_out: float = 0.0

    @property
    def widths(self) -> str:
        """The hidden widths as the tables write them, `500-500-500`."""
        return "-".join(map(str, self.hidden))


@dataclass(frozen=True)
class Params:
    """The whole of `params.yaml`.

    Args:
        quick: names of the studies that the pipeline runs with its four notebooks.
        studies: all of them, by name.
        experiments: names of those that have one notebook each, made by `new-experiment`.
        datasets: those of the reader's own, by name.
        rivals: the methods of the arena, by name, see `lab.rivals`.
        quick_arena: names of the studies that the chapters on the arena run in the pipeline.
    """

    quick: tuple[str, ...]
    studies: dict[str, Study]
    experiments: tuple[str, ...] = ()
    datasets: dict[str, OwnDataset] = field(default_factory=dict)
    rivals: dict[str, Method] = field(default_factory=dict)
    quick_arena: tuple[str, ...] = ()

    @property
    def paper(self) -> list[str]:
        """Names of the studies at the paper's scale, neither quick nor an experiment."""
        others = (*self.quick, *self.quick_arena, *self.experiments)
        return [name for name in self.studies if name not in others]

    def study(self, name: str) -> Study:
        """The study of that name.

        Raises:
            UserError: if there is none.
        """
        if name not in self.studies:
            known = list(self.studies)
            hint = did_you_mean(name, known)
            raise UserError(f"study {name!r} is not in params.yaml{hint}: {', '.join(known)}")
        return self.studies[name]


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`.

    Raises:
        UserError: at the first thing that is wrong, with the key, the value and what is allowed.
    """
    return check_params(read_params(path), path)


def check_params(document: Mapping[str, Any], path: Path) -> Params:
    """The same for what YAML made of a file, or of a text that may become one.

    Args:
        document: as `params_file.parse_params` returns it.
        path: of `params.yaml`, for messages, and where paths of own datasets begin.
    """
    own = own_datasets.named(document.get("datasets") or {}, path)
    arena = rivals.named(document.get("rivals") or {}, path.name)
    defaults = document.get("defaults") or {}
    require_keys(defaults, f"{path.name}: defaults", _KEYS)
    entries = document.get("studies") or {}
    if not isinstance(entries, dict):
        raise UserError(f"{path.name}: studies: {entries!r} must map names to studies")
    studies = {}
    for name, entry in entries.items():
        where = f"{path.name}: studies.{name}"
        require_keys(entry, where, _KEYS)
        name = require_name(name, where)
        studies[name] = make_study(name, {**defaults, **entry}, where, own, arena)
    quick = _names_of_studies(document, "quick", studies, path.name)
    for name in quick:
        where = f"{path.name}: studies.{name}"
        require_methods_for_notebooks(studies[name], where)
        if studies[name].dataset in own:
            raise UserError(
                f"{where}.dataset: {studies[name].dataset!r} is not allowed in `quick`, whose "
                "stages do not watch files of your own; `eigenprune new-experiment` makes one that "
                "does"
            )
    quick_arena = _names_of_studies(document, "quick_arena", studies, path.name)
    experiments = _names_of_studies(document, "experiments", studies, path.name)
    for name in experiments:
        if name in quick:
            raise UserError(f"{path.name}: experiments: {name!r} stands in quick as well")
    return Params(quick, studies, experiments, own, arena, quick_arena)


def _names_of_studies(
    document: Mapping[str, Any], key: str, studies: Mapping[str, Study], file: str
) -> tuple[str, ...]:
    """The list under a key of the top level, each name once, each a study."""
    names = document.get(key) or []
    if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names):
        raise UserError(f"{file}: {key}: {names!r} must be a list of names of studies")
    names = list(map(str, names))
    if len(set(names)) != len(names):
        raise UserError(f"{file}: {key}: {names!r} names a study twice")
    for name in names:
        if name not in studies:
            hint = did_you_mean(name, list(studies))
            raise UserError(f"{file}: {key}: {name!r} is not one of the studies{hint}")
    return tuple(names)


def require_methods_for_notebooks(study: Study, where: str | None = None) -> None:
    """Refuse a study that the notebooks cannot show: one is on `pre`, one on what is not retrained.

    Args:
        study: what is to be shown.
        where: begins the sentence of the error; `study NAME` if None.

    Raises:
        UserError: if `pre` is not among its methods, or nothing else that prunes after training.
    """
    after = [name for name, method in METHODS.items() if not method.trained_small]
    if "pre" not in study.methods or not set(after) & set(study.methods):
        raise UserError(
            f"{where or f'study {study.name}'}.methods: {list(study.methods)!r} is not allowed "
            f"where notebooks show the study: it needs `pre` and at least one of {', '.join(after)}"
        )


def restrict(study: Study, *, trained_small: bool) -> Study:
    """The study with those methods only that train at the final size, or those that do not."""
    methods = [name for name in study.methods if METHODS[name].trained_small == trained_small]
    return change_study(study, {"methods": methods})


def make_study(
    name: str,
    values: Mapping[str, Any],
    where: str,
    own: Collection[str] = (),
    arena: Collection[str] | None = None,
) -> Study:
    """A study from plain values, all checked.

    Args:
        name: of the study.
        values: one value for each field of `Study` but the name; lists for tuples. What was not
            there when older studies were recorded may be missing.
        where: begins the sentence of an error, e.g. `params.yaml: studies.digits-1x100`.
        own: names of datasets besides the standard ones.
        arena: names of methods besides `METHODS`; those of the project if None.

    Raises:
        UserError: if a key is missing or unknown, or a value is not allowed.
    """
    require_keys(values, where, _KEYS)
    known = (*datasets.NAMES, *own)
    keys = {
        **_KEYS,
        "dataset": (", ".join(known), _one_of(known)),
        "methods": (_METHODS, _methods(arena)),
    }
    checked: dict[str, Any] = {}
    for key, (allowed, convert) in keys.items():
        if key not in values:
            if key == "held_out":
                continue
            raise UserError(f"{where}: {key} is missing; allowed: {allowed}")
        try:
            checked[key] = convert(values[key])
        except (TypeError, ValueError, OverflowError) as error:
            hint = str(error) if isinstance(error, UserError) else ""
            raise UserError(
                f"{where}.{key}: {values[key]!r} is not allowed{hint}; allowed: {allowed}"
            ) from error
    return Study(name=name, **checked)


def change_study(study: Study, changes: Mapping[str, Any]) -> Study:
    """The study with some of its values replaced and checked, e.g. by command line options."""
    values = {field.name: getattr(study, field.name) for field in fields(study)}
    del values["name"]
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
    where = f"study {study.name}"
    return make_study(study.name, {**values, **changes}, where, own=[study.dataset])


def _whole(lowest: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise ValueError
        return value

    return check


def _number(value: object) -> float:
    # DVC writes 1e-05, which YAML 1.1 takes for a word.
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    return float(value)


def _ratio(value: object) -> float:
    if not 0 <= (number := _number(value)) <= 1:
        raise ValueError
    return number


def _rate(value: object) -> float:
    number = _number(value)
    if not (number > 0 and math.isfinite(number)):
        raise ValueError
    return number


def _one_of(known: tuple[str, ...]) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in known:
            raise UserError(did_you_mean(str(value), list(known)))
        return str(value)

    return check


def _share(value: object) -> float:
    if not 0 <= (number := _number(value)) < 1:
        raise ValueError
    return number


def _methods(arena: Collection[str] | None) -> Callable[[object], tuple[str, ...]]:
    def check(value: object) -> tuple[str, ...]:
        methods = _list_of(str)(value)
        if set(methods) <= set(METHODS):
            return _distinct(str)(value)
        own = list(rivals.of_project() if arena is None else arena)
        # One word for all of them, for they are many.
        named = [name for m in methods for name in (own if m == "rivals" else [m])]
        return _distinct(_one_of((*METHODS, *own)))(named)

    return check


def _list_of(check: Callable[[object], Any]) -> Callable[[object], tuple[Any, ...]]:
    def check_list(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError
        items = tuple(check(item) for item in value)
        return items

    return check_list


def _distinct(check: Callable[[object], Any]) -> Callable[[object], tuple[Any, ...]]:
    def check_distinct(value: object) -> tuple[Any, ...]:
        items = _list_of(check)(value)
        if len(set(items)) != len(items):
            raise UserError(" (something stands in it twice)")
        return items

    return check_distinct


_METHODS = f"a list from {', '.join(METHODS)}, and the methods that `rivals` makes"

# For each key of a study: what is allowed, in words, and the check that turns it into the field.
_KEYS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "dataset": (", ".join(datasets.NAMES), _one_of(datasets.NAMES)),
    "hidden": ("a list of widths, each 1 or more, e.g. [500, 500, 500]", _list_of(_whole(1))),
    "activations": (f"a list from {', '.join(ACTIVATIONS)}", _distinct(_one_of(ACTIVATIONS))),
    "methods": (_METHODS, _methods(None)),
    "seeds": ("a list of different whole numbers, 0 or more", _distinct(_whole(0))),
    "pruning_ratios": (
        "a list of different fractions of nodes removed, from 0 to 1",
        _distinct(_ratio),
    ),
    "epochs": ("a whole number, 1 or more", _whole(1)),
    "retraining_epochs": ("a whole number, 0 or more", _whole(0)),
    "batch_size": ("a whole number, 1 or more", _whole(1)),
    "learning_rate": ("a number above 0", _rate),
    "initialisation": (", ".join(INITIALISATIONS), _one_of(INITIALISATIONS)),
    "held_out": ("a share of the training examples, from 0 to less than 1", _share),
}
