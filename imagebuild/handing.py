"""What one job of a pipeline hands to the next: an outcome as a document, and read again."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

from imagebuild.errors import UsageError
from imagebuild.names import BadImageName, ImageName, LayoutName
from imagebuild.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

_KIND, _VERSION = "imagebuild.outcome", 1
FORMAT = f"{_KIND}/{_VERSION}"

_NOTHING, _STRANGE = "it is empty", "it is no document of imagebuild's"
_OF_A_FILE = "it is of deployments of a prefect.yaml, which were recorded one by one"
_AGAIN = "give the file that --json-file of the job before wrote"
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")
_LISTED, _TABLE, _NEEDED = "names", "seconds", "reference"
_FLAGS = {"built", "pushed", "recorded"}


class _Unfit(Exception):
    """The document cannot be used; the text says why."""

    def __init__(self, why: str, hint: str = _AGAIN) -> None:
        super().__init__(why)
        self.hint = hint


def document(outcome: Outcome) -> dict[str, Any]:
    """The outcome as JSON has it, under a name for this form of it."""
    return {"format": FORMAT, **dataclasses.asdict(outcome)}


def parse(text: str, where: str) -> Outcome:
    """The outcome in a document; `where` names it in errors.

    Raises `UsageError` for a text that is no such document, is cut off, or of another version, and
    for that of a command that failed.
    """
    try:
        return _outcome(_checked(text))
    except _Unfit as unfit:
        message = f"cannot go on from {where}"
        raise UsageError(message, causes=(str(unfit),), hint=unfit.hint) from unfit


def _checked(text: str) -> Mapping[str, Any]:
    """What is a document of this form, as far as its head tells."""
    if not text.strip():
        raise _Unfit(_NOTHING)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = f"it is cut off, or no JSON: {error}"
        raise _Unfit(why) from error
    if not isinstance(found, dict):
        raise _Unfit(_STRANGE)
    if isinstance(failure := found.get("error"), dict):
        why = f"the command that wrote it failed: {failure.get('message')}"
        raise _Unfit(why, "run that command again")
    if isinstance(found.get("deployments"), list):
        raise _Unfit(_OF_A_FILE, "give the file of `imagebuild build` or `push`")
    kind, _, version = str(found.get("format", "")).partition("/")
    if kind != _KIND:
        old = found.keys() >= {"reference", "names"}
        raise _Unfit("an older imagebuild wrote it" if old else _STRANGE)
    if version != str(_VERSION):
        why = f"it has the form {version}, and this imagebuild reads {_VERSION}"
        raise _Unfit(why, "use the same imagebuild in every job")
    return found


def _outcome(found: Mapping[str, Any]) -> Outcome:
    values = {}
    for field in dataclasses.fields(Outcome):
        if field.name not in found:
            why = f"it lacks {field.name!r}"
            raise _Unfit(why)
        values[field.name] = _value(field.name, found[field.name])
    digest = values["digest"]
    if digest is not None and not _DIGEST.fullmatch(digest):
        why = f"{digest!r} in it is no digest"
        raise _Unfit(why)
    if LayoutName.parse(values[_NEEDED]):
        why = f"its image is written to {values[_NEEDED]}, and to no registry"
        raise _Unfit(why, f"push it: skopeo copy {values[_NEEDED]} docker://{values[_LISTED][0]}")
    try:
        _ = [ImageName.parse(name) for name in (values[_NEEDED], *values[_LISTED])]
    except BadImageName as error:
        raise _Unfit(str(error)) from error
    return Outcome(**values)


def _value(name: str, value: Any) -> Any:
    """The value as an outcome has it."""
    if name == _LISTED:
        fits = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
        value = tuple(value) if fits else value
    elif name == _TABLE:
        fits = isinstance(value, dict)
    elif name in _FLAGS:
        fits = value is None or isinstance(value, bool)
    else:
        fits = isinstance(value, str) or (value is None and name != _NEEDED)
    if not fits:
        why = f"{name!r} in it is {json.dumps(value)[:60]}"
        raise _Unfit(why)
    return value
