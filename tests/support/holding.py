"""A request that is held on its way, so that a test can act while it is under way."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.proxies import Fault

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from tests.support.proxies import RecordingProxy, Request


@dataclass
class Hold(Fault):
    """Hold the first request that matches until the block ends; then it is lost, or `passes`.

    with Hold("PUT", ".*/manifests/.*", 1).at(proxy) as held: …
    """

    passes: bool = False
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def at(self, proxy: RecordingProxy) -> Self:
        """Hold it in this proxy."""
        proxy.faults.append(self)
        return self

    def takes(self, request: Request) -> bool:
        """Whether the request is lost; the answer takes as long as the block does."""
        if not super().takes(request):
            return False
        self.reached.set()
        self.over.wait()
        return not self.passes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
