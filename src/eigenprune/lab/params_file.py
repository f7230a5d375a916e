"""`params.yaml` as parsed from YAML: read strictly, its keys and names checked."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from eigenprune.files import state
from eigenprune.lab import project
from eigenprune.lab.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import yaml

Made = TypeVar("Made")

KEYS = {
    *("datasets", "defaults", "experiments", "quick", "quick_arena", "quick_trials"),
    *("rivals", "studies", "trials"),
}


def read_params(path: Path) -> dict[str, Any]:
    """Read the file and check its top level only. A key with nothing under it is left out.

    Raises:
        UserError: if it cannot be read, is not valid YAML, or has a key that is not known.
    """
    try:
        return parse_params(path.read_text(encoding="utf-8"), path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from error


def parse_params(text: str, path: Path) -> dict[str, Any]:
    """The same as `read_params`, from the file's text; `path` is for messages."""
    import yaml

    try:
        document = yaml.load(text, _strict_loader())
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    parts = require_keys(document, path.name, KEYS)
    return {key: part for key, part in parts.items() if part is not None}


def of_project_params(make: Callable[[dict[str, Any], Path], dict[str, Made]]) -> dict[str, Made]:
    """What a function makes of the project's `params.yaml`; empty outside a project.

    The function is called once for each state of the file.

    Args:
        make: takes what `read_params` returns, and the path.
    """
    try:
        path = project.root() / "params.yaml"
    except UserError:
        return {}
    return _made(make, path, state(path))


@cache
def _made(
    make: Callable[[dict[str, Any], Path], dict[str, Made]], path: Path, found: tuple[int, ...]
) -> dict[str, Made]:
    return make(read_params(path), path)


def require_keys(value: object, where: str, known: Mapping[str, Any] | set[str]) -> dict[str, Any]:
    """The value, if it is a mapping with no keys but the known ones.

    Raises:
        UserError: if it is not.
    """
    if not isinstance(value, dict):
        found = "is empty and" if value is None else repr(value)
        allowed = ", ".join(sorted(known))
        raise UserError(f"{where}: {found} must map keys to values; allowed: {allowed}")
    for key in value:
        if key not in known:
            hint = did_you_mean(str(key), list(known))
            raise UserError(
                f"{where}: unknown key {key!r}{hint}; allowed: {', '.join(sorted(known))}"
            )
    return value


def require_name(name: object, where: str) -> str:
    """The name, as text, if it can name a study, an experiment or a dataset.

    >>> require_name("digits-1x100", "studies")
    'digits-1x100'

    Raises:
        UserError: if it holds anything but a-z, 0-9 and single hyphens.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", str(name)):
        raise UserError(f"{where}: the name may hold a-z, 0-9 and single hyphens")
    return str(name)


@cache
def _strict_loader() -> type["yaml.SafeLoader"]:
    """YAML's safe loader, but a key that occurs twice is an error."""
    import yaml

    class StrictLoader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = []
            for its, _ in node.value:
                if its.tag == "tag:yaml.org,2002:merge":  # `<<: *anchor` is no key of the mapping
                    continue
                if (key := self.construct_object(its, deep=True)) in keys:
                    line = its.start_mark.line + 1
                    raise yaml.YAMLError(f"line {line}: the key {key!r} appears twice")
                keys.append(key)
            return super().construct_mapping(node, deep)

    return StrictLoader
