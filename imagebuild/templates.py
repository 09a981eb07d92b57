"""Renders a Dockerfile from a template: the one door to Jinja.

A value is printed through a filter that quotes it for the place it stands in, or not at all, so
no value can add an instruction. The grammar of words, variables and JSON arrays:
https://docs.docker.com/reference/dockerfile/#parser-directives
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import jinja2.sandbox

from imagebuild.digest import digest_of
from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imagebuild.plan import Plan

_SUFFIX = ".Dockerfile.jinja"


class Quoted(str):
    """Text that a filter made fit for a Dockerfile."""

    __slots__ = ()


def folder() -> Path:
    """Where the templates lie: in a wheel beside this module, else beside the package."""
    inside = Path(__file__).parent / "dockerfile_templates"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "dockerfile_templates"


def names() -> tuple[str, ...]:
    """The templates that there are, sorted."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in folder().glob(f"*{_SUFFIX}")))


def digest(name: str) -> str:
    """The digest of a template's source, in hexadecimal. Raises `UsageError` for an unknown one."""
    try:
        return digest_of((folder() / f"{name}{_SUFFIX}").read_text("utf-8"))
    except FileNotFoundError as error:
        message = f"there is no template {name!r}"
        raise UsageError(message, hint=f"choose one of: {', '.join(names())}") from error


def render(plan: Plan, *, user: str = "", mounts: bool = True, where: Path | None = None) -> str:
    """The Dockerfile of a plan.

    `user` is the base's own where it is not root: dependencies are installed as root, and it gets
    its place back. `mounts` says whether the builder knows `RUN --mount`. `where` is another folder
    of templates than ours.

    Raises `UsageError` for a value that no Dockerfile can hold and for a template that fails, with
    its file and line.
    """
    name = f"{plan.environment.template}{_SUFFIX}"
    values = {
        "base": plan.environment.base.reference,
        "directory": plan.code.directory,
        "dependencies": plan.environment.dependencies,
        "user": "" if user.partition(":")[0] in {"", "0", "root"} else user,
        "mounts": mounts,
    }
    try:
        return _environment(where or folder()).get_template(name).render(values)
    except jinja2.TemplateSyntaxError as error:
        message = f"cannot read the template {error.filename}, line {error.lineno}"
        raise UsageError(message, causes=(str(error.message),)) from error
    except jinja2.TemplateError as error:
        message = f"cannot render the template {name}{_line_of(error, name)}"
        raise UsageError(message, causes=(str(error),)) from error


def _environment(where: Path) -> jinja2.Environment:
    environment = jinja2.sandbox.SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(where),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_only_quoted,
        autoescape=False,
    )
    environment.filters.update(
        reference=_reference, word=_word, json=_json, copies=_copies, requirements=_requirements
    )
    return environment


def _only_quoted(value: Any) -> Any:
    if isinstance(value, str) and value and not isinstance(value, Quoted):
        message = f"{value!r} is printed without a filter that quotes it"
        raise jinja2.TemplateRuntimeError(message)
    return value


def _reference(text: str) -> Quoted:
    """An image's name, which the parser of names has checked."""
    return Quoted(text)


def _word(text: str) -> Quoted:
    """The rest of an instruction's line, with nothing in it that the builder would expand.

    A builder strips the line, and an old one takes a backslash at its end for more to come, even
    an escaped one: https://github.com/moby/buildkit/pull/1559
    """
    if text != text.strip() or text.endswith("\\"):
        raise _unwritable(text)
    return Quoted(_literal(_one_line(text)))


def _json(text: str) -> Quoted:
    """One string of an instruction's JSON form."""
    return Quoted(json.dumps(_literal(_one_line(text)), ensure_ascii=False))


def _copies(sources: Iterable[str], directory: str) -> Iterator[Quoted]:
    """One `COPY` a source, each to its own place below the directory."""
    for source in sources:
        target = f"{directory}/{source.removeprefix('./')}"
        pattern = re.sub(r"[\[*?]", r"[\g<0>]", source)
        yield Quoted(f"COPY [{_json(pattern)}, {_json(target)}]")


def _requirements(paths: Iterable[str]) -> Quoted:
    """The installer's `-r` options, quoted for the shell."""
    return Quoted(" ".join(f"-r {shlex.quote(_one_line(path))}" for path in paths))


def _literal(text: str) -> str:
    return re.sub(r"[\\'\"$]", r"\\\g<0>", text)


def _one_line(text: str) -> str:
    """What a Dockerfile can hold: its lines end instructions, and `<<` begins a here-document."""
    if any(ord(char) < 32 for char in text) or "<<" in text:
        raise _unwritable(text)
    return text


def _unwritable(text: str) -> UsageError:
    message = f"{text!r} cannot be written in a Dockerfile"
    return UsageError(message, hint="rename the file or folder")


def _line_of(error: BaseException, name: str) -> str:
    """Where in the template it happened: Jinja leaves the line in the traceback alone."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(name):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f", line {line}" if line else ""
