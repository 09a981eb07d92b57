"""How a registry lets us in, and what it and others get to see of a password."""

from __future__ import annotations

import functools
import io
import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from imagebuild.errors import Denied, PushFailed, RefusedByPolicy
from imagebuild.events import ignore
from imagebuild.names import ImageName
from imagebuild.oci.challenges import Challenge, challenge_in
from tests.support.serving import FakeTime
from tests.unit.oci.loopback import (
    BASIC,
    LOGIN,
    PASSWORD,
    REPOSITORY,
    Said,
    Server,
    digest_of,
    error,
    registries,
    repository,
    serving,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PULL, PUSH = f"repository:{REPOSITORY}:pull", f"repository:{REPOSITORY}:pull,push"
BLOB = b"a blob"


def bearer(realm: str, **more: str) -> dict[str, str]:
    """The header that names a token server."""
    parts = {"realm": realm, "service": "tests", **more}
    return {"WWW-Authenticate": "Bearer " + ",".join(f'{k}="{v}"' for k, v in parts.items())}


def tokens_asked(server: Server) -> list[list[str]]:
    """The scopes of each token that was asked for."""
    return [one.query.get("scope", []) for one in server.asked if one.path.startswith("/token")]


@pytest.mark.parametrize(
    ("values", "scheme", "parameters"),
    [
        (['Basic realm="x"'], "basic", {"realm": "x"}),
        (['bearer Realm="x",SERVICE=s'], "bearer", {"realm": "x", "service": "s"}),
        (['Bearer realm="https://a/t", scope="a:b:pull,push c:d:pull"'], "bearer",
         {"realm": "https://a/t", "scope": "a:b:pull,push c:d:pull"}),
        (["Negotiate", 'Basic realm="x"'], "basic", {"realm": "x"}),
        (['Negotiate, Basic realm="x", Bearer realm="y"'], "basic", {"realm": "x"}),
        (['Negotiate abc==, Bearer realm="y"'], "bearer", {"realm": "y"}),
        ([r'Digest realm="a, Basic b=\"c\"", Bearer realm="y\"z"'], "bearer", {"realm": 'y"z'}),
        (["Basic"], "basic", {}),
        (['Bearer realm="first",realm="second"'], "bearer", {"realm": "first"}),
        (['Bearer realm="unterminated'], "bearer", {"realm": ""}),
        (["Negotiate"], None, {}),
        ([""], None, {}),
        (['realm="x"'], None, {}),
        ([], None, {}),
        (["," * 5000 + "=" * 5000 + '"' * 5000], None, {}),
    ],
)  # fmt: skip
def test_a_challenge_is_the_first_that_we_can_answer(
    values: list[str], scheme: str | None, parameters: dict[str, str]
) -> None:
    """However many there are, in one header or in several."""
    found = challenge_in(values)
    if scheme is None:
        assert found is None
    else:
        assert found is not None
        assert (found.scheme, found.parameters | parameters) == (scheme, found.parameters)


def test_scopes_are_words() -> None:
    """As RFC 6749 separates them."""
    assert Challenge("bearer", {"scope": "a:b:pull  c:d:push"}).scopes == ("a:b:pull", "c:d:push")


def test_a_password_is_sent_when_it_is_asked_for_and_from_then_on() -> None:
    """The first request goes out bare."""
    with serving("Basic") as server, repository(server, LOGIN) as at:
        at.head_manifest("v1")
        at.head_manifest("v2")

    assert server.requests == ["HEAD manifests/v1", "HEAD manifests/v1", "HEAD manifests/v2"]
    assert [one.headers.get("authorization") for one in server.asked] == [None, BASIC, BASIC]


def test_a_token_is_fetched_once_for_one_repository() -> None:
    """With the password, that the registry itself does not see."""
    with serving("Bearer") as server, repository(server, LOGIN, push=True) as at:
        at.head_manifest("v1")
        at.push_blob(digest_of(BLOB), len(BLOB), lambda: io.BytesIO(BLOB), ignore)

    assert [one.method for one in server.asked] == ["HEAD", "GET", "HEAD", "POST", "PUT"]
    token = server.asked[1]
    assert token.query == {"service": ["tests"], "scope": [PUSH]}
    assert token.headers["authorization"] == BASIC
    others = [one for one in server.asked if one is not token]
    assert BASIC not in {one.headers.get("authorization") for one in others}


def test_a_token_to_read_is_not_enough_to_push() -> None:
    """So another is fetched; one to push is enough to read."""
    with serving("Bearer") as server, repository(server, LOGIN) as at:
        at.head_manifest("v1")
        at.push_blob(digest_of(BLOB), len(BLOB), lambda: io.BytesIO(BLOB), ignore)
        at.head_manifest("v1")

    assert tokens_asked(server) == [[PULL], [PUSH]]


def test_a_mount_has_a_token_of_its_own_with_push_first() -> None:
    """Some servers look at the first scope alone; a failed mount must not spoil the push."""
    with serving("Bearer") as server, repository(server, LOGIN, push=True) as at:
        server.hold_blob(BLOB, "bases/prefect")
        assert at.mount_blob(digest_of(BLOB), "bases/prefect")
        at.head_manifest("v1")

    assert tokens_asked(server) == [[PUSH, "repository:bases/prefect:pull"], [PUSH]]


def test_a_mount_that_gets_no_token_is_no_mount() -> None:
    """Docker Hub gives none where the source does not exist."""
    with serving("Bearer") as server, repository(server, LOGIN, push=True) as at:
        at.head_manifest("v1")
        server.say("GET", "/token.*bases.*", Said(401, error("UNAUTHORIZED")))
        assert at.push_blob(
            digest_of(BLOB), len(BLOB), lambda: io.BytesIO(BLOB), ignore, ["bases/x"]
        )
    assert [one.method for one in server.asked[3:]] == ["GET", "POST", "PUT"]


def test_nobody_gets_a_token_too() -> None:
    """For what is open to all."""
    with serving("Bearer") as server, repository(server) as at:
        at.head_manifest("v1")

    assert "authorization" not in server.asked[1].headers


@pytest.mark.parametrize(
    ("answer", "fresh"),
    [({"expires_in": 100}, 79), ({}, 47), ({"expires_in": "soon"}, 47), ({"expires_in": -1}, 47)],
)
@pytest.mark.parametrize("key", ["token", "access_token"])
def test_a_token_is_replaced_before_it_expires(
    answer: Mapping[str, object], fresh: int, key: str
) -> None:
    """At 80 % of its life, which is a minute where nobody says."""
    time = FakeTime()
    with serving("Bearer") as server, repository(server, LOGIN, time=time) as at:
        server.tokens.answer, server.tokens.key = dict(answer), key
        at.head_manifest("v1")
        time.slept.append(fresh)
        at.head_manifest("v1")
        assert len(server.tokens.given) == 1
        time.slept.append(2)
        at.head_manifest("v1")
        assert len(server.tokens.given) == 2

    assert [one.method for one in server.asked] == ["HEAD", "GET", "HEAD", "HEAD", "GET", "HEAD"]


def test_a_token_that_expires_between_two_blobs_is_replaced_once() -> None:
    """The same request is sent again; here it is the upload itself."""
    with serving("Bearer") as server, repository(server, LOGIN, push=True) as at:
        expired = Said(401, error("UNAUTHORIZED"), bearer(f"{server.url}/token"))
        for data in (BLOB, BLOB * 2):
            server.say("PUT", ".*", expired)
            open_content = functools.partial(io.BytesIO, data)
            assert at.push_blob(digest_of(data), len(data), open_content, ignore)
            server.tokens.expire()

    methods = [one.method for one in server.asked]
    assert methods == ["POST", "GET", "POST", "PUT", "GET", "PUT", "POST", "GET", "POST",
                       "PUT", "GET", "PUT"]  # fmt: skip


def test_who_is_not_let_in_twice_is_told() -> None:
    """One new token, no more."""
    with serving("Bearer") as server, repository(server, LOGIN) as at:
        server.say("HEAD", ".*", Said(401, headers=bearer(f"{server.url}/token")), 9)
        with pytest.raises(Denied) as caught:
            at.head_manifest("v1")

    assert [one.method for one in server.asked] == ["HEAD", "GET", "HEAD"]
    assert f"docker login {server.host}" in (caught.value.hint or "")


def test_what_the_registry_finds_missing_is_asked_for_first() -> None:
    """Where it wants more than we thought."""
    with serving("Bearer") as server, repository(server, LOGIN) as at:
        more = bearer(f"{server.url}/token", scope=f"{PULL} repository:other:pull")
        server.say("HEAD", ".*", Said(401, headers=more))
        at.head_manifest("v1")

    assert tokens_asked(server) == [["repository:other:pull", PULL]]


def test_many_threads_fetch_one_token() -> None:
    """And all use it."""
    with serving("Bearer") as server, repository(server, LOGIN, push=True) as at:
        threads = [threading.Thread(target=at.head_manifest, args=(f"v{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(server.tokens.given) == 1


def test_an_identity_token_is_posted() -> None:
    """And is in no URL."""
    login = {"identitytoken": PASSWORD}
    with serving("Bearer") as server, repository(server, login) as at:
        server.say("POST", "/token", Said(200, {"access_token": "canary-token-1"}))
        server.tokens.good.add("canary-token-1")
        at.head_manifest("v1")

    token = server.asked[1]
    assert (token.method, token.path) == ("POST", "/token")
    assert parse_qs(token.body.decode()) == {
        "grant_type": ["refresh_token"],
        "service": ["tests"],
        "client_id": ["imagebuild"],
        "scope": [PULL],
        "refresh_token": [PASSWORD],
    }
    assert "authorization" not in token.headers


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_that_knows_no_post_is_asked_by_get(status: int) -> None:
    """With the identity token as a password."""
    with serving("Bearer") as server, repository(server, {"identitytoken": PASSWORD}) as at:
        server.say("POST", "/token", Said(status))
        at.head_manifest("v1")

    assert [one.method for one in server.asked] == ["HEAD", "POST", "GET", "HEAD"]
    assert PASSWORD not in server.asked[2].path


@pytest.mark.parametrize("opens", ["Basic", "Bearer"])
def test_a_registry_token_is_sent_as_it_is(opens: str) -> None:
    """No server is asked for another."""
    with (
        serving(opens) as server,
        repository(server, {"registrytoken": "R"}) as at,
        pytest.raises(Denied),
    ):
        at.head_manifest("v1")
    sent = [one.headers.get("authorization") for one in server.asked]
    assert sent == [None, "Bearer R"]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Said(401, error("UNAUTHORIZED", "wrong password")), Denied),
        (Said(403), Denied),
        (Said(400, b"bad"), Denied),
        (Said(200, b"no JSON"), PushFailed),
        (Said(200, {"token": ""}), PushFailed),
        (Said(200, {"token": ["x"]}), PushFailed),
        (Said(200, {"token": "x\r\nHost: evil"}), PushFailed),
        (Said(200, b'{"token": "%s"}' % (b"x" * (64 << 10))), PushFailed),
        (Said(302, headers={"Location": "/token2"}), PushFailed),
        (Said(418), PushFailed),
    ],
)
def test_a_token_server_that_gives_none_is_told(said: Said, kind: type[Exception]) -> None:
    """And is not followed elsewhere: it was given a password."""
    with serving("Bearer") as server, repository(server, LOGIN) as at:
        server.say("GET", "/token.*", said, 9)
        with pytest.raises(kind, match=f"cannot get a token for {server.host}"):
            at.head_manifest("v1")

    assert [one.method for one in server.asked] == ["HEAD", "GET"]


def test_a_token_server_that_is_busy_is_asked_again() -> None:
    """As a registry is."""
    time = FakeTime()
    with serving("Bearer") as server, repository(server, LOGIN, time=time) as at:
        server.say("GET", "/token.*", Said(429, headers={"Retry-After": "3"}), 2)
        at.head_manifest("v1")

    assert time.slept == [3.0, 3.0]


@pytest.mark.parametrize(
    "realm",
    [
        "http://169.254.169.254/token",
        "https://169.254.169.254/token",
        "https://[fe80::1]/token",
        "https://[fd00:ec2::254]/token",
        "https://100.100.100.200/token",
        "https://0.0.0.0/token",
        "https://[::]/token",
        "http://reg.example/token",
        "https://u:p@127.0.0.1/token",
        "file:///etc/passwd",
        "//127.0.0.1/token",
        "/token",
        "",
        "https://",
        "https://127.0.0.1:0/token",
        "https://127.0.0.1:x/token",
        "https://[::1/token",
    ],
)
def test_a_token_server_that_must_not_see_a_password_does_not(
    realm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it reached."""
    with serving() as server, repository(server, LOGIN) as at:
        server.say("HEAD", ".*", Said(401, headers=bearer(realm)), 9)
        with pytest.raises(RefusedByPolicy, match="the registry sends us to"):
            at.head_manifest("v1")

    assert [one.method for one in server.asked] == ["HEAD"]


def test_another_registry_does_not_see_the_password() -> None:
    """Though both ask for it."""
    with (
        serving("Basic") as mine,
        serving("Basic") as other,
        registries(LOGIN, mine.host) as all_of_them,
    ):
        for server in (mine, other):
            at = all_of_them.repository(ImageName.parse(f"{server.host}/{REPOSITORY}"))
            if server is mine:
                at.head_manifest("v1")
            else:
                with pytest.raises(Denied):
                    at.head_manifest("v1")

    assert len(other.asked) == 1
    assert all("authorization" not in one.headers for one in other.asked)


def test_each_repository_has_its_own_password() -> None:
    """As podman keeps them by path."""
    with serving("Bearer") as server, registries(LOGIN, server.host) as all_of_them:
        for path in ("team/app", "team/other"):
            all_of_them.repository(ImageName.parse(f"{server.host}/{path}")).head_manifest("v1")

    assert tokens_asked(server) == [[PULL], ["repository:team/other:pull"]]
