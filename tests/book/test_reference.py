"""The reference: everything that the library offers, and names in backticks that link to it."""

import ast
import inspect
import json
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import eigenprune
from eigenprune import (
    compression,
    connections,
    growing,
    importance,
    paths,
    regularisers,
    saliency,
    sanity,
)


@pytest.fixture(scope="module")
def page(reproduced: Path) -> str:
    return (reproduced / "build" / "book" / "html" / "api.html").read_text()


def without_entry(page: str, names: Iterable[str]) -> list[str]:
    """Names of the library that the page has no entry for."""
    entries = set(re.findall(r'id="(?:module-)?eigenprune\.([\w.]+)"', page))
    return sorted(set(names) - entries)


def test_every_public_name_has_its_entry(page: str) -> None:
    modules = (importance, saliency, sanity, connections, paths)
    names = [name for module in modules for name in functions(module)]
    packages = (compression, growing, regularisers)
    names += [
        f"{package.__name__.rpartition('.')[2]}.{name}"
        for package in packages
        for name in package.__all__
        if name.isidentifier() and not name.isupper()
    ]
    assert len(names) > 50
    assert without_entry(page, [*eigenprune.__all__, *names]) == []
    assert without_entry(page, ["train", "unheard_of"]) == ["unheard_of"]


def functions(module: ModuleType) -> list[str]:
    """The public functions of a module, as `importance.eigenvalue`."""
    return [
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]


def silent(objects: Iterable[object], part: str) -> list[str]:
    """Objects whose docstring does not have this part."""
    return [each.__name__ for each in objects if part not in (inspect.getdoc(each) or "")]  # type: ignore[attr-defined]


def test_every_public_function_has_an_example() -> None:
    public = [getattr(eigenprune, name) for name in eigenprune.__all__]
    public = [each for each in public if not inspect.ismodule(each)]
    # The example of `save_checkpoint` shows `load_checkpoint` as well.
    assert silent(public, ">>>") == ["load_checkpoint"]


def test_names_in_backticks_lead_to_their_entry(page: str) -> None:
    assert re.search(r'href="#eigenprune\.load_checkpoint"[^>]*><code[^>]*>', page)
    # An argument is code, not a link.
    assert re.search(r'(?<!">)<code[^>]*><span class="pre">minimum_per_layer</span></code>', page)


def test_a_path_keeps_its_point(reproduced: Path) -> None:
    page = (reproduced / "build" / "book" / "html" / "api-lab.html").read_text()
    assert '<span class="pre">.eigenprune/runs</span>' in page


def test_mathematics_is_typeset(page: str) -> None:
    assert r"\lambda^{in}_j - \lambda^{out}_i" in page
    assert ":math:" not in page


def imported_by(notebook: str) -> set[str]:
    """The modules of lab and report that the code of a notebook imports or imports from."""
    cells = json.loads(notebook)["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (alias.name for alias in node.names):
                whole = f"{node.module}.{name}"
                found.add(whole if name[0].islower() and find_module(whole) else node.module)
    return {name for name in found if name.startswith(("eigenprune.lab", "eigenprune.report"))}


def find_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is a module, not a package
        return False


def test_the_reference_has_all_that_notebooks_import(root: Path) -> None:
    text = (root / "book" / "api-lab.md").read_text()
    there = set(re.findall(r"automodule:: (\S+)", text))
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    needed = {path.name: imported_by(path.read_text()) for path in notebooks}
    assert "eigenprune.lab.project" in needed["compare.ipynb"]
    assert {name: found - there for name, found in needed.items() if found - there} == {}
