"""Quotes values for the place in a Dockerfile that they stand in, or refuses them.

So no value can add an instruction, or be expanded. The grammar of words, variables and JSON
arrays: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOUNT_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# https://www.debian.org/doc/debian-policy/ch-controlfields.html#source and #version, and what
# apt-get makes of them; there a `-` at the end would remove the package.
_PACKAGE = re.compile(
    r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+~:*-]+|/[A-Za-z0-9][\w.+~/-]*)?"
)
# Every builder knows these, and shows them to each step without an ARG:
# https://docs.docker.com/reference/dockerfile/#predefined-args
PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"})


class Quoted(str):
    """Text that is fit for a Dockerfile."""

    __slots__ = ()


def reference(text: str) -> Quoted:
    """An image's name, which the parser of names has checked."""
    return Quoted(text)


def word(text: str) -> Quoted:
    """The rest of an instruction's line, with nothing in it that the builder would expand.

    A builder strips the line, and an old one takes a backslash at its end for more to come, even
    an escaped one: https://github.com/moby/buildkit/pull/1559
    """
    if text != text.strip() or text.endswith("\\"):
        raise _unwritable(text)
    return Quoted(_literal(_one_line(text)))


def json_string(text: str) -> Quoted:
    """One string of an instruction's JSON form."""
    return Quoted(json.dumps(_literal(_one_line(text)), ensure_ascii=False))


def copies(sources: Iterable[str], directory: str) -> Iterator[Quoted]:
    """One `COPY` a source, each to its own place below the directory."""
    for source in sources:
        target = f"{directory}/{source.removeprefix('./')}"
        pattern = re.sub(r"[\[*?]", r"[\g<0>]", source)
        yield Quoted(f"COPY [{json_string(pattern)}, {json_string(target)}]")


def requirements(paths: Iterable[str], more: Iterable[str] = ()) -> Quoted:
    """The installer's `-r` options, and what is installed beside the files, for the shell."""
    options = [f"-r {shlex.quote(_one_line(path))}" for path in paths]
    return Quoted(" ".join([*options, *(shlex.quote(_one_line(one)) for one in more)]))


def packages(names: Iterable[str]) -> Quoted:
    """The packages as apt-get takes them, quoted for the shell."""
    return Quoted(" ".join(shlex.quote(_package(name)) for name in names))


def arguments(names: Iterable[str]) -> Iterator[Quoted]:
    """One `ARG` a build argument, sorted; none for a proxy's."""
    for name in sorted(names):
        if name.upper() not in PROXIES:
            yield Quoted(f"ARG {_variable(name)}")


def variables(values: Mapping[str, str]) -> Iterator[Quoted]:
    """One `ENV` a variable, sorted."""
    for name, value in sorted(values.items()):
        if re.search(r"[\r\n\0\ud800-\udfff]", value):
            message = f"the variable {name} cannot be set in an image: its value is not one line"
            raise UsageError(
                message, hint="write it in one line of text, as JSON and base64 do, or copy a file"
            )
        literal = re.sub(r'[\\"$]', r"\\\g<0>", value)
        yield Quoted(f'ENV {_variable(name)}="{literal}"')


def secret_mounts(ids: Iterable[str]) -> Iterator[Quoted]:
    """One `--mount` a secret, in /run/secrets; `netrc` lies where pip, uv and git look for it."""
    for name in ids:
        target = ",target=/root/.netrc" if name == "netrc" else ""
        yield Quoted(f"--mount=type=secret,id={_mount_id(name)}{target},required=true")


def ssh_mounts(ids: Iterable[str]) -> Iterator[Quoted]:
    """One `--mount` an ssh agent."""
    for name in ids:
        yield Quoted(f"--mount=type=ssh,id={_mount_id(name)},required=true")


FILTERS: Mapping[str, Callable[..., Quoted | Iterator[Quoted]]] = {
    "reference": reference,
    "word": word,
    "json": json_string,
    "copies": copies,
    "requirements": requirements,
    "packages": packages,
    "arguments": arguments,
    "variables": variables,
    "secret_mounts": secret_mounts,
    "ssh_mounts": ssh_mounts,
}


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


def _package(name: str) -> str:
    if not _PACKAGE.fullmatch(name):
        message = f"{name!r} is no system package"
        raise UsageError(
            message, hint="write name, name=version, name:architecture or name/release, as apt does"
        )
    return name


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        message = f"{name!r} is no name of a variable"
        raise UsageError(message, hint="letters, digits and _ may be in it, and no digit first")
    return name


def _mount_id(name: str) -> str:
    if not _MOUNT_ID.fullmatch(name):
        message = f"{name!r} is no id of a secret or an ssh agent"
        raise UsageError(message, hint="letters, digits and . _ - may be in it")
    return name
