"""The methods of the arena: one line each under `rivals:` of `params.yaml`.

    weight-norm: {score: weight_norm}
    group-lasso: {score: weight_norm, regulariser: group_lasso, strengths: [1, 2, 5]}

A rival called NAME makes two methods: NAME, whose networks are pruned and evaluated, and
NAME-retrained, whose pruned networks are then trained for the study's `retraining_epochs`. A rival
without a regulariser also makes NAME-reconstructed, whose pruned networks are fitted to give what
the whole ones gave. A rival makes only one method if its networks are trained at their final size
in any case: pruned `before` any training, made small and trained `from_scratch`, or `redrawn` after
pruning.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eigenprune.lab.errors import UserError, did_you_mean
from eigenprune.lab.methods import METHODS, Method
from eigenprune.lab.params_file import of_project_params, require_keys, require_name
from eigenprune.lab.score_names import all_score_names, regulariser_names, score_names
from eigenprune.lab.values import Check, Keys, check_values, list_of, listed, number, one_of

SCORES = all_score_names()
SPECTRAL_SCORES = ("eigenvalue", "eigenvalue_times_eigenvector", "eigenvector_norm")
REGULARISERS = regulariser_names()
# Those that have removed a share of the nodes in the end: they can be given the pruning ratio.
OF_RATIOS = tuple(name for name in REGULARISERS if name.endswith("_pruning"))
# Regularisers whose strength is a share, below 1.
OF_SHARES = (*OF_RATIOS, "averaging", "dropout", "hard_threshold")
# Those of OF_RATIOS that do more than prune: their networks differ from plainly trained ones even
# where nothing is pruned.
MORE_THAN_PRUNING = tuple(name for name in OF_RATIOS if name.startswith("averaged_"))
# Regularisers that average the parameters of their last steps.
AVERAGING = (*MORE_THAN_PRUNING, "averaging")
# Those of OF_RATIOS that draw the nodes at random: controls for the others.
BY_LOT = tuple(n for n in OF_RATIOS if n.endswith(("random_pruning", "shuffled_pruning")))
OF_EIGENVALUES = tuple(name for name in REGULARISERS if name.startswith("eigenv"))
# Regularisers that change weights or eigenvectors, which must not be frozen.
OF_WEIGHTS = (*OF_RATIOS, "gate_l1", "group_lasso", "hard_concrete", "hard_threshold")
# How many hidden layers of one width these need at least.
EQUAL_LAYERS = {"flow_angle": 3, "flow_length": 2, "flow_curvature": 3}
# Endings of method names: what happens to a rival's networks after pruning.
RETRAINED = "-retrained"
RECONSTRUCTED = "-reconstructed"
# Words for it in the column `retraining` of tables; TRAINED if trained at the final size anyway.
AS_PRUNED, FITTED, FINE_TUNED, TRAINED = "none", "reconstructed", "fine-tuned", "trained"


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _choice(*known: str) -> tuple[str, Check]:
    return listed(known), one_of(known)


# All keys except `strengths`, whose limit depends on the regulariser.
_VALUES: Keys = {
    "layer": _choice("dense", "spectral"),
    "initialisation": _choice("2022", "ones"),
    "eigenvalues_in": _choice("none", "first"),
    "trainable": _choice("all", "eigenvalues"),
    "scope": _choice("global", "layer"),
    "score": _choice(*SCORES),
    "regulariser": _choice(*REGULARISERS),
    "before": ("true, false", _yes_or_no),
    "redrawn": ("true, false", _yes_or_no),
    "from_scratch": ("true, false", _yes_or_no),
}
_SPECTRAL_ALONE = ("initialisation", "eigenvalues_in", "trainable")
_RANKING = ("score", "scope", "before", "redrawn")
KEYS = {*_VALUES, "strengths"}


def of_project() -> dict[str, Method]:
    """The methods that the project's `params.yaml` defines; none outside a project."""
    return of_project_params(_named_in)


def _named_in(document: Mapping[str, Any], path: Path) -> dict[str, Method]:
    return named(document.get("rivals", {}), path.name)


def find(name: str) -> Method:
    """The method of that name: one of `methods.METHODS`, or one of the project's arena.

    Raises:
        UserError: if there is none.
    """
    if name in METHODS:
        return METHODS[name]
    own = of_project()
    if name not in own:
        known = [*METHODS, *own]
        raise UserError(f"method {name!r} is not known{did_you_mean(name, known)}")
    return own[name]


def find_all(names: Iterable[str]) -> dict[str, Method]:
    """The methods of those names, see `find`, by name."""
    return {name: find(name) for name in names}


