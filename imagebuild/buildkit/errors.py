"""What can go wrong between us and a BuildKit engine.

BuildkitError
 ├── NoBuildkit          the engine has no BuildKit (no 101 on POST /session or /grpc)
 ├── ConnectionLost      the engine cannot be reached, or vanished in the middle
 ├── BuildFailed         the engine says no; the failing step and its last lines are inside
 │    ├── Unauthorized   a registry refused our credentials, or asked for some
 │    └── BuildCancelled somebody else cancelled the build (ours re-raises what interrupted it)
 └── TreeError           what we serve cannot be served; `path` names the entry
      ├── UnreadableFile it cannot be opened or read
      └── FileChanged    its size is not the announced one any more
"""

from __future__ import annotations


class BuildkitError(Exception):
    """The root of everything that this package raises on purpose."""


class NoBuildkit(BuildkitError):
    """The engine answered `POST /session` or `/grpc`, but not with `101 Switching Protocols`."""

    def __init__(self, path: str, status: int, detail: str = "") -> None:
        super().__init__(
            f"the engine offers no BuildKit: HTTP {status} on POST {path}"
            + (f": {detail}" if detail else "")
        )
        self.status = status


class ConnectionLost(BuildkitError):
    """The engine cannot be reached or went away; the cause is the lower library's error."""


class BuildFailed(BuildkitError):
    """The engine ended the build with an error.

    `message` is the engine's own; `step` the failing step's name (`[2/3] RUN make`) or None;
    `log` the last lines that it printed, oldest first; `refused` what the engine asked for and did
    not get from us (`no secret 'token' was given`): where a step's mount is not required, the step
    runs without it and fails for a reason of its own.
    """

    def __init__(
        self,
        message: str,
        step: str | None = None,
        log: tuple[str, ...] = (),
        refused: tuple[str, ...] = (),
    ) -> None:
        super().__init__(f"{step}: {message}" if step else message)
        self.message = message
        self.step = step
        self.log = log
        self.refused = refused


class Unauthorized(BuildFailed):
    """A registry wants credentials, or refused those that `credentials` gave for its host."""


class BuildCancelled(BuildFailed):
    """The build was cancelled, and not by us."""


class TreeError(BuildkitError):
    """An entry of a served tree could not be sent; `path` is relative to the tree's root."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"cannot send {path!r}: {reason}")
        self.path = path
        self.reason = reason


class UnreadableFile(TreeError):
    """The tree could not be listed, or a file could not be opened or read."""


class FileChanged(TreeError):
    """A file has another size than its entry said: it was written to while being sent."""
