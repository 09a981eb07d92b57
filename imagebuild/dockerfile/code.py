"""Tells what a Dockerfile adds to a stage named `environment`, where that is data alone.

Then nothing has to run for it: files, variables, labels and a working directory can be added to
the environment's image by whoever has that.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from imagebuild.dockerfile.lines import instructions
from imagebuild.dockerfile.words import WORD, expanded
from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imagebuild.dockerfile.lines import Instruction

ENVIRONMENT_STAGE: Final = "environment"
_EVERYTHING = {".", "./", "/"}


class NotData(Exception):
    """Something has to run, or to be copied otherwise than the whole build context: why."""


@dataclass(frozen=True)
class CodePart:
    """What the last stage adds: all files to `target`, and what the image says.

    `target` is absolute, or relative to the environment's working directory, None for no files;
    `directory` is the new working directory, None where it stays.
    """

    target: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    directory: str | None = None


def code_part(text: str, name: str = "Dockerfile") -> CodePart:
    """What the last stage adds to the environment; raises `NotData`."""
    _, last = _stages(text, name)
    targets, env, labels = list[str](), dict[str, str](), dict[str, str]()
    directory: str | None = None
    for instruction in last:
        match instruction.keyword:
            case "ARG":
                pass
            case "COPY":
                targets.append(posixpath.join(directory or "", _target(instruction)))
            case "ENV":
                env.update(_pairs(instruction))
            case "LABEL":
                labels.update(_pairs(instruction))
            case "WORKDIR":
                directory = posixpath.join(directory or "", _literal(instruction.arguments))
            case keyword:
                _refuse(instruction, f"{keyword} needs a builder")
    if len(targets) > 1:
        message = "the code is copied by more than one COPY of the whole build context"
        raise NotData(message)
    return CodePart(next(iter(targets), None), env, labels, directory)


def environment_reads(text: str, name: str = "Dockerfile") -> tuple[str, ...]:
    """What the stages before the last one read of the build context; raises `NotData`.

    Each is a path, with a `/` at its end where it says itself to be a directory.
    """
    stages, _ = _stages(text, name)
    return tuple(dict.fromkeys(path for one in stages for path in _read_by(one)))


def bare_directory(text: str, base: str, name: str = "Dockerfile") -> str:
    """The working directory of an environment that is its base, and for which nothing has to run.

    `base` is what FROM names. Raises `NotData` where it is more than that.
    """
    (first, *more), _ = _stages(text, name)
    if first.flags or first.arguments.split() != [base, "AS", ENVIRONMENT_STAGE]:
        _refuse(first, "the environment is not made from the base itself")
    directory = ""
    for instruction in more:
        if instruction.keyword == "WORKDIR":
            directory = posixpath.join(directory, _literal(instruction.arguments))
        elif instruction.keyword != "ARG":
            _refuse(instruction, f"{instruction.keyword} needs a builder")
    return posixpath.normpath(directory)


def _stages(text: str, name: str) -> tuple[list[Instruction], list[Instruction]]:
    """The instructions before the last stage, and those of the last stage."""
    try:
        found = list(instructions(text, name))
    except UsageError as error:
        raise NotData(error.message) from error
    begins = [number for number, one in enumerate(found) if one.keyword == "FROM"]
    named = [found[number].arguments.split()[-1].lower() for number in begins[:-1]]
    if not named or found[begins[-1]].arguments.lower() != ENVIRONMENT_STAGE:
        message = f"its last stage is not built on one named {ENVIRONMENT_STAGE}"
        raise NotData(message)
    if ENVIRONMENT_STAGE not in named:
        message = f"it has no stage named {ENVIRONMENT_STAGE}"
        raise NotData(message)
    return found[: begins[-1]], found[begins[-1] + 1 :]


def _target(instruction: Instruction) -> str:
    sources, target = _copied(instruction)
    if instruction.flags or [one for one in sources if one not in _EVERYTHING]:
        _refuse(instruction, "COPY of anything but the whole build context needs a builder")
    return target


def _copied(instruction: Instruction) -> tuple[Sequence[str], str]:
    """Sources and target of a COPY, as they are without quotes and variables."""
    written = instruction.arguments
    words: list[str] = []
    if written.startswith("["):
        try:
            words = [str(word) for word in json.loads(written)]
        except ValueError:
            words = []
    words = [_literal(word) for word in words or WORD.findall(written)]
    if len(words) < 2:
        _refuse(instruction, "it cannot be read")
    return words[:-1], words[-1]


def _read_by(instruction: Instruction) -> Iterator[str]:
    flags = dict(instruction.flags)
    match instruction.keyword:
        case "COPY" | "ADD" if "--from" not in flags:
            if re.search(r"\d*<<-?\w", instruction.arguments):
                _refuse(instruction, "what its here-document holds is not told apart")
            for source in _copied(instruction)[0]:
                if re.search(r"[*?\[\\]|://|@", source):
                    _refuse(instruction, f"which files {source} stands for is the builder's to say")
                cleaned = posixpath.normpath(source.lstrip("/") or ".")
                yield f"{cleaned}/" if source.endswith("/") or cleaned == "." else cleaned
        case "RUN":
            mounts = [value for flag, value in instruction.flags if flag == "--mount"]
            if any(_is_bind(one) and "from=" not in one for one in mounts):
                _refuse(instruction, "it mounts files of the build context")
        case "ONBUILD":
            _refuse(instruction, "it waits for whoever builds on it")
        case _:
            pass


def _is_bind(mount: str) -> bool:
    return "type=bind" in mount or "type=" not in mount


def _pairs(instruction: Instruction) -> Iterator[tuple[str, str]]:
    """Names and values of ENV or LABEL; the old form, `ENV name value`, has one."""
    words = WORD.findall(instruction.arguments)
    if words and "=" not in words[0]:
        name, space, value = instruction.arguments.partition(" ")
        words = [f"{name}={value.strip()}" if space else name]
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            _refuse(instruction, "it cannot be read")
        yield _literal(name), _literal(value)


class _NoVariables(dict[str, str]):
    def get(self, key: str, _: object = None) -> NoReturn:
        message = f"the value of {key} is the builder's to say"
        raise NotData(message)


def _literal(text: str) -> str:
    """A text without its quotes; raises `NotData` where it has a variable.

    What a backslash does before other characters than these depends on the quotes around it.
    """
    if re.search(r"\\[^\\\"'$]", text):
        message = f"how {text} is read is the builder's to say"
        raise NotData(message)
    try:
        return expanded(text, _NoVariables())
    except ValueError as error:
        raise NotData(str(error)) from error


def _refuse(instruction: Instruction, why: str) -> NoReturn:
    message = f"line {instruction.line}: {why}"
    raise NotData(message)
