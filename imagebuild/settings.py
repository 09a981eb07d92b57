"""Settings from a project's own file, in the form that the command line takes defaults in.

They stand in `[tool.imagebuild]` of `pyproject.toml`, or at the top of `imagebuild.toml`, under the
long names of the command line's options: https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import datetime
import importlib
import json
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PYPROJECT, OWN_FILE = "pyproject.toml", "imagebuild.toml"
_SECTION = "[tool.imagebuild]"
_VARIABLE = "IMAGEBUILD_"
_PARSER = "tomllib" if sys.version_info >= (3, 11) else "tomli"


class Kind(Enum):
    """What an option takes.

    `PAIRS` and `VALUES` are `key=value`; a value of `VALUES` that is JSON is read as JSON.
    """

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    MANY = "many"
    PAIRS = "pairs"
    VALUES = "values"


_WANTED = {
    Kind.TEXT: ("a text", '"text"'),
    Kind.NUMBER: ("a whole number", "5"),
    Kind.FLAG: ("true or false", "true"),
    Kind.MANY: ("a text or a list of texts", '["one", "two"]'),
    Kind.PAIRS: ("a table or a list of key=value texts", '{ KEY = "value" }'),
    Kind.VALUES: ("a table or a list of key=value texts", '{ key = "value" }'),
}
_FOUND = {
    bool: "true or false",
    str: "a text",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}


class _Misfit(Exception):
    """A value is not of its option's kind; the text says what was found."""


def read(root: Path, known: Mapping[str, Kind]) -> dict[str, Any]:
    """The project's settings, by the options' names with underscores.

    `known` has the options' long names, without the leading dashes. A text, a number or a flag is
    as in the file; everything else is a list of texts, for pairs `key=value`. Raises `UsageError`
    for a file that cannot be read, a key that is not known, and a value of another type.
    """
    project = _pyproject(root)
    own = _load(root / OWN_FILE)
    if project and own:
        message = f"both {PYPROJECT} and {OWN_FILE} have settings for imagebuild"
        raise UsageError(message, hint=f"keep one: {_SECTION} of {PYPROJECT}, or {OWN_FILE}")
    where = OWN_FILE if own else f"{_SECTION} of {PYPROJECT}"
    settings = own or project
    for key in settings:
        if key not in known:
            _refuse_key(key, known, where)
    return {
        key.replace("-", "_"): _fitted(key, value, known[key], where)
        for key, value in settings.items()
    }


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML document; raises `ValueError`, which says the line."""
    document: dict[str, Any] = importlib.import_module(_PARSER).loads(text)
    return document


def unknown_variables(env: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """A sentence for each variable that looks like a setting and that no option reads.

    `known` are the names that are read, such as `IMAGEBUILD_POOL`.
    """
    names = set(known)
    unknown = sorted(
        name for name in env if name.upper().startswith(_VARIABLE) and name not in names
    )
    # What all names begin with would make all of them alike.
    ends = sorted(name.removeprefix(_VARIABLE) for name in names)
    near = {name: _near(name[len(_VARIABLE) :].upper(), ends) for name in unknown}
    return [
        f"{name} is not a setting of imagebuild, and has no effect"
        + (f": did you mean {_VARIABLE}{meant}?" if meant else "")
        for name, meant in near.items()
    ]


def _pyproject(root: Path) -> dict[str, Any]:
    """What the section holds; the file is not parsed where it cannot have the section."""
    tool = _load(root / PYPROJECT, needed="imagebuild").get("tool")
    section = tool.get("imagebuild", {}) if isinstance(tool, dict) else {}
    if not isinstance(section, dict):
        message = f"cannot use tool.imagebuild in {PYPROJECT}"
        raise UsageError(message, causes=("it is not a table",), hint=f"begin it with {_SECTION}")
    return section


def _load(path: Path, needed: str = "") -> dict[str, Any]:
    """A TOML file's content; nothing where there is no file, or none with the text `needed`."""
    try:
        text = path.read_text("utf-8") if path.is_file() else ""
        if not text or needed not in text:
            return {}
        return parse_toml(text)
    except UnicodeDecodeError as error:
        message = f"cannot read {path.name}"
        raise UsageError(message, causes=("it is not UTF-8",)) from error
    except (OSError, ValueError) as error:
        message = f"cannot read {path.name}"
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(message, causes=(cause,), hint=f"mend {path}") from error


def _refuse_key(key: str, known: Mapping[str, Kind], where: str) -> NoReturn:
    message = f"{where} has an unknown key {key}"
    dashed = key.replace("_", "-").lower()
    opposite = dashed.removeprefix("no-")
    if where == OWN_FILE and key == "tool":
        hint = f"write the keys at the top of the file, without {_SECTION}"
    elif opposite != dashed and known.get(opposite) is Kind.FLAG:
        hint = f"write {opposite} = false"
    else:
        meant = _near(dashed, sorted(known))
        hint = f"did you mean {meant}?" if meant else f"the keys are {', '.join(sorted(known))}"
    raise UsageError(message, hint=hint)


def _near(name: str, known: list[str]) -> str | None:
    """The known name that is most like it, if one is."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, n=1)), None)


def _fitted(key: str, value: Any, kind: Kind, where: str) -> Any:
    """The value as the command line takes it; raises `UsageError`."""
    try:
        match kind:
            case Kind.TEXT:
                return _of(str, value)
            case Kind.NUMBER:
                return _of(int, value)
            case Kind.FLAG:
                return _of(bool, value)
            case Kind.MANY:
                return _texts([value] if isinstance(value, str) else value)
            case Kind.PAIRS | Kind.VALUES:
                return _pairs(value, kind) if isinstance(value, dict) else _texts(value)
    except _Misfit as misfit:
        wanted, example = _WANTED[kind]
        message = f"cannot use {key} in {where}"
        cause = f"{misfit}, and {wanted} is wanted"
        raise UsageError(message, causes=(cause,), hint=f"write {key} = {example}") from misfit


def _of(kind: type, value: object, what: str = "it") -> Any:
    # Python's true is an int too.
    if type(value) is not kind:
        found = f"{what} is {_FOUND.get(type(value), 'a date or a time')}"
        raise _Misfit(found)
    return value


def _texts(value: Any) -> list[str]:
    for number, item in enumerate(_of(list, value), 1):
        _of(str, item, f"item {number} of it")
    return list(value)


def _pairs(table: dict[str, Any], kind: Kind) -> list[str]:
    pairs = []
    for key, value in table.items():
        if not key or "=" in key:
            found = f"it has the key {key!r}"
            raise _Misfit(found)
        pairs.append(f"{key}={_written(key, value, kind)}")
    return pairs


def _written(key: str, value: Any, kind: Kind) -> str:
    """The value so that the command line reads the same one again."""
    if isinstance(value, datetime.date | datetime.time):
        value = value.isoformat()
    try:
        # A variable of the environment (`env.NAME`) is read as text, whatever it looks like.
        if isinstance(value, str) and not (
            kind is Kind.VALUES and _is_json(value) and not key.startswith("env.")
        ):
            return value
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_iso)
    except ValueError as error:
        found = f"{key} in it is a number that JSON does not have"
        raise _Misfit(found) from error


def _iso(value: datetime.date | datetime.time) -> str:
    return value.isoformat()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
