"""The sentences of a page, a notebook or a docstring; everything that is not prose is blanked out.

What is left keeps its place, line by line and character by character, so that anything found in it
can be named by its place.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

# Directives whose content is prose; that of any other (code, math, bibliography) is not.
PROSE_DIRECTIVES = (
    "admonition", "attention", "caution", "danger", "dropdown", "epigraph", "figure", "hint",
    "important", "list-table", "margin", "note", "seealso", "sidebar", "table", "tip", "topic",
    "warning",
)  # fmt: skip

_FENCE = re.compile(r"^ *(`{3,}|~{3,}|:{3,})(?:\{([\w-]+)\})?(.*)$")
_OPTION = re.compile(r"^ *:(?!alt:|caption:)[\w-]+:.*$")

# In this order; each is blanked wherever it stands outside a fence.
_NO_PROSE = [
    re.compile(r"\A---\n.*?\n---\n", re.DOTALL),  # front matter
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"^[ ]*%.*$", re.MULTILINE),  # a comment of MyST
    re.compile(r"\$\$.*?\$\$", re.DOTALL),
    re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL),
    re.compile(r"(?:\{[\w:+-]+\}|:[\w:+-]+:)?(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL),  # code, roles
    re.compile(r"(?<![\\$])\$(?![\s$])[^$]*?(?<!\s)\$", re.DOTALL),
    re.compile(r"\{\{.*?\}\}", re.DOTALL),  # a substitution
    re.compile(r"(?<=\])\([^)\s]*\)"),  # the target of a link
    re.compile(r"<?https?://[^\s>)]+>?"),
    re.compile(r"</?[a-zA-Z][^<>]*>"),
    re.compile(r"[*_]{1,3}"),  # emphasis
]


def of_page(text: str) -> str:
    r"""The prose of a page or of a cell in Markdown, everything else blank.

    >>> of_page("It has `97 %` and\n```python\nx = 0.97\n```\n97 **%**.").split()
    ['It', 'has', 'and', '97', '%', '.']
    """
    text = "\n".join(_outside_fences(text.split("\n")))
    for pattern in _NO_PROSE:
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return text


def of_docstring(text: str) -> str:
    """The prose of a docstring, without examples and equations."""
    kept, skipping, indent = [], "", 0
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip())
        if (skipping == "example" and not line.strip()) or (
            skipping == "block" and line.strip() and depth <= indent
        ):
            skipping = ""
        if not skipping and line.lstrip().startswith(">>>"):
            skipping = "example"
        elif not skipping and re.match(r" *\.\. [\w-]+::", line):
            skipping, indent = "block", depth
        kept.append("" if skipping else line)
    return of_page("\n".join(kept))


def of_notebook(notebook: Path) -> Iterator[tuple[int, int, str]]:
    """What a notebook says: its Markdown cells, and the captions and sentences in its code.

    Yields:
        The number of a cell, the line in it at which the text begins, both from 1, and the text; of
        an f-string, only what does not come from a variable.
    """
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for number, cell in enumerate(content["cells"], start=1):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield number, 1, source
        elif cell["cell_type"] == "code":
            plain = re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE)  # magics are not Python
            for call in ast.walk(ast.parse(plain)):
                if isinstance(call, ast.Call):
                    for said in _said(call):
                        yield number, said.lineno, _typed(said)


def _said(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a call that readers will see as sentences."""
    yield from (word.value for word in call.keywords if word.arg in ("caption", "alt"))
    if isinstance(call.func, ast.Name) and call.func.id == "Markdown":
        yield from call.args


def _typed(said: ast.expr) -> str:
    if isinstance(said, ast.JoinedStr):
        return "".join(map(_typed, said.values))
    return said.value if isinstance(said, ast.Constant) and isinstance(said.value, str) else " "


def docstrings(source: Path) -> Iterator[tuple[int, str]]:
    """The docstrings of a Python file: the line at which each begins, from 1, and its text."""
    documented = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, documented) and (text := ast.get_docstring(node, clean=False)):
            yield node.body[0].lineno, text


def _outside_fences(lines: list[str]) -> Iterator[str]:
    """The lines; fenced code is blanked, and so are the fences and options of directives."""
    stack: list[tuple[str, bool]] = []  # fence, and whether its content is prose
    options = False
    for line in lines:
        fence = _FENCE.match(line)
        inside_code = bool(stack) and not stack[-1][1]
        if fence and stack and _closes(fence, stack[-1][0]):
            stack.pop()
            yield ""
        elif inside_code:
            yield ""
        elif fence:
            directive = fence[2] or ""
            stack.append((fence[1], directive in PROSE_DIRECTIVES))
            options = True
            # After the name of a directive comes a title, or a file.
            titled = directive in PROSE_DIRECTIVES and directive != "figure"
            yield " " * fence.start(3) + fence[3] if titled else ""
        elif options and _OPTION.match(line):
            yield ""
        else:
            options = options and not line.strip()
            yield line


def _closes(fence: re.Match[str], opened: str) -> bool:
    bare = not fence[2] and not fence[3].strip()
    return bare and fence[1][0] == opened[0] and len(fence[1]) >= len(opened)
