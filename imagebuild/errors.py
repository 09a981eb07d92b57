"""Every error that imagebuild raises, each with the exit code that tells it apart in a script.

    ImagebuildError           1   what was asked could not be done
    ├── BuildFailed           1   a step of the build failed
    ├── PushFailed            1   the registry did not take the image, or not provably
    ├── UsageError            2   the request or the configuration cannot be meant
    ├── Unreachable           3   an engine, a registry or a Prefect server did not answer
    ├── Denied                4   credentials are missing, wrong or not enough
    ├── NotRecorded           5   the image is there, the deployment does not name it
    └── RefusedByPolicy       6   it could be done, and should not be
    Interrupted         130/143   Ctrl-C, or a request to end

An error is prose: what could not be done, what caused it, what to do about it, and what was left
as it was. The command line prints the four in its own way; in Python, `str(error)` is all of it.
"""

from __future__ import annotations

from typing import ClassVar


class ImagebuildError(Exception):
    """What was asked could not be done.

    `message` says what could not be done and names the thing; `causes` are the reasons, the
    nearest first; `hint` is what the reader can do; `body` is evidence to show as it is, such as
    the last lines of a failed step; `unchanged` says what stands as it stood before.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        causes: tuple[str, ...] = (),
        hint: str | None = None,
        body: tuple[str, ...] = (),
        unchanged: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.causes = causes
        self.hint = hint
        self.body = body
        self.unchanged = unchanged

    def __str__(self) -> str:
        """All of the prose, a line each, as a traceback or somebody else's program shows it."""
        lines = [self.message, *(f"  | {line}" for line in self.body)]
        lines += (f"  caused by: {cause}" for cause in self.causes)
        lines += [f"  hint: {self.hint}"] if self.hint else []
        lines += [f"  {self.unchanged}"] if self.unchanged else []
        return "\n".join(lines)


class BuildFailed(ImagebuildError):
    """A step of the build failed, or the engine ended the build without an image."""


class PushFailed(ImagebuildError):
    """The registry did not take the image, or did not prove by a digest that it has it."""


class UsageError(ImagebuildError):
    """The request or the configuration cannot be meant."""

    exit_code = 2


class Unreachable(ImagebuildError):
    """An engine, a registry or a Prefect server did not answer; the same call may work later."""

    exit_code = 3


class Denied(ImagebuildError):
    """Credentials are missing, wrong or not enough."""

    exit_code = 4


class NotRecorded(ImagebuildError):
    """The image is where it should be, and the deployment does not name it yet."""

    exit_code = 5


class RefusedByPolicy(ImagebuildError):
    """It could be done, and should not be."""

    exit_code = 6


class Interrupted(BaseException):
    """The user or the system asked to end: not an error, so `except Exception` lets it pass."""

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code
