"""Changes to YAML files that leave every other byte as it is: comments, order and layout.

A library that writes the whole document again would also rewrite what should stay as it is. Here
the parser only says where an entry is, and text is inserted or removed there.
"""

from typing import TYPE_CHECKING

from eigenprune.lab.errors import UserError

if TYPE_CHECKING:
    import yaml


def append_entry(text: str, keys: tuple[str, ...], entry: str) -> str:
    r"""Put lines at the end of the block mapping that `keys` lead to.

    >>> append_entry("a:\n  b: 1\n\n# end\n", ("a",), "  c: 2\n")
    'a:\n  b: 1\n  c: 2\n\n# end\n'
    """
    _, node = _find(text, keys)
    if not _is_block(node):
        raise UserError(f"{'.'.join(keys)} is empty, or not written line by line")
    lines = _lines(text)
    at = _last_line(node) + 1
    return "".join([*lines[:at], entry, *lines[at:]])


def insert_before(text: str, keys: tuple[str, ...], entry: str) -> str:
    r"""Put lines before the entry that `keys` lead to, and before the comment just above it.

    >>> insert_before("a:\n  # of b\n  b: 1\n", ("a", "b"), "  c: 2\n")
    'a:\n  c: 2\n  # of b\n  b: 1\n'
    """
    key, _ = _find(text, keys)
    lines = _lines(text)
    at = _with_comment(lines, key)
    return "".join([*lines[:at], entry, *lines[at:]])


def remove_entry(text: str, keys: tuple[str, ...]) -> str:
    r"""Take out the entry that `keys` lead to, with its key, the comment and the gap just above it.

    >>> remove_entry("a:\n  b: 1\n\n  # of c\n  c: 2\n", ("a", "c"))
    'a:\n  b: 1\n'
    """
    key, node = _find(text, keys)
    lines = _lines(text)
    start = _with_comment(lines, key)
    if start and not lines[start - 1].strip():
        start -= 1
    del lines[start : _last_line(node) + 1]
    return "".join(lines)


def append_item(text: str, keys: tuple[str, ...], item: str) -> str:
    r"""Put an item at the end of the list that `keys` lead to, in the way the list is written.

    >>> append_item("a: [x] # some\n", ("a",), "y"), append_item("a: []\n", ("a",), "y")
    ('a: [x, y] # some\n', 'a: [y]\n')
    >>> append_item("a:\n  - x # one\nb: 1\n", ("a",), "y")
    'a:\n  - x # one\n  - y\nb: 1\n'
    """
    node = _list(text, keys)
    if not node.flow_style:
        lines = _lines(text)
        at = _last_line(node) + 1
        return "".join([*lines[:at], f"{' ' * node.start_mark.column}- {item}\n", *lines[at:]])
    if node.value:
        at = node.value[-1].end_mark.index
        return f"{text[:at]}, {item}{text[at:]}"
    at = node.end_mark.index - 1
    return f"{text[:at]}{item}{text[at:]}"


def remove_item(text: str, keys: tuple[str, ...], item: str) -> str:
    r"""Take an item out of the list that `keys` lead to; an item that is not there is no error.

    >>> [remove_item(f"a: [{items}]\n", ("a",), "y") for items in ("y", "x, y", "y, z")]
    ['a: []\n', 'a: [x]\n', 'a: [z]\n']
    """
    node = _list(text, keys)
    values = [value.value for value in node.value]
    if item not in values:
        return text
    place, nodes = values.index(item), node.value
    if not node.flow_style:
        lines = _lines(text)
        del lines[nodes[place].start_mark.line : nodes[place].end_mark.line + 1]
        return "".join(lines)
    start, end = nodes[place].start_mark.index, nodes[place].end_mark.index
    if place:
        start = nodes[place - 1].end_mark.index
    elif len(nodes) > 1:
        end = nodes[1].start_mark.index
    return text[:start] + text[end:]


def _lines(text: str) -> list[str]:
    if text and not text.endswith("\n"):
        raise UserError("the last line does not end in a line break: add one")
    return text.splitlines(keepends=True)


def _with_comment(lines: list[str], key: "yaml.Node") -> int:
    """The number of the line where an entry begins, or the comment just above it."""
    start = int(key.start_mark.line)
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start


def _find(text: str, keys: tuple[str, ...]) -> "tuple[yaml.Node, yaml.Node]":
    """The key and the value that `keys` lead to through nested mappings."""
    import yaml

    node = yaml.compose(text, yaml.SafeLoader)
    found: tuple[yaml.Node, yaml.Node] | None = None
    for depth, wanted in enumerate(keys, start=1):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next((pair for pair in pairs if pair[0].value == wanted), None)
        if found is None or (depth < len(keys) and not _is_block(found[1])):
            raise UserError(f"{'.'.join(keys[:depth])} is missing, or not written line by line")
        node = found[1]
    assert found is not None
    return found


def _is_block(node: "yaml.Node") -> bool:
    import yaml

    return isinstance(node, yaml.MappingNode) and not node.flow_style


def _list(text: str, keys: tuple[str, ...]) -> "yaml.SequenceNode":
    import yaml

    _, node = _find(text, keys)
    if not isinstance(node, yaml.SequenceNode):
        raise UserError(f"{'.'.join(keys)} is not a list")
    return node


def _last_line(node: "yaml.Node") -> int:
    """The number of the last line of a node, from 0; a block's end mark is further down."""
    import yaml

    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.line)
