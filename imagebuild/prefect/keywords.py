"""The keywords of a build by what they mean, each checked for its kind. Pure."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from imagebuild.errors import UsageError
from imagebuild.prefect.refused import HARMLESS, REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

# What each keyword means, by the names that it has here and there.
MEANINGS = {
    word: meaning
    for meaning, words in {
        "context": "context path context_path",
        "base": "base",
        "directory": "directory",
        "source": "source",
        "credentials": "source_credentials",
        "submodules": "source_submodules",
        "directories": "source_directory source_directories",
        "code": "code",
        "requirements": "requirements",
        "packages": "system_packages system_package",
        "template": "template",
        "env": "env",
        "labels": "labels label",
        "build_args": "buildargs build_args build_arg",
        "secrets": "secrets secret",
        "ssh": "ssh",
        "platform": "platform platforms",
        "pull": "pull",
        "cache": "cache",
        "no_cache": "nocache no_cache",
        "tags": "tags additional_tags extra_tags",
        "push": "push",
        "pin": "pin",
        "builder": "builder",
        "backend": "build_backend",
    }.items()
    for word in words.split()
}


class Keywords:
    """What was given, by its meaning; what is None counts as not given.

    Raises `UsageError` for a keyword that there is not, for one that is refused, and for two that
    mean the same; the methods for a value of another kind.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._found: dict[str, tuple[str, Any]] = {}
        for word, value in given.items():
            if word not in MEANINGS and word not in REFUSED:
                raise _unknown(word)
            if value is None or (word in HARMLESS and HARMLESS[word](value)):
                continue
            if word in REFUSED:
                refuse(f"{word}={value!r}", *REFUSED[word])
            meaning = MEANINGS[word]
            if meaning in self._found:
                refuse(f"both {self.word(meaning)} and {word}", "they mean the same", "give one")
            self._found[meaning] = (word, value)

    def __contains__(self, meaning: str) -> bool:
        return meaning in self._found

    def word(self, meaning: str) -> str:
        """The keyword as it was written."""
        return self._found[meaning][0] if meaning in self else meaning

    def value(self, meaning: str) -> Any:
        """Whatever was given; None where nothing was."""
        return self._found[meaning][1] if meaning in self else None

    def text(self, meaning: str) -> str | None:
        """A text or a path."""
        return text(*self._found[meaning]) if meaning in self else None

    def flag(self, meaning: str) -> bool | None:
        """True or false."""
        if meaning not in self:
            return None
        word, value = self._found[meaning]
        return value if isinstance(value, bool) else _wrong(word, value, "true or false", "True")

    def texts(self, meaning: str) -> tuple[str, ...]:
        """One text, or several."""
        return texts(*self._found[meaning]) if meaning in self else ()

    def pairs(self, meaning: str) -> tuple[str, ...]:
        """A dictionary, or texts such as the command line takes; as such texts."""
        if meaning not in self:
            return ()
        word, value = self._found[meaning]
        if not isinstance(value, dict):
            return texts(word, value)
        for key, each in value.items():
            fits = isinstance(each, str | int | float | None) and not isinstance(each, bool)
            if not isinstance(key, str) or not key or "=" in key or not fits:
                _wrong(word, value, "a dictionary of texts", "{'KEY': 'value'}")
        return tuple(key if each is None else f"{key}={each}" for key, each in value.items())


def text(word: str, value: Any) -> str:
    """The value as a text that is not empty; raises `UsageError`."""
    if not isinstance(value, str | os.PathLike) or not (path := os.fspath(value)):
        _wrong(word, value, "a text", "'…'")
    return str(path)


def texts(word: str, value: Any) -> tuple[str, ...]:
    """The value as texts; raises `UsageError`. YAML reads a tag such as 1 or 1.2 as a number."""
    values = value if isinstance(value, list | tuple) else [value]
    if not all(
        isinstance(each, str | int | float) and each and each is not True for each in values
    ):
        _wrong(word, value, "a text or a list of texts", "['…', '…']")
    return tuple(map(str, values))


def refuse(what: str, cause: str, hint: str) -> NoReturn:
    """Say that something cannot be used."""
    message = f"cannot use {what}"
    raise UsageError(message, causes=(cause,), hint=hint)


def _wrong(word: str, value: object, wanted: str, example: str) -> NoReturn:
    """Say what is wanted, and of the value only what it is: it can hold a password."""
    kind = f"of the type {type(value).__name__}, or has something else in it"
    refuse(
        word, f"it is {kind if value else 'empty'}: {wanted} is wanted", f"write {word}={example}"
    )


def _unknown(word: str) -> UsageError:
    near = get_close_matches(word, MEANINGS, n=1)
    message = f"an image takes no keyword {word!r}"
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(MEANINGS))}"
    return UsageError(message, hint=hint)
