"""Studies: what `params.yaml` asks for, checked completely before anything is trained."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from eigenprune.lab import own_datasets, rivals
from eigenprune.lab.errors import UserError, did_you_mean
from eigenprune.lab.methods import METHODS, Method
from eigenprune.lab.own_datasets import OwnDataset
from eigenprune.lab.params_file import read_params, require_keys, require_name
from eigenprune.lab.trials import entries as trials
from eigenprune.lab.trials.entries import Trials
from eigenprune.lab.values import (
    NETWORKS,
    Keys,
    check_values,
    dataset,
    distinct,
    list_of,
    listed,
    one_of,
    ratio,
)

Found = TypeVar("Found")

# As in eigenprune.layers, repeated to avoid importing torch; a test keeps the two equal.
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
        trials: approaches other than the removal of nodes, by name, see `lab.trials`.
        quick_trials: names of the trials that the chapters on them run in the pipeline.
    """

    quick: tuple[str, ...]
    studies: dict[str, Study]
    experiments: tuple[str, ...] = ()
    datasets: dict[str, OwnDataset] = field(default_factory=dict)
    rivals: dict[str, Method] = field(default_factory=dict)
    quick_arena: tuple[str, ...] = ()
    trials: dict[str, Trials] = field(default_factory=dict)
    quick_trials: tuple[str, ...] = ()

    @property
    def paper(self) -> list[str]:
        """Names of the studies at the paper's scale, neither quick nor an experiment."""
        others = (*self.quick, *self.quick_arena, *self.experiments)
        return [name for name in self.studies if name not in others]

    @property
    def paper_trials(self) -> list[str]:
        """Names of the trials at the paper's scale."""
        return [name for name in self.trials if name not in self.quick_trials]

    def find(self, name: str) -> Study | Trials:
        """The study or the trials of that name.

        Raises:
            UserError: if there is neither.
        """
        both: dict[str, Study | Trials] = {**self.studies, **self.trials}
        return _found(name, both)

    def study(self, name: str) -> Study:
        """The study of that name.

        Raises:
            UserError: if there is none, or trials have that name.
        """
        if name in self.trials:
            raise UserError(
                f"{name!r} names trials, and a study is wanted here: {', '.join(self.studies)}"
            )
        return _found(name, self.studies)

    def trials_named(self, name: str) -> Trials:
        """The trials of that name.

        Raises:
            UserError: if there are none, or a study has that name.
        """
        if name in self.studies:
            raise UserError(
                f"{name!r} names a study, and trials are wanted here: {', '.join(self.trials)}"
            )
        return _found(name, self.trials, "trials {!r} are")


