"""The command that makes up for a record that failed."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imagebuild.record import Change
    from imagebuild.request import BuildRequest

# Options of `record` that mean the same in `deploy`.
_SAME = (
    *("context", "queue", "job_variable", "param", "description", "deployment_tag", "cron"),
    *("interval", "rrule", "timezone", "concurrency_limit"),
)


def finish_command(change: Change, request: BuildRequest, options: Mapping[str, Any]) -> str:
    """The command that makes up for a record that failed: all is there, so it only records."""
    if request.source is None and not request.pulled:
        return record_command(change, options)
    return shlex.join(["imagebuild", *sys.argv[1:]])


def record_command(change: Change, options: Mapping[str, Any]) -> str:
    """`imagebuild record …` with all that the failed command was told, quoted for a shell."""
    return shlex.join(["imagebuild", "record", *_arguments(change, options)])


def _arguments(change: Change, options: Mapping[str, Any]) -> Iterator[str]:
    record = change.record
    if record.image is not None:
        yield record.image
    if record.entrypoint is not None:
        yield record.entrypoint
    yield from ("--deployment", str(change.target), "--pool", change.pool)
    if not record.pushed:
        yield "--no-push"
    elif not options.get("pin", True):
        yield "--no-pin"
    if record.directory is not None:
        yield from ("--directory", record.directory)
    if record.version is not None:
        yield from ("--version", record.version)
    for name in _SAME:
        value = options.get(name)
        values = value if isinstance(value, tuple) else [] if value is None else [value]
        for each in values:
            yield from (f"--{name.replace('_', '-')}", str(each))
    if options.get("yes"):
        yield "--yes"
