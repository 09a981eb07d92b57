"""One repository at its registry: how its addresses are made, and its questions asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from imagebuild.oci.exchange import ERROR_LIMIT, Access, Ask
from imagebuild.oci.failures import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from imagebuild.names import ImageName
    from imagebuild.oci.exchange import Answer, Content
    from imagebuild.oci.transport import Transport

_PULL, _PUSH = "pull", "pull,push"


@dataclass(frozen=True)
class Endpoint:
    """A repository; `pushes` asks for leave to push from the first request on, for one token."""

    transport: Transport
    name: ImageName
    pushes: bool = False

    def access(self, *sources: str, push: bool = False) -> Access:
        """What a token has to allow here, and to read in other repositories of the registry."""
        actions = _PUSH if push or self.pushes else _PULL
        read = (f"repository:{source}:{_PULL}" for source in sources if source != self.name.path)
        return Access(self.name, (f"repository:{self.name.path}:{actions}", *read))

    def url(self, path: str, **query: str) -> str:
        """The address of what lies at a path below the repository."""
        marked = f"?{urlencode(query, safe=':/')}" if query else ""
        return f"{self.transport.url}/v2/{self.name.path}/{path}{marked}"

    def ask(
        self,
        action: str,
        method: str,
        url: str,
        *,
        access: Access | None = None,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Content] | None = None,
        size: int = 0,
        limit: int = ERROR_LIMIT,
    ) -> Ask:
        """A question about this repository, to read from it where nothing else is said."""
        access = access or self.access()
        return Ask(action, method, url, access, headers or {}, body, size, limit)

    def answered(self, ask: Ask, expected: Collection[int]) -> Answer:
        """The answer to a question that may be asked again, if its status is as expected.

        Raises the error that it means, else.
        """
        answer = self.transport.send(ask)
        if answer.status not in expected:
            raise refusal(ask, answer)
        return answer
