"""Credentials, secrets and health, as the engine asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

import pytest
from grpclib.client import UnaryUnaryMethod

from imagebuild.buildkit import BuildFailed, BuildOptions, Credential, Session, build
from imagebuild.buildkit.messages import (
    CredentialsRequest,
    CredentialsResponse,
    GetSecretRequest,
    GetSecretResponse,
)
from imagebuild.buildkit.wire import Message

from .fake_engine import Build, FakeEngine, check_health
from .test_build import succeed

if TYPE_CHECKING:
    import docker

_Reply = TypeVar("_Reply", bound=Message)
CREDENTIALS = "/moby.filesync.v1.Auth/Credentials"
SECRET = "/moby.buildkit.secrets.v1.Secrets/GetSecret"


def credentials(host: str) -> Credential | None:
    """One registry is known, one breaks."""
    if host == "broken":
        text = "docker-credential-x is not installed"
        raise RuntimeError(text)
    return Credential("me", "hidden") if host == "registry-1.docker.io" else None


def ask(
    engine: FakeEngine,
    api: docker.APIClient,
    path: str,
    request: Message,
    reply: type[_Reply],
    secrets: Mapping[str, bytes] = {"token": b"\x00bytes"},
) -> _Reply:
    """What the session answers during a build."""
    answers: list[_Reply] = []

    async def script(asked: Build) -> None:
        answers.append(await UnaryUnaryMethod(asked.channel, path, type(request), reply)(request))
        await asked.image()

    engine.script = script
    with Session(
        api, trees={}, credentials=credentials, secrets=secrets, shared_key="k"
    ) as session:
        build(api, session, BuildOptions())
    return answers[0]


@pytest.mark.parametrize(
    ("host", "expected"), [("registry-1.docker.io", ("me", "hidden")), ("other", ("", ""))]
)
def test_credentials_are_asked_for_by_host(
    engine: FakeEngine, api: docker.APIClient, host: str, expected: tuple[str, str]
) -> None:
    """An unknown host is anonymous."""
    reply = ask(engine, api, CREDENTIALS, CredentialsRequest(host=host), CredentialsResponse)
    assert (reply.username, reply.secret) == expected


def test_an_error_of_credentials_is_raised_by_build(
    engine: FakeEngine, api: docker.APIClient
) -> None:
    """The engine's words would hide it."""
    with pytest.raises(RuntimeError, match="not installed"):
        ask(engine, api, CREDENTIALS, CredentialsRequest(host="broken"), CredentialsResponse)


def test_a_credential_does_not_print_its_secret() -> None:
    """Not even in a traceback's locals."""
    assert repr(Credential("me", "hidden")) == "Credential(username='me')"


def test_a_secret_is_given_by_id(engine: FakeEngine, api: docker.APIClient) -> None:
    """As bytes."""
    reply = ask(engine, api, SECRET, GetSecretRequest(id="token"), GetSecretResponse)
    assert reply.data == b"\x00bytes"


class Unreadable(Mapping[str, bytes]):
    """Secrets that are read when they are asked for."""

    def __getitem__(self, name: str) -> bytes:
        text = f"{name} is not readable any more"
        raise RuntimeError(text)

    def __iter__(self) -> Iterator[str]:
        return iter(["token"])

    def __len__(self) -> int:
        return 1

    def __contains__(self, name: object) -> bool:
        return name == "token"


def test_an_error_of_secrets_is_raised_by_build(engine: FakeEngine, api: docker.APIClient) -> None:
    """Nothing is read before a step asks."""
    engine.script = succeed
    with Session(api, trees={}, secrets=Unreadable(), shared_key="k") as session:
        build(api, session, BuildOptions())
    with pytest.raises(RuntimeError, match="token is not readable any more"):
        ask(engine, api, SECRET, GetSecretRequest(id="token"), GetSecretResponse, Unreadable())


def test_an_unknown_secret_is_not_found(engine: FakeEngine, api: docker.APIClient) -> None:
    """By its gRPC status, which lets an optional secret be missing."""
    with pytest.raises(BuildFailed, match=r"NOT_FOUND.*no secret 'nothing' was given"):
        ask(engine, api, SECRET, GetSecretRequest(id="nothing"), GetSecretResponse)


def test_the_session_is_healthy(engine: FakeEngine, api: docker.APIClient) -> None:
    """SERVING, as long as it is open."""
    found: list[int] = []

    async def script(asked: Build) -> None:
        found.append(await check_health(asked))
        await asked.image()

    engine.script = script
    with Session(api, trees={}, shared_key="k") as session:
        build(api, session, BuildOptions())
    assert found == [1]
