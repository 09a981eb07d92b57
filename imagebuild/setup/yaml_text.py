"""YAML as text and as what it says: where a part of it lies, so that the rest stays as it is.

https://yaml.dev/doc/ruamel.yaml/
"""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import SingleQuotedScalarString


class BadYaml(ValueError):
    """A text that cannot be used; the text says why, and where."""


def load(text: str) -> Any:
    """What a document says to Prefect, which reads YAML 1.1. Raises `BadYaml`."""
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)
    try:
        return reader.load(text)
    except (YAMLError, TypeError, ValueError, RecursionError) as error:
        raise BadYaml(_on_one_line(error)) from error


def compose(text: str) -> Node | None:
    """The nodes of a document, each with its place in the text. Raises `BadYaml`."""
    try:
        node: Node | None = YAML(typ="rt", pure=True).compose(io.StringIO(text))
    except (YAMLError, ValueError, RecursionError) as error:
        raise BadYaml(_on_one_line(error)) from error
    return node


def dump(value: Any) -> str:
    """The text of a value, in the style of Prefect's own files."""
    stream = io.StringIO()
    _writer().dump(_quoted(value), stream)
    return stream.getvalue()


def _quoted(value: Any) -> Any:
    """The value with quotes for each text that YAML 1.1 takes for something else, such as `no`."""
    if isinstance(value, dict):
        return {_quoted(key): _quoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_quoted(one) for one in value]
    if not isinstance(value, str):
        return value
    try:
        said = load(value)
    except BadYaml:
        return value  # what is no YAML by itself, gets its quotes anyway
    return value if said == value else SingleQuotedScalarString(value)


def rewritten(text: str, section: str, items: list[dict[str, Any]]) -> str:
    """The whole document written anew with these items, comments and quotes kept.

    Its layout may change. Raises `BadYaml`.
    """
    writer = _writer()
    try:
        document = writer.load(text)
        if document.get(section) is None:
            document[section] = []
        there = document[section]
        for old, new in zip(there, items, strict=False):
            for key in old.keys() - new.keys():
                del old[key]
            old.update({key: _quoted(one) for key, one in new.items() if old.get(key) != one})
        there.extend(_quoted(new) for new in items[len(there) :])
        stream = io.StringIO()
        writer.dump(document, stream)
    except (YAMLError, ValueError, RecursionError) as error:
        raise BadYaml(_on_one_line(error)) from error
    return stream.getvalue()


def value_of(node: Node, key: str) -> Node | None:
    """The value of a mapping's key."""
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def is_block(node: Node) -> bool:
    """Whether a collection is written over lines, and not between brackets."""
    return isinstance(node, CollectionNode) and not node.flow_style


def is_empty(node: Node) -> bool:
    """Whether there is nothing in it."""
    if isinstance(node, ScalarNode):
        return node.tag == "tag:yaml.org,2002:null" or str(node.ctag).endswith(":null")
    return isinstance(node, SequenceNode) and not node.value


def line_start(text: str, index: int) -> int:
    """Where the line begins that a place is in."""
    return text.rfind("\n", 0, index) + 1


def line_end(text: str, index: int) -> int:
    """Where the line ends that a place is in, behind its line feed."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def end_of(text: str, node: Node) -> int:
    """Where the lines of a node end: the parser puts the end of a block behind its comments."""
    last = node
    while is_block(last) and last.value:
        tail = last.value[-1]
        last = tail[1] if isinstance(tail, tuple) else tail
    end: int = last.end_mark.index
    if end > last.start_mark.index and text[end - 1 : end] == "\n":
        return end  # a block of text, which holds the end of its last line
    return line_end(text, end)


def _writer() -> YAML:
    writer = YAML(typ="rt", pure=True)
    writer.preserve_quotes = True
    writer.width = 4096
    return writer


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
