"""Labels that tell where an image comes from, as everybody reads them. Pure.

https://github.com/opencontainers/image-spec/blob/main/annotations.md
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from imagebuild.errors import UsageError
from imagebuild.request import IN_LAYOUT

if TYPE_CHECKING:
    from imagebuild.commit import Commit
    from imagebuild.names import ImageName
    from imagebuild.plan import Base

PREFECT_LABEL = "io.prefect.version"
_PREFIX = "org.opencontainers.image."
CREATED_LABEL, BASE_DIGEST_LABEL = f"{_PREFIX}created", f"{_PREFIX}base.digest"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST = 253402300799  # the end of the year 9999, the last that RFC 3339 can write


def stamp(
    commit: Commit | None,
    *,
    epoch: str | None,
    version: str | None,
    base: Base,
    prefect: str | None = None,
) -> dict[str, str]:
    """The labels, without those that nothing is known for.

    `epoch` is SOURCE_DATE_EPOCH; `version` the image's own; `prefect` that of the Prefect in it.
    Raises `UsageError` for an epoch that is none.
    """
    labels = {
        "created": (_EPOCH + timedelta(seconds=created_at(commit, epoch))).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ),
        "revision": commit and commit.revision + ("-dirty" if commit.dirty else ""),
        "source": commit and commit.url,
        "version": version,
        "base.name": _full(base.name),
        "base.digest": base.digest,
    }
    known = {f"{_PREFIX}{key}": value for key, value in labels.items() if value}
    return {**known, **({PREFECT_LABEL: prefect} if prefect else {})}


def created_at(commit: Commit | None, epoch: str | None) -> int:
    """When the image is said to be made, in seconds since 1970, the same on every machine.

    The epoch if there is one, else the commit's time, else 0. Raises `UsageError` for an epoch
    that is no such number. https://reproducible-builds.org/specs/source-date-epoch/
    """
    if epoch:
        if not re.fullmatch(r"[0-9]{1,12}", epoch) or int(epoch) > _LAST:
            message = f"cannot use SOURCE_DATE_EPOCH={epoch}"
            raise UsageError(
                message,
                causes=("it is no whole number of seconds since 1970, up to the year 9999",),
                hint="take the commit's: SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)",
            )
        return int(epoch)
    return commit.time if commit is not None and 0 <= commit.time <= _LAST else 0


def _full(name: ImageName) -> str | None:
    """The name with its registry and its tag or digest; `scratch` and a layout have none."""
    if name == IN_LAYOUT or (name.is_bare and name.repository == "scratch"):
        return None
    tag = name.tag or (None if name.digest else "latest")
    return name.location + (f":{tag}" if tag else "") + (f"@{name.digest}" if name.digest else "")
