"""The names of the scores, read from the source, so that checking a name needs no torch."""

import ast
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


@cache
def score_names(module: str) -> tuple[str, ...]:
    """The keys of a module's SCORES in alphabetical order: what is entered with `score` there.

    Args:
        module: `importance` or `saliency`, of eigenprune.

    Example:
        >>> "taylor" in score_names("saliency"), "taylor" in score_names("importance")
        (True, False)
    """
    names = []
    for node in ast.parse((_PACKAGE / f"{module}.py").read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(decorator_list=[ast.Name("score"), *_]):
                names.append(node.name)
            case ast.Expr(ast.Call(ast.Name("score"), [ast.Name(entered)])):
                names.append(entered)
    return tuple(sorted(names))
