"""Finds the files that say which packages a flow needs, and every file that they refer to.

The format is pip's: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from imagebuild.errors import UsageError
from imagebuild.locating import check_sent, locate
from imagebuild.plan import Dependencies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagebuild.context import ProjectContext
    from imagebuild.node import Node

DEFAULT_FILE = "requirements.txt"

_NESTED = re.compile(r"(?:-r|-c|--requirement|--constraint)(?:\s+|\s*=\s*|(?=[^\s-]))(.+)")
_LOCAL = re.compile(r"(?:-e|--editable|-f|--find-links)(?:\s+|\s*=\s*|(?=[^\s-]))(.+)")
_KNOWN = re.compile(
    r".*requirements.*\.(txt|in)|pyproject\.toml|setup\.(py|cfg)|Pipfile(\.lock)?|environment\.ya?ml"
    r"|(uv|poetry|pdm)\.lock|pylock(\..+)?\.toml"
)
_USER = re.compile(r"https?://([^/@\s]+)@")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_LOCAL_ENDINGS = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tgz")
_LINKS = 40  # as many as Linux follows


@dataclass(frozen=True)
class Reference:
    """A line's way to other files: another `list` of requirements, or a package that is `local`."""

    kind: Literal["list", "local"]
    path: str


def find_dependencies(
    context: ProjectContext, requirements: str | None, here: Path
) -> Dependencies:
    """What is installed: the file asked for, else `requirements.txt` at the root, else nothing.

    `requirements` is a path as it was typed in the folder `here`. Raises `UsageError` for a file
    that is not sent, and for one that refers to something outside the project.
    """
    if requirements is not None:
        first = locate(context, requirements, here, "requirements file")
    elif context.find(DEFAULT_FILE):
        first = DEFAULT_FILE
    else:
        check_sent(context, DEFAULT_FILE)
        return Dependencies()
    sources = {first}
    pending, has_any = [first], False
    while pending:
        path = pending.pop()
        for line, text in _lines(_read(context, path)):
            has_any = True
            reference = parse_line(text)
            if reference is None:
                continue
            source = _resolve(context, reference, path, f"{path}, line {line}")
            if source not in sources and reference.kind == "list":
                pending.append(source)
            sources.add(source)
    return Dependencies((first,), _closed(context, sources)) if has_any else Dependencies()


def is_list(source: str) -> bool:
    """Whether a source of `Dependencies` may be a list of requirements, and no package."""
    return not source.endswith(("/", *_LOCAL_ENDINGS))


def lines_with_passwords(text: str) -> list[int]:
    """The numbers of the lines with an address that has a password or a token written out.

    One that stands for a variable of the environment (`${TOKEN}`) has none.
    """
    found = []
    for number, line in _lines(text):
        parts = (words[1].rpartition(":")[2] for words in _USER.finditer(line))
        if any(part and not _VARIABLE.fullmatch(part) for part in parts):
            found.append(number)
    return found


def candidates(context: ProjectContext, chosen: Dependencies) -> tuple[str, ...]:
    """The files that could say what is needed: the `chosen` ones, and those known by their names.

    Sorted; of the others only those at the project root.
    """
    known = {path for path in context.digests if "/" not in path and _KNOWN.fullmatch(path)}
    return tuple(sorted(known | set(chosen.requirements)))


def parse_line(text: str) -> Reference | None:
    """Which other files a logical line refers to, if any."""
    if nested := _NESTED.fullmatch(text):
        path = nested[1].strip("'\"")
        return None if _is_remote(path) else Reference("list", _file_path(path))
    if local := _LOCAL.fullmatch(text):
        text = local[1].strip("'\"")
    elif text.startswith("-"):
        return None
    requirement = text.partition(";")[0].partition(" --")[0].strip()
    name, at, url = requirement.partition("@")
    if at and re.fullmatch(r"[\w.\-]+(\[[^]]*\])?", name.strip()):
        requirement = url.strip()
    if requirement.startswith("file:"):
        return Reference("local", _file_path(requirement))
    if _is_remote(requirement):
        return None
    path = re.sub(r"\[[\w,\s.-]*\]$", "", requirement.partition("#")[0])
    is_path = path.startswith((".", "/")) or "/" in path or path.endswith(_LOCAL_ENDINGS)
    return Reference("local", path) if is_path or local else None


def _is_remote(text: str) -> bool:
    return re.match(r"(?!file:)[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None


def _file_path(text: str) -> str:
    """The path of a `file:` address, and any other text as it is."""
    return unquote(urlsplit(text).path) if text.startswith("file:") else text


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The logical lines with the number of their first: continued ones joined, comments gone."""
    start, parts = 1, list[str]()
    for number, raw in enumerate([*text.splitlines(), ""], 1):
        start = start if parts else number
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            parts.append(raw[:-1])
            continue
        parts.append(f" {raw}" if is_comment else raw)
        line = _COMMENT.sub("", "".join(parts)).strip()
        parts = []
        if line:
            yield start, line


def _resolve(context: ProjectContext, reference: Reference, origin: str, where: str) -> str:
    """The source that a reference means.

    pip takes a list's path from the folder of the file that names it, and a package's from the
    folder that it runs in, which is the project's directory.
    """
    folder = posixpath.dirname(origin) if reference.kind == "list" else ""
    path = posixpath.normpath(posixpath.join(folder, reference.path))
    if path.startswith(("../", "/")) or path == "..":
        message = f"{where} refers to {reference.path}, outside the project"
        raise UsageError(
            message, hint="give the folder that holds both with --context, or publish the package"
        )
    source = _source(context, path)
    if source is None:
        check_sent(context, path)
        message = f"{where} refers to {reference.path}, which does not exist"
        raise UsageError(message, hint="mend the line, or add the file")
    return source


def _source(context: ProjectContext, path: str) -> str | None:
    """The path as a source, a directory's with its `/`; None where nothing is there."""
    if path == ".":
        return "./"
    node = context.find(path)
    if node is None:
        return None
    return f"{path}/" if node.kind == "directory" else path


def _closed(context: ProjectContext, sources: set[str]) -> tuple[str, ...]:
    """The sources and whatever the links in them lead to, none inside another, sorted."""
    pending = list(sources)
    while pending:
        for node in context.under(pending.pop()):
            source = _source(context, _target(node)) if node.kind == "link" else None
            if source is not None and source not in sources:
                sources.add(source)
                pending.append(source)
    folders = tuple(source for source in sources if source.endswith("/"))
    if "./" in folders:
        return ("./",)
    return tuple(
        source
        for source in sorted(sources)
        if not any(source != folder and source.startswith(folder) for folder in folders)
    )


def _target(node: Node) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(node.path), node.target))


def _read(context: ProjectContext, path: str) -> str:
    node = context.find(path)
    for _ in range(_LINKS):
        if node is not None and node.kind == "link":
            node = context.find(_target(node))
    if node is None or node.kind != "file":
        message = f"{path} is no requirements file"
        raise UsageError(message, causes=("it is no file, nor a link to one in the project",))
    with context.open(node.path) as file:
        try:
            return file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"cannot read {path}"
            raise UsageError(message, causes=("it is not UTF-8",)) from error
