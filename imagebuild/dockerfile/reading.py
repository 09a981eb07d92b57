"""What the instructions of a Dockerfile say of stages, images and build arguments."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from imagebuild.dockerfile.lines import instructions, wrong
from imagebuild.dockerfile.words import WORD, expanded
from imagebuild.errors import UsageError
from imagebuild.names import BadImageName, ImageName
from imagebuild.quoting import PROXIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imagebuild.dockerfile.lines import Instruction

# https://docs.docker.com/reference/dockerfile/#buildkit-built-in-build-args
_BUILTIN_ARGS = {
    "BUILDKIT_BUILD_NAME",
    "BUILDKIT_CACHE_MOUNT_NS",
    "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    "BUILDKIT_DOCKERFILE_CHECK",
    "BUILDKIT_INLINE_CACHE",
    "BUILDKIT_MULTI_PLATFORM",
    "BUILDKIT_SANDBOX_HOSTNAME",
    "BUILDKIT_SYNTAX",
    "SOURCE_DATE_EPOCH",
}
# https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
_PLATFORM_ARGS = {
    f"{side}{part}"
    for side in ("BUILD", "TARGET")
    for part in ("PLATFORM", "OS", "ARCH", "VARIANT")
}
PREDEFINED_ARGS: Final = frozenset(PROXIES | {name.lower() for name in PROXIES} | _BUILTIN_ARGS)

_NOTHING = "scratch"


@dataclass(frozen=True)
class Dockerfile:
    """What a Dockerfile says of images and build arguments.

    `bases` are the images that the last stage needs, by itself and through other stages, as they
    are named, in the order of the file; `final` is the one that the image itself builds on, None
    for `scratch`. `args` are the arguments that are declared or predefined: any other is read by
    nothing.
    """

    bases: tuple[str, ...]
    final: str | None
    args: frozenset[str]


def parse(text: str, build_args: Mapping[str, str], name: str = "Dockerfile") -> Dockerfile:
    """Read a Dockerfile's text; `name` is its file's, for messages.

    Raises `UsageError`, with the line, for a base that is no image name (also because a variable
    in it has no value), for a stage that is not there, and for what has no beginning or no end.
    """
    reading = _Reading(build_args)
    for instruction in instructions(text, name):
        reading.take(instruction)
    if not reading.stages:
        message = f"cannot build with {name}"
        raise UsageError(message, causes=("no line of it begins with FROM",))
    args = PREDEFINED_ARGS.union(reading.declared)
    return Dockerfile(_bases(reading.stages), _final(reading.stages), args)


@dataclass
class _Stage:
    """A stage: its name in small letters, and what it needs, first what it builds on.

    A number is another stage, a text an image.
    """

    name: str
    needs: list[int | str]


@dataclass
class _Reading:
    """What the instructions said so far; `values` are those of the arguments before all stages."""

    build_args: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    stages: list[_Stage] = field(default_factory=list)

    def take(self, instruction: Instruction) -> None:
        match instruction.keyword:
            case "FROM":
                self._begin(instruction)
            case "ARG":
                self._declare(instruction)
            case keyword if not self.stages:
                raise wrong(instruction, f"{keyword} stands before the first FROM")
            case "COPY":
                for reference in (value for flag, value in instruction.flags if flag == "--from"):
                    self._need(instruction, reference)
            case "RUN":
                for reference in (value for flag, value in instruction.flags if flag == "--mount"):
                    self._need(instruction, _mounted(reference))
            case _:
                pass

    def _begin(self, instruction: Instruction) -> None:
        words = instruction.arguments.split()
        if len(words) != 1 and not (len(words) == 3 and words[1].upper() == "AS"):
            raise wrong(instruction, "FROM takes an image, and perhaps AS and a name")
        image = self._expanded(instruction, words[0])
        base = _found(self.stages, image, instruction, words[0])
        self.stages.append(_Stage("".join(words[2:]).lower(), [base]))

    def _declare(self, instruction: Instruction) -> None:
        for word in WORD.findall(instruction.arguments):
            name, has_default, default = word.partition("=")
            self.declared.add(name)
            if self.stages:
                continue
            if name in self.build_args:
                self.values[name] = self.build_args[name]
            elif has_default:
                self.values[name] = self._expanded(instruction, default)

    def _need(self, instruction: Instruction, reference: str) -> None:
        if not reference:
            return
        if "$" in reference:
            raise wrong(
                instruction,
                f"no variable is expanded in from={reference}",
                hint="give the image a stage of its own, FROM … AS name, and write that name",
            )
        *earlier, stage = self.stages
        if reference.isdecimal() and int(reference) >= len(earlier):
            raise wrong(instruction, f"there is no stage {reference} before its own")
        if reference.isdecimal():
            stage.needs.append(int(reference))
        else:
            stage.needs.append(_found(earlier, reference, instruction, f"from={reference}"))

    def _expanded(self, instruction: Instruction, text: str) -> str:
        given = {name: value for name, value in self.build_args.items() if name in _PLATFORM_ARGS}
        known = {**given, **self.values}
        for name in sorted(_PLATFORM_ARGS - known.keys()):
            if re.search(rf"\$\{{?{name}\b", text):
                cause = f"{text} cannot be expanded: only the builder knows {name}"
                raise wrong(instruction, cause, f"give its value: --build-arg {name}=…")
        try:
            return expanded(text, known)
        except ValueError as error:
            raise wrong(instruction, f"{text} cannot be expanded: {error}") from error


def _found(
    stages: Sequence[_Stage], reference: str, instruction: Instruction, written: str
) -> int | str:
    """The number of the last stage of this name, else the image."""
    for number in reversed(range(len(stages))):
        if stages[number].name == reference.lower() != "":
            return number
    if reference != _NOTHING:
        try:
            ImageName.parse(reference)
        except BadImageName as error:
            raise wrong(instruction, f"{written} names no image: {error}") from error
    return reference


def _mounted(mount: str) -> str:
    """What a `--mount` takes its files from, nothing where it does not say.

    Its value is a line of CSV: https://docs.docker.com/reference/dockerfile/#run---mount
    """
    fields = next(csv.reader([mount]), [])
    pairs = dict(field.partition("=")[::2] for field in fields)
    return pairs.get("from", "")


def _bases(stages: Sequence[_Stage]) -> tuple[str, ...]:
    """The images that the last stage needs."""
    needed, pending = set[int](), [len(stages) - 1]
    while pending:
        number = pending.pop()
        if number not in needed:
            needed.add(number)
            pending += [need for need in stages[number].needs if isinstance(need, int)]
    images = [need for number in sorted(needed) for need in stages[number].needs]
    return tuple(dict.fromkeys(i for i in images if isinstance(i, str) and i != _NOTHING))


def _final(stages: Sequence[_Stage]) -> str | None:
    base: int | str = len(stages) - 1
    while isinstance(base, int):
        base = stages[base].needs[0]
    return base if base != _NOTHING else None
