"""Reads what was typed: image names, pairs, secrets, agents, schedules. Pure."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from imagebuild.errors import UsageError
from imagebuild.names import BadImageName, ImageName, LayoutName
from imagebuild.record import Schedule, Target
from imagebuild.request import IN_LAYOUT, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")


def image_name(text: str, option: str) -> ImageName:
    """An image name as typed; raises `UsageError`."""
    try:
        return ImageName.parse(text)
    except BadImageName as error:
        message = f"cannot use {option}"
        raise UsageError(
            message,
            causes=(str(error),),
            hint="write it as [registry/]name[:tag], such as registry.example.com/team/flow:v1",
        ) from error


def base(text: str) -> tuple[ImageName, LayoutName | None]:
    """A base as typed: what the plan calls it, and its layout if it is in one; raises `UsageError`.

    Whoever means a repository of that name writes `library/oci`.
    """
    layout = LayoutName.parse(text)
    return (IN_LAYOUT, layout) if layout else (image_name(text, "--base"), None)


def output(text: str | None) -> LayoutName | None:
    """Where an image is written, as typed; raises `UsageError`."""
    if text is None:
        return None
    if ":" in text:
        message = f"cannot use --output {text}"
        causes = ("for all who read layouts, a name begins after a colon",)
        raise UsageError(message, causes=causes, hint="give the path alone; the tag is --image's")
    return LayoutName.of_path(text)


def check_source(word: str, address: object, further: Sequence[str], context: str | None) -> None:
    """Raise `UsageError` for what says more of no source, and for two places of the code.

    `word` and `further` are what the source and what was said of it are called; `context` is what
    a folder is called that was given too.
    """
    if address is None and further:
        message = f"cannot use {' and '.join(further)} without {word}"
        raise UsageError(message, hint=f"say where the code is with {word}")
    if address is not None and context is not None:
        message = f"cannot use {word} with {context}"
        raise UsageError(message, causes=("both say where the code is",), hint="give one of them")


def image_tags(
    texts: Iterable[str],
    option: str = "--tag",
    hint: str = "the deployment's own tags are given with --deployment-tag",
) -> tuple[str, ...]:
    """Tags as typed; raises `UsageError` for one that is none."""
    tags = tuple(texts)
    for tag in tags:
        try:
            named = ImageName.parse(f"image:{tag}").tag
        except BadImageName:
            named = None
        if named != tag:
            message = f"cannot use {option} {tag}"
            raise UsageError(
                message,
                causes=("a tag is up to 128 letters, digits, dots, dashes and underscores",),
                hint=hint,
            )
    return tags


def pairs(texts: Iterable[str], option: str, example: str) -> dict[str, str]:
    """`key=value` texts; the last of the same key counts. Raises `UsageError`."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key:
            message = f"cannot use {option} {text}"
            raise UsageError(message, hint=f"write key=value, such as {example}")
        found[key] = value
    return found


def build_args(
    texts: Iterable[str], env: Mapping[str, str], option: str = "--build-arg"
) -> dict[str, str]:
    """`key=value` texts, or a key alone whose value is the environment's."""
    full = []
    for text in texts:
        if "=" not in text and text.strip() not in env:
            message = f"cannot use {option} {text}"
            raise UsageError(message, hint="give it a value, or set it in the environment")
        full.append(text if "=" in text else f"{text}={env[text.strip()]}")
    return pairs(full, option, "VERSION=1.2")


def json_pairs(texts: Iterable[str], option: str, example: str) -> dict[str, Any]:
    """`key=value` texts: a value that is JSON is taken as JSON, else as text."""
    return {key: _json(key, value) for key, value in pairs(texts, option, example).items()}


def _json(key: str, value: str) -> Any:
    if key.startswith("env.") and value != "null":
        # A variable of the environment is text, whatever it looks like.
        return value
    try:
        return json.loads(value, parse_constant=_no_constant)
    except ValueError:
        return value


def _no_constant(name: str) -> NoReturn:
    """Python's parser takes NaN and Infinity; JSON has neither."""
    raise ValueError(name)


