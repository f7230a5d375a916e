"""Fingerprints of code: of what can change a result, not of what only a reader sees."""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable
from functools import cache

DIGITS = 12  # of a hash, where it is kept or shown


def short_hash(lines: Iterable[str]) -> str:
    """A hash of the lines, DIGITS long.

    >>> len(short_hash(["one", "two"])), short_hash(["one", "two"]) == short_hash(["two", "one"])
    (12, False)
    """
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:DIGITS]


@cache  # each card of the book asks for the current code
def fingerprint(source: str) -> str:
    """A hash of a Python file that comments, docstrings and blank lines do not change.

    It is the same on every version of Python.

    >>> fingerprint("a = 1  # one") == fingerprint('''"Says a."
    ... a = 1''')
    True
    >>> fingerprint("a = 1") == fingerprint("a = 2")
    False
    """
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                for row in range(first.lineno, (first.end_lineno or first.lineno) + 1):
                    lines[row - 1] = ""
    return short_hash(line.rstrip() for line in lines if line.strip())
