"""What a build's failure means: from the engine's words to causes and hints for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imagebuild.errors import BuildFailed, Denied, ImagebuildError, Unreachable
from imagebuild.names import BadImageName, ImageName
from imagebuild.registry_errors import registry_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagebuild.builders.recipe import Dockerfile

_SHOWN_LINES = 20
_NUMBER = re.compile(r"\[[^]]*\] ")
_BASE = re.compile(
    r"\[internal\] load metadata for (\S+)|(?:\[.*\] )?FROM (?:--\S+ )?(\S+).*", re.IGNORECASE
)
_FROM_FLAG = re.compile(r"invalid from flag value (\S+): ")
# What each layer of the engine puts before the reason that it was given.
_PREFIX = re.compile(
    r"(?:failed to solve(?: with frontend \S+)?|failed to create LLB definition): ?"
    r"|rpc error: code = \w+ desc = ?"
)
_EXIT_CODE = re.compile(r"(?:exit code|returned a non-zero code): (\d+)$")
_PARSE_ERROR = re.compile(r"dockerfile parse error(?: on)? line (\d+): (.*)", re.DOTALL)
_EXEC_FORMAT = re.compile(r"exec format error", re.IGNORECASE)
_EXEC_FORMAT_CAUSE = (
    "a program in the image is for another platform than the engine's own, or has no #! line"
    " (exec format error)"
)
_EXEC_FORMAT_HINT = (
    "build for the engine's own platform, or let it emulate the other: docker run --privileged"
    " --rm tonistiigi/binfmt --install all"
)
_NO_FILE = re.compile(
    r"failed to (?:compute cache key|calculate checksum)"
    r"[^\"]*\"/?(?P<buildkit>[^\"]+)\":? not found"
    r"|excluded by .dockerignore: stat (?P<classic>.+): file does not exist"
    r"|no source files were specified"
)
_NO_FILE_HINT = (
    "check its path, which is relative to the project root, and whether .dockerignore or the"
    " built-in list leaves it out"
)
_NO_SECRET = re.compile(r"no secret '(.+)' was given")
_NO_AGENT = re.compile(r"no ssh agent '(.+)' was given")


def one_line(step: str) -> str:
    """A step's name without its line breaks, and without the name of the only stage."""
    return " ".join(step.split()).replace("[stage-0 ", "[", 1)


def failure(
    message: str,
    dockerfile: Dockerfile,
    *,
    step: str | None = None,
    log: Sequence[str] = (),
    refused: Sequence[str] = (),
) -> ImagebuildError:
    """The error for a build that the engine ended with `message`.

    `step` is the failed one as `[4/6] RUN …`, `log` its last lines, `refused` what it asked us for
    in vain.
    """
    step = one_line(step) if step else None
    if found := _BASE.fullmatch(step or "") or _FROM_FLAG.match(message):
        return _no_base(str(next(filter(None, found.groups()))), message)
    cause, hint = _cause([message, *log], refused)
    instruction = _NUMBER.sub("", step, count=1) if step else ""
    if parse_error := _PARSE_ERROR.search(message):
        line, cause = int(parse_error[1]), " ".join(parse_error[2].split())
    else:
        line = _line_in(message, dockerfile) or dockerfile.line_of(instruction) or 0
    where = f"{dockerfile.name} line {line}: " if line else ""
    at = f" at {step}" if step else ""
    text = f"the build failed{at}"
    return BuildFailed(
        text, causes=(f"{where}{cause}", *refused), hint=hint, body=tuple(log[-_SHOWN_LINES:])
    )


def unsendable(path: str, reason: str) -> BuildFailed:
    """The error for a file that is not what it was when the build was planned."""
    message = f"cannot send {path}"
    return BuildFailed(
        message,
        causes=(reason,),
        hint="let nothing write to it, or leave it out: add it to .dockerignore",
    )


def refused_by_registry(message: str, step: str | None) -> ImagebuildError:
    """The error for credentials that are missing, wrong or not enough."""
    if (found := _BASE.fullmatch(one_line(step or ""))) and isinstance(
        error := _no_base(str(next(filter(None, found.groups()))), message), Denied
    ):
        return error
    text = "a registry refused what the build needs"
    return Denied(
        text,
        causes=(plain(message),),
        hint="log in to the registry of the base image with `docker login`",
    )


def engine_gone(reason: str) -> Unreachable:
    """The error for an engine that ended in the middle."""
    message = "the Docker Engine went away during the build"
    return Unreachable(
        message, causes=(reason,), hint="see whether it was stopped, and run this again"
    )


def plain(message: str) -> str:
    """The reason itself, on one line."""
    return one_line(_PREFIX.sub("", message)) or message


def _cause(told: Sequence[str], refused: Sequence[str]) -> tuple[str, str | None]:
    """What happened, and what to do; `told` is the engine's message, then the step's lines."""
    if any(_EXEC_FORMAT.search(line) for line in told):
        return _EXEC_FORMAT_CAUSE, _EXEC_FORMAT_HINT
    if missing := _NO_FILE.search(told[0]):
        path = missing["buildkit"] or missing["classic"] or "what COPY names"
        return f"{path} is not in the build context", _NO_FILE_HINT
    hint = _hint_for([told[0], *refused])
    if ended := _EXIT_CODE.search(told[0]):
        return f"the command ended with exit code: {ended[1]}", hint
    return plain(told[0]), hint


def _hint_for(texts: Sequence[str]) -> str | None:
    text = "\n".join(texts)
    if secret := _NO_SECRET.search(text):
        return f"give it: --secret id={secret[1]},src=FILE or --secret id={secret[1]},env=VARIABLE"
    if agent := _NO_AGENT.search(text):
        return f"give it: --ssh {agent[1]}, with an agent that runs, or {agent[1]}=SOCKET"
    return None


def _line_in(message: str, dockerfile: Dockerfile) -> int | None:
    """The line, where a newer BuildKit says it: `Dockerfile:12`."""
    found = re.search(rf"{re.escape(dockerfile.name)}:(\d+)", message)
    return int(found[1]) if found else None


def _no_base(text: str, message: str) -> ImagebuildError:
    action = f"get the base image {text}"
    try:
        name = ImageName.parse(text)
    except BadImageName:
        return BuildFailed(f"cannot {action}", causes=(plain(message),))
    error = registry_error(action, name, (plain(message),))
    if isinstance(error, Unreachable | Denied):
        return error
    hint = "check the name and the tag of the base"
    return BuildFailed(error.message, causes=error.causes, hint=hint)