def secret(text: str, here: Path, env: Mapping[str, str], option: str = "--secret") -> Secret:
    """`id=ID[,src=FILE|,env=NAME]`, as docker has it: without either, the variable of that name.

    Raises `UsageError`, also where there is no such file or variable.
    https://docs.docker.com/reference/cli/docker/buildx/build/#secret
    """
    parts = dict(part.partition("=")[::2] for part in text.split(","))
    name = parts.pop("id", "")
    kind = parts.pop("type", "file" if parts.keys() & {"src", "source"} else "env")
    file, variable = parts.pop("src", parts.pop("source", None)), parts.pop("env", None)
    if kind == "env" and variable is None:
        file, variable = None, file
    if not name or parts or (file and variable) or kind not in {"file", "env"}:
        message = f"cannot use {option} {text}"
        raise UsageError(message, hint="write id=ID,src=FILE or id=ID,env=NAME")
    if file is not None:
        path = here / Path(file).expanduser()
        if not path.is_file():
            message = f"there is no file {file} for the secret {name}"
            raise UsageError(message, hint=f"give its path relative to {here}")
        return Secret(name, file=path)
    variable = variable or name
    if variable not in env:
        message = f"the environment has no variable {variable} for the secret {name}"
        raise UsageError(message, hint=f"set it, or name a file: {option} id={name},src=FILE")
    return Secret(name, variable=variable)


def agents(
    texts: Iterable[str], env: Mapping[str, str], option: str = "--ssh"
) -> dict[str, tuple[Path, ...]]:
    """The sockets or keys of `default|ID[=SOCKET|KEY[,KEY]]` texts by their ids.

    Raises `UsageError`. https://docs.docker.com/reference/cli/docker/buildx/build/#ssh
    """
    found: dict[str, tuple[Path, ...]] = {}
    for text in texts:
        name, _, places = text.partition("=")
        places = places or env.get("SSH_AUTH_SOCK", "")
        if not places:
            message = f"there is no SSH agent for {option} {text}"
            raise UsageError(
                message,
                causes=("SSH_AUTH_SOCK is not set",),
                hint='start one: eval "$(ssh-agent)" && ssh-add, or name a key: '
                f"{option} {text}=~/.ssh/id_ed25519",
            )
        paths = tuple(Path(place).expanduser() for place in places.split(","))
        is_agent = len(paths) == 1 and paths[0].is_socket()
        if not is_agent and not all(path.is_file() for path in paths):
            message = f"cannot use {option} {text}"
            raise UsageError(
                message,
                causes=(f"{places} is neither an agent's socket nor the file of a private key",),
                hint="give the path of one, or of several keys with commas between them",
            )
        found[name or "default"] = paths
    return found


def schedules(
    crons: Iterable[str], intervals: Iterable[str], rrules: Iterable[str], timezone: str | None
) -> tuple[Schedule, ...]:
    """All schedules, in one time zone. Raises `UsageError` for a zone of none."""

    def found() -> Iterator[Schedule]:
        for text in crons:
            yield Schedule("cron", text, timezone)
        for text in intervals:
            yield Schedule("interval", _seconds(text), timezone)
        for text in rrules:
            yield Schedule("rrule", text, timezone)

    made = tuple(found())
    if timezone and not made:
        message = f"--timezone {timezone} is of no schedule"
        raise UsageError(message, hint="give --cron, --interval or --rrule with it")
    return made


def _seconds(text: str) -> float:
    found = _INTERVAL.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        message = f"cannot use --interval {text}"
        raise UsageError(message, hint="write seconds, or such as 90s, 15m, 6h, 1d")
    return seconds


def deployment(text: str, pool: str | None) -> Target:
    """`flow/name`, as Prefect writes a deployment. Raises `UsageError`."""
    flow, slash, name = text.partition("/")
    if not slash or not flow or not name or "/" in name:
        message = f"cannot use --deployment {text}"
        raise UsageError(message, hint="write flow/name, as `prefect deployment ls` shows it")
    return Target(flow, name, pool)
