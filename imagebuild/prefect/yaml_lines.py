"""Reads YAML as Prefect does, and keeps in which line each key stands.

https://yaml.org/spec/1.1, as PyYAML's safe loader has it: anchors, merge keys, dates. A key that
is there twice is refused, as the specification wants.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import yaml

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Table(dict[str, Any]):
    """A mapping of the file; `lines` has the line of each key, counted from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


class _Loader(yaml.SafeLoader):
    """The safe loader; only what holds the keys is another."""


def _table(loader: _Loader, node: yaml.MappingNode) -> Any:
    made = Table()
    yield made
    _refuse_twice(node)
    loader.flatten_mapping(node)
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            key = "" if key is None else str(_plain(key)).lower() if key in (True, False) else key
        made[str(key)] = loader.construct_object(value_node, deep=True)
        made.lines[str(key)] = key_node.start_mark.line + 1


def _refuse_twice(node: yaml.MappingNode) -> None:
    """Raise for a key that is there twice: YAML has no such, and PyYAML would lose the first."""
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
            if key.value in seen:
                text = f"the key {key.value!r} is there twice"
                raise yaml.constructor.ConstructorError(None, None, text, key.start_mark)
            seen.add(key.value)


_Loader.add_constructor("tag:yaml.org,2002:map", _table)


def load(path: Path) -> Any:
    """What a file holds: tables, lists, texts, numbers, true, false and None.

    Dates and times are texts, as Prefect makes them. Raises `UsageError` for a file that is not
    there, is no text, or is no YAML, with the line.
    """
    message = f"cannot read {path.name}"
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        message = f"there is no file {path}"
        raise UsageError(message, hint="name it with --prefect-file FILE") from error
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(message, causes=(why,), hint=f"mend {path}") from error
    try:
        loader = _Loader(text)
        try:
            return _plain(loader.get_single_data())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ": ".join(filter(None, [error.context, error.problem]))
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UsageError(message, causes=(f"{where}{said}",), hint=f"mend {path}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise UsageError(message, causes=(why,), hint=f"mend {path}") from error


def _plain(value: Any) -> Any:
    """The value as JSON has it: dates and times in ISO 8601, sets as lists."""
    if isinstance(value, Table):
        for key, inner in value.items():
            value[key] = _plain(inner)
        return value
    if isinstance(value, list | set | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime.datetime) and value.utcoffset() == datetime.timedelta(0):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def line_of(value: Any, at: Sequence[str | int]) -> int | None:
    """The line of what stands at a path of keys and numbers; of what is nearest above it."""
    line = None
    for key in at:
        if isinstance(value, Table) and key in value:
            line = value.lines.get(str(key), line)
            value = value[str(key)]
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
            if isinstance(value, Table) and value.lines:
                line = min(value.lines.values())
        else:
            break
    return line
