"""The names of the scores and regularisers, read from the source: checking one needs no torch."""

import ast
from functools import cache
from pathlib import Path

from eigenprune.lab.errors import UserError

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
    for node in _statements(f"{module}.py"):
        match node:
            case ast.FunctionDef(decorator_list=[ast.Name("score"), *_]):
                names.append(node.name)
            case ast.Expr(ast.Call(ast.Name("score"), [ast.Name(entered)])):
                names.append(entered)
    return tuple(sorted(names))


def all_score_names() -> tuple[str, ...]:
    """The names of the scores of both modules, in alphabetical order.

    Raises:
        UserError: if both have a score of one name, since a method could mean either.
    """
    of_weights, of_data = score_names("importance"), score_names("saliency")
    if twice := sorted({*of_weights} & {*of_data}):
        raise UserError(
            f"{_PACKAGE}: importance.py and saliency.py both have a score {twice[0]}: rename one"
        )
    return tuple(sorted((*of_weights, *of_data)))


@cache
def regulariser_names() -> tuple[str, ...]:
    """The keys of `eigenprune.regularisers.REGULARISERS` in alphabetical order.

    Example:
        >>> "group_lasso" in regulariser_names()
        True
    """
    names = []
    for node in _statements("regularisers/__init__.py"):
        match node:
            case ast.AnnAssign(ast.Name("REGULARISERS"), value=ast.Dict(keys)):
                names += [_text(key) for key in keys]
    return tuple(sorted(names))


def _text(key: ast.expr | None) -> str:
    match key:
        case ast.Constant(str(name)):
            return name
    where = f"line {key.lineno}: " if key is not None else ""
    raise UserError(
        f"{_PACKAGE / 'regularisers/__init__.py'}: {where}a key of REGULARISERS must be a name in "
        "quotes, since it is read without running the code"
    )


def _statements(file: str) -> list[ast.stmt]:
    path = _PACKAGE / file
    try:
        return ast.parse(path.read_text(encoding="utf-8")).body
    except SyntaxError as error:
        raise UserError(f"{path}: line {error.lineno}: {error.msg}") from None