def _found(name: str, known: Mapping[str, Found], said: str = "study {!r} is") -> Found:
    if name not in known:
        hint = did_you_mean(name, list(known))
        raise UserError(f"{said.format(name)} not in params.yaml{hint}: {', '.join(known)}")
    return known[name]


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`.

    Raises:
        UserError: at the first thing that is wrong, with the key, the value and what is allowed.
    """
    return check_params(read_params(path), path)


def check_params(document: Mapping[str, Any], path: Path) -> Params:
    """The same as `load_params`, for parsed YAML: of a file, or of a text that may become one.

    Args:
        document: as `params_file.parse_params` returns it.
        path: of `params.yaml`; for messages, and because paths of own datasets begin in its folder.
    """
    own = own_datasets.named(document.get("datasets", {}), path)
    arena = rivals.named(document.get("rivals", {}), path.name)
    defaults = document.get("defaults", {})
    keys = _keys(own, arena)
    check_values(defaults, keys, f"{path.name}: defaults", optional=[*keys])
    entries = document.get("studies", {})
    if not isinstance(entries, dict):
        raise UserError(f"{path.name}: studies: {entries!r} must map names to studies")
    studies = {}
    for name, entry in entries.items():
        where = f"{path.name}: studies.{name}"
        require_keys(entry, where, {**_KEYS})
        name = require_name(name, where)
        studies[name] = make_study(name, {**defaults, **entry}, where, own, arena)
    quick = _names_of_studies(document, "quick", studies, path.name)
    experiments = _names_of_studies(document, "experiments", studies, path.name)
    for name in experiments:
        if name in quick:
            raise UserError(
                f"{path.name}: experiments: {name!r} is listed in quick as well: take it out of one"
            )
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
    tried = trials.named(document.get("trials", {}), defaults, path.name, own)
    for name in tried:
        if name in studies:
            raise UserError(
                f"{path.name}: trials.{name}: there is a study {name}; take another name"
            )
    quick_trials = _names_of_studies(document, "quick_trials", tried, path.name, "trials")
    return Params(quick, studies, experiments, own, arena, quick_arena, tried, quick_trials)


def _names_of_studies(
    document: Mapping[str, Any],
    key: str,
    studies: Mapping[str, object],
    file: str,
    what: str = "studies",
) -> tuple[str, ...]:
    """The list under a top-level key, checked: each name occurs once and is a study, or trials."""
    names = document.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names):
        raise UserError(f"{file}: {key}: {names!r} must be a list of names of {what}")
    names = list(map(str, names))
    if len(set(names)) != len(names):
        raise UserError(f"{file}: {key}: {names!r} names one of the {what} twice")
    for name in names:
        if name not in studies:
            hint = did_you_mean(name, list(studies))
            raise UserError(f"{file}: {key}: {name!r} is not one of the {what}{hint}")
    return tuple(names)


def require_methods_for_notebooks(study: Study, where: str | None = None) -> None:
    """Refuse a study that the notebooks cannot show.

    One notebook is on `pre`, and one is on methods that do not retrain.

    Args:
        study: what is to be shown.
        where: begins the sentence of the error; `study NAME` if None.

    Raises:
        UserError: if its methods lack `pre`, or a method that prunes after training and does not
            retrain.
    """
    after = [name for name, method in METHODS.items() if not method.trained_small]
    if "pre" not in study.methods or not set(after) & set(study.methods):
        raise UserError(
            f"{where or f'study {study.name}'}.methods: {list(study.methods)!r} is not allowed "
            f"where notebooks show the study: it needs `pre` and at least one of {', '.join(after)}"
        )


def restrict(study: Study, *, trained_small: bool) -> Study:
    """The study with only those methods that train at the final size, or only those that do not."""
    methods = [name for name in study.methods if rivals.find(name).trained_small == trained_small]
    return change_study(study, {"methods": methods})


def make_study(
    name: str,
    values: Mapping[str, Any],
    where: str,
    own: Collection[str] = (),
    arena: Mapping[str, Method] | None = None,
) -> Study:
    """A study from plain values, all checked.

    Args:
        name: of the study.
        values: one value for each field of `Study` except the name; lists for tuples. Fields that
            did not exist when older studies were recorded may be missing.
        where: begins the sentence of an error, e.g. `params.yaml: studies.digits-1x100`.
        own: names of datasets besides the standard ones.
        arena: methods besides `METHODS`, by name; those of the project if None.

    Raises:
        UserError: if a key is missing or unknown, or a value is not allowed.
    """
    keys = _keys(own, arena)
    study = Study(name=name, **check_values(values, keys, where, optional=["held_out"]))
    for method in study.methods:
        if method not in METHODS:
            known = rivals.of_project() if arena is None else arena
            _require_fit(study, method, known[method], where)
    return study


def change_study(study: Study, changes: Mapping[str, Any]) -> Study:
    """The study with some of its values replaced and checked, e.g. by command line options."""
    values = {field.name: getattr(study, field.name) for field in fields(study)}
    del values["name"]
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
    where = f"study {study.name}"
    return make_study(study.name, {**values, **changes}, where, own=[study.dataset])


def _require_fit(study: Study, name: str, method: Method, where: str) -> None:
    """Refuse a rival that this study lacks the examples, ratios or layers for."""
    if len(method.strengths) > 1 and not study.held_out:
        raise UserError(
            f"{where}.held_out: 0 is not allowed with {name}, whose strength is chosen on examples "
            "that are held out; allowed: a share above 0 and below 1"
        )
    if method.to_ratio and 1 in study.pruning_ratios:
        raise UserError(
            f"{where}.pruning_ratios: 1 is not allowed with {name}, which removes that share of "
            "the nodes while it trains; allowed: ratios below 1"
        )
    layers = rivals.EQUAL_LAYERS.get(method.regulariser, 1)
    if layers > 1 and (len(study.hidden) < layers or len(set(study.hidden)) > 1):
        raise UserError(
            f"{where}.hidden: {list(study.hidden)!r} is not allowed with {name}; allowed: {layers} "
            "or more layers of one width"
        )


def _keys(own: Collection[str], arena: Collection[str] | None) -> Keys:
    return {**_KEYS, "dataset": dataset(own), "methods": (_METHODS, _methods(arena))}


def _methods(arena: Collection[str] | None) -> Callable[[object], tuple[str, ...]]:
    def check(value: object) -> tuple[str, ...]:
        methods = list_of(str)(value)
        if set(methods) <= set(METHODS):
            return distinct(str)(value)
        own = list(rivals.of_project() if arena is None else arena)
        # The word `rivals` stands for all of them, as they are many.
        named = [name for m in methods for name in (own if m == "rivals" else [m])]
        return distinct(one_of((*METHODS, *own)))(named)

    return check


_METHODS = f"a list from {', '.join(METHODS)}, and the methods that `rivals` makes"

_KEYS: Keys = {
    **NETWORKS,
    "methods": (_METHODS, _methods(None)),
    "pruning_ratios": (
        "a list of different fractions of nodes removed, from 0 to 1",
        distinct(ratio),
    ),
    "initialisation": (listed(INITIALISATIONS), one_of(INITIALISATIONS)),
}
