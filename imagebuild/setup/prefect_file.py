"""Adds a deployment to the text of a prefect.yaml, and leaves all else of it as it is. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagebuild.setup import yaml_text
from imagebuild.setup.yaml_text import (
    BadYaml,
    compose,
    end_of,
    is_block,
    is_empty,
    line_end,
    line_start,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ruamel.yaml.nodes import Node

_SECTION = "deployments"
_HEAD = """\
# Deployments of this project, for `imagebuild deploy` and for `prefect deploy`:
# https://docs.prefect.io/v3/how-to-guides/deployments/prefect-yaml
"""


def new_file(project: str, entry: Mapping[str, Any]) -> str:
    """A file with one deployment."""
    body = yaml_text.dump({"name": project}) + "\n" + yaml_text.dump({_SECTION: [_set(entry)]})
    return _HEAD + body


def found(text: str, name: str) -> str | None:
    """The text of the deployment that has the name; None where there is none.

    Raises `BadYaml` for a file that is none of Prefect's, and where two have the name.
    """
    _check(text)
    items = _named(text, name)
    if len(items) > 1:
        message = f"{len(items)} deployments have the name {name!r}"
        raise BadYaml(message)
    if not items:
        return None
    return text[line_start(text, items[0].start_mark.index) : end_of(text, items[0])]


def shares(text: str, section: str) -> bool:
    """Whether the file has a section for all: Prefect runs it where a deployment has none."""
    return bool(_check(text).get(section))


def with_entry(text: str, entry: Mapping[str, Any]) -> str:
    """The text with the deployment, in the place of the one that has its name, or as the last.

    What the old one says besides, stays: its schedules, tags, parameters. Raises `BadYaml`.
    """
    document = _check(text)
    wanted = _expected(document, entry)
    for change in (_spliced, _rewritten):
        made = change(text, entry, wanted[_SECTION])
        if made is not None and _says(made, wanted):
            return made
    message = "its layout is not one that a deployment can be added to"
    raise BadYaml(message)


def _check(text: str) -> dict[str, Any]:
    document = yaml_text.load(text)
    if document is None:
        return {}
    if not isinstance(document, dict):
        message = "it is not a mapping of sections"
        raise BadYaml(message)
    deployments = document.get(_SECTION)
    if deployments is not None and not (
        isinstance(deployments, list) and all(isinstance(one, dict) for one in deployments)
    ):
        message = f"its {_SECTION} are not a list of mappings"
        raise BadYaml(message)
    return document


def _expected(document: dict[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """What the document is to say afterwards."""
    deployments = list(document.get(_SECTION) or [])
    places = [i for i, one in enumerate(deployments) if one.get("name") == entry["name"]]
    if places:
        deployments[places[0]] = _merged(deployments[places[0]], entry)
    else:
        deployments.append(_set(entry))
    return {**document, _SECTION: deployments}


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The old entry with what is new; of the work pool, what is not named stays too."""
    pool = _deep(old.get("work_pool"), new["work_pool"])
    gone = {key for key, value in new.items() if value is None}
    made = {**old, **new, "work_pool": pool}
    return {key: value for key, value in made.items() if key not in gone}


def _set(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry without what is not to be in it."""
    return {key: _deep(None, value) for key, value in entry.items() if value is not None}


def _deep(old: Any, new: Any) -> Any:
    """The new value, with what the old one says besides; what is None or empty in it is gone."""
    if not isinstance(new, dict):
        return new
    there = old if isinstance(old, dict) else {}
    made = {**there, **{key: _deep(there.get(key), value) for key, value in new.items()}}
    return {key: value for key, value in made.items() if key not in new or value not in (None, {})}


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return bool(yaml_text.load(text) == wanted)
    except BadYaml:
        return False


def _rewritten(text: str, _: object, deployments: list[Any]) -> str | None:
    return yaml_text.rewritten(text, _SECTION, deployments)


def _spliced(text: str, entry: Mapping[str, Any], deployments: list[Any]) -> str | None:
    """The text with nothing but the entry's own lines changed; None where that cannot be done."""
    root = compose(text)
    section = value_of(root, _SECTION) if root is not None else None
    if section is None:
        return _joined(text, yaml_text.dump({_SECTION: deployments}), len(text))
    if is_empty(section):
        start, end = section.start_mark.index, section.end_mark.index
        cut = text[:start].rstrip(" ") + text[end:]
        return _joined(cut, yaml_text.dump(deployments), line_end(cut, start - 1))
    if not is_block(section):
        return None
    named = _named(text, str(entry["name"]))
    if named:
        whole = next(one for one in deployments if one["name"] == entry["name"])
        return _replaced(text, named[0], {key: whole.get(key) for key in entry})
    first, last = section.value[0], section.value[-1]
    end = _past_comments(text, end_of(text, last), _dash(text, first))
    return _joined(text, _indented(yaml_text.dump([_set(entry)]), _dash(text, first)), end)


def _named(text: str, name: str) -> list[Node]:
    root = compose(text)
    section = value_of(root, _SECTION) if root is not None else None
    found = []
    for item in section.value if section is not None and not is_empty(section) else []:
        value = value_of(item, "name")
        if value is not None and value.value == name:
            found.append(item)
    return found


def _replaced(text: str, item: Node, ours: Mapping[str, Any]) -> str | None:
    """The entry with our keys first, and the lines of its other keys as they are."""
    if not is_block(item):
        return None
    start, end = line_start(text, item.start_mark.index), end_of(text, item)
    dash, column = _dash(text, item), item.start_mark.column
    places = [key.start_mark.index for key, _ in item.value] + [end]
    kept = [
        text[begin:stop].rstrip() + "\n"
        for (key, _), begin, stop in zip(item.value, places[:-1], places[1:], strict=True)
        if key.value not in ours
    ]
    lines = yaml_text.dump(_set(ours)).splitlines(keepends=True)
    body = "".join(" " * column + line for line in lines)
    body += "".join(" " * column + block for block in kept)
    head = " " * dash + "-" + " " * (column - dash - 1)
    return _joined(text[:start] + text[end:], head + body[column:], start)


def _dash(text: str, item: Node) -> int:
    """The column of the dash before an item."""
    start: int = item.start_mark.index
    begin = line_start(text, start)
    return len(text[begin:start]) - len(text[begin:start].lstrip(" "))


def _indented(block: str, columns: int) -> str:
    return "".join(" " * columns + line for line in block.splitlines(keepends=True))


def _past_comments(text: str, index: int, dash: int) -> int:
    """Behind the comments that are indented more than the dash: they are of the entry above."""
    while index < len(text):
        line = text[index : line_end(text, index)]
        if not line.strip().startswith("#") or len(line) - len(line.lstrip(" ")) <= dash:
            break
        index = line_end(text, index)
    return index


def _joined(text: str, block: str, index: int) -> str:
    """The block as whole lines at a place between two lines, with the text's own line ends."""
    before, after = text[:index], text[index:]
    if before and not before.endswith("\n"):
        before += "\n"
    return before + (block.replace("\n", "\r\n") if "\r\n" in text else block) + after
