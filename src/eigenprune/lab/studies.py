"""Studies: what `params.yaml` asks for, checked whole before anything is trained."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eigenprune.lab import datasets
from eigenprune.lab.errors import UserError, did_you_mean
from eigenprune.lab.methods import METHODS

if TYPE_CHECKING:
    import yaml

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

    @property
    def widths(self) -> str:
        """The hidden widths as the tables write them, `500-500-500`."""
        return "-".join(map(str, self.hidden))


@dataclass(frozen=True)
class Params:
    """The whole of `params.yaml`."""

    quick: tuple[str, ...]
    studies: dict[str, Study]

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
    import yaml

    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _strict_loader())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or a byte that is none
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    _mapping(document, path.name, {"quick", "defaults", "studies"})
    defaults = document.get("defaults") or {}
    _mapping(defaults, f"{path.name}: defaults", _KEYS)
    entries = document.get("studies") or {}
    if not isinstance(entries, dict):
        raise UserError(f"{path.name}: studies: {entries!r} must map names to studies")
    studies = {}
    for name, entry in entries.items():
        where = f"{path.name}: studies.{name}"
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", str(name)):
            raise UserError(f"{where}: the name may hold a-z, 0-9 and single hyphens")
        _mapping(entry, where, _KEYS)
        studies[str(name)] = make_study(str(name), {**defaults, **entry}, where)
    quick = document.get("quick") or []
    if not isinstance(quick, list) or not all(isinstance(name, str | int) for name in quick):
        raise UserError(f"{path.name}: quick: {quick!r} must be a list of names of studies")
    quick = list(map(str, quick))
    if len(set(quick)) != len(quick):
        raise UserError(f"{path.name}: quick: {quick!r} names a study twice")
    for name in quick:
        if name not in studies:
            hint = did_you_mean(name, list(studies))
            raise UserError(f"{path.name}: quick: {name!r} is not one of the studies{hint}")
        require_methods_for_notebooks(studies[name], f"{path.name}: studies.{name}")
    return Params(tuple(quick), studies)


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


@cache
def _strict_loader() -> type["yaml.SafeLoader"]:
    """YAML's safe loader, in which a key that stands twice is an error."""
    import yaml

    class StrictLoader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    raise yaml.YAMLError(f"the key {key!r} stands twice{node.start_mark}")
            return super().construct_mapping(node, deep)

    return StrictLoader


def restrict(study: Study, *, trained_small: bool) -> Study:
    """The study with those methods only that train at the final size, or those that do not."""
    methods = [name for name in study.methods if METHODS[name].trained_small == trained_small]
    return change_study(study, {"methods": methods})


def make_study(name: str, values: Mapping[str, Any], where: str) -> Study:
    """A study from plain values, all checked.

    Args:
        name: of the study.
        values: one value for each field of `Study` but the name; lists for tuples.
        where: begins the sentence of an error, e.g. `params.yaml: studies.digits-1x100`.

    Raises:
        UserError: if a key is missing or unknown, or a value is not allowed.
    """
    _mapping(values, where, _KEYS)
    checked: dict[str, Any] = {}
    for key, (allowed, convert) in _KEYS.items():
        if key not in values:
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
    return make_study(study.name, {**values, **changes}, f"study {study.name}")


def _mapping(value: object, where: str, known: Mapping[str, Any] | set[str]) -> None:
    if not isinstance(value, dict):
        raise UserError(f"{where}: {value!r} must map keys to values")
    for key in value:
        if key not in known:
            hint = did_you_mean(str(key), list(known))
            raise UserError(
                f"{where}: unknown key {key!r}{hint}; allowed: {', '.join(sorted(known))}"
            )


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


# For each key of a study: what is allowed, in words, and the check that turns it into the field.
_KEYS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "dataset": (", ".join(datasets.NAMES), _one_of(datasets.NAMES)),
    "hidden": ("a list of widths, each 1 or more, e.g. [500, 500, 500]", _list_of(_whole(1))),
    "activations": (f"a list from {', '.join(ACTIVATIONS)}", _distinct(_one_of(ACTIVATIONS))),
    "methods": (f"a list from {', '.join(METHODS)}", _distinct(_one_of(tuple(METHODS)))),
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
}
