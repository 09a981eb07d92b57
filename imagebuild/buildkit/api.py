"""The few calls of the Docker SDK's `APIClient` that are used here, declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


class Response(Protocol):
    """What is used of a `requests.Response`."""

    status_code: int
    raw: Any

    @property
    def text(self) -> str:
        """The whole body."""

    def iter_content(self, chunk_size: int | None = ...) -> Iterator[Any]:
        """The body in pieces as they arrive; raises OSError (`requests` derives from it)."""

    def close(self) -> None:
        """Give the connection up."""


class Api(Protocol):
    """What is used of a `docker.APIClient`, which satisfies it.

    `base_url` and `api_version` make the address; `post` raises OSError when the engine cannot be
    reached (all of `requests`' errors derive from it).
    """

    base_url: str

    @property
    def api_version(self) -> str:
        """`1.41`, agreed with the engine."""

    def post(
        self,
        url: str,
        *,
        params: Sequence[tuple[str, str]] | None = ...,
        headers: Mapping[str, str] | None = ...,
        auth: Callable[[Any], Any] | None = ...,
        stream: bool | None = ...,
        timeout: tuple[float, float | None] | None = ...,
    ) -> Response:
        """POST without a body. `auth` is requests' hook that may change the prepared request."""


def address(api: Api, path: str) -> str:
    """The full URL of an endpoint of the engine's API."""
    return f"{api.base_url}/v{api.api_version}{path}"