def named(entries: object, file: str) -> dict[str, Method]:
    """The methods defined under `rivals:`, by name, in the order of the file.

    Args:
        entries: the part under `rivals:` as parsed from YAML.
        file: name of the file, for messages.

    Raises:
        UserError: at the first thing that is wrong, with the key, the value and what is allowed.
    """
    if not isinstance(entries, dict):
        raise UserError(f"{file}: rivals: {entries!r} must map names to methods")
    methods: dict[str, Method] = {}
    for name, entry in entries.items():
        where = f"{file}: rivals.{name}"
        values = _checked(require_keys(entry, where, KEYS), where)
        name = require_name(name, where)
        if name != entry_of(name):
            raise UserError(
                f"{where}: names that end in {RETRAINED} or {RECONSTRUCTED} are made from others; "
                "take another name"
            )
        made = {name: Method(label=name, **values)}
        if not made[name].trained_small:
            if "regulariser" not in values:
                label = f"{name}, reconstructed"
                made[name + RECONSTRUCTED] = Method(label=label, reconstructed=True, **values)
            label = f"{name}, retrained"
            made[name + RETRAINED] = Method(label=label, retrained=True, **values)
        for new in made:
            if new in METHODS or new in methods:
                raise UserError(f"{where}: there is a method {new} already; take another name")
        methods |= made
    return methods


def entry_of(name: str) -> str:
    """The name of the rival that makes a method, whatever happens to its networks after pruning.

    >>> entry_of("norm-retrained"), entry_of("norm-reconstructed"), entry_of("norm")
    ('norm', 'norm', 'norm')
    """
    return name.removesuffix(RETRAINED).removesuffix(RECONSTRUCTED)


def retraining(method: Method) -> str:
    """What happens to a method's networks after pruning: the word in the column `retraining`."""
    if method.starts_small:
        return TRAINED
    return FINE_TUNED if method.retrained else FITTED if method.reconstructed else AS_PRUNED


def by_eigenvalue(score: str, regulariser: str) -> bool:
    """Whether nodes are chosen by the size of their eigenvalue, as in the recipe of 2022.

    Many spectral methods rank the nodes of spectrally trained networks by something else.
    """
    return score == "eigenvalue" or regulariser == "eigenvalue_pruning"


def family(method: Method) -> str:
    """The kind of rival: the word by which tables and figures group the methods."""
    no_nodes_chosen = method.score == "random" or method.regulariser in BY_LOT
    if method.from_scratch or method.redrawn or no_nodes_chosen:
        return "control"
    if method.layer == "spectral":
        return "spectral"
    if method.regulariser:
        return "regulariser"
    if method.before:
        return "before-training"
    return "data" if method.score in score_names("saliency") else "weights"


def _checked(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    given = {key: value for key, value in entry.items() if key != "strengths"}
    from_scratch = entry.get("from_scratch") is True
    optional = set(_VALUES) - (set() if from_scratch else {"score"})
    values = check_values(given, _VALUES, where, optional=optional)
    if ("strengths" in entry) != ("regulariser" in entry):
        raise UserError(f"{where}: regulariser and strengths belong together")
    values |= _strengths(entry, f"{where}.strengths")
    if from_scratch:
        if wrong := [key for key in _RANKING if key in entry]:
            raise UserError(f"{where}.{wrong[0]}: what is trained from scratch prunes no nodes")
        if entry.get("regulariser") in OF_RATIOS:
            raise UserError(
                f"{where}.regulariser: {entry['regulariser']!r} removes nodes, and what is trained "
                "from scratch prunes no nodes"
            )
        if len(values.get("strengths", ())) > 1:
            raise UserError(
                f"{where}.strengths: {entry['strengths']!r} is not allowed from scratch, where "
                "each size has a network of its own; allowed: a list of one number"
            )
    if entry.get("layer", "dense") == "dense":
        if entry.get("score") in SPECTRAL_SCORES:
            raise UserError(f"{where}.score: {entry['score']!r} needs layer: spectral")
        if wrong := [key for key in _SPECTRAL_ALONE if key in entry]:
            raise UserError(f"{where}.{wrong[0]}: needs layer: spectral")
    regulariser = entry.get("regulariser", "")
    if regulariser in OF_EIGENVALUES and entry.get("layer", "dense") == "dense":
        raise UserError(f"{where}.regulariser: {regulariser!r} needs layer: spectral")
    if regulariser in OF_WEIGHTS and entry.get("trainable", "all") != "all":
        raise UserError(f"{where}.regulariser: {regulariser!r} needs trainable: all")
    if values.get("before") and "regulariser" in entry:
        raise UserError(f"{where}: what is pruned before training has no regulariser")
    if values.get("before") and values.get("redrawn"):
        raise UserError(f"{where}.redrawn: what is pruned before training has learned nothing yet")
    return values


def _strengths(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    if "strengths" not in entry:
        return {}
    value, regulariser = entry["strengths"], entry["regulariser"]
    if value == "ratio" and regulariser in OF_RATIOS:
        return {"to_ratio": True}
    limit = 1.0 if regulariser in OF_SHARES else math.inf
    allowed = "a list of different numbers, 0 or more" + (" and below 1" if limit == 1 else "")
    allowed += ", or ratio" if regulariser in OF_RATIOS else ""
    try:
        numbers = list_of(number)(value)
    except (TypeError, ValueError, OverflowError):
        numbers = (math.nan,)
    if not all(0 <= n < limit for n in numbers) or len(set(numbers)) != len(numbers):
        raise UserError(f"{where}: {value!r} is not allowed; allowed: {allowed}")
    return {"strengths": numbers}
