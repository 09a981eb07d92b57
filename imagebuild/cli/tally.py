"""Counts what a run did: what its summary and its JSON tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagebuild.events import Event, Sent, StepEnded

if TYPE_CHECKING:
    from imagebuild.events import Emit


@dataclass
class Tally:
    """The build's steps, those of them that the cache had, and what was sent for them."""

    inner: Emit
    steps: set[str] = field(default_factory=set)
    cached: set[str] = field(default_factory=set)
    files: int = 0
    bytes: int = 0

    def emit(self, event: Event) -> None:
        """Count an event, and hand it on."""
        match event:
            case StepEnded(step=step, cached=cached, error=None):
                self.steps.add(step)
                if cached:
                    self.cached.add(step)
            case Sent(paths=paths, size=size):
                self.files += len(paths)
                self.bytes += size
            case _:
                pass
        self.inner(event)

    def document(self) -> dict[str, Any]:
        """The counts as JSON; sizes are in bytes."""
        return {
            "steps": len(self.steps),
            "cached_steps": len(self.cached),
            "sent_files": self.files,
            "sent_bytes": self.bytes,
        }
