"""How a request gets to Prefect's API, and what it carries."""

from __future__ import annotations

import base64
import datetime
import time
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from imagebuild.errors import Unreachable, UsageError
from imagebuild.recorders.prefect_access import pool_for
from imagebuild.recorders.prefect_http import WRITING
from imagebuild.recorders.prefect_settings import PrefectSettings
from tests.support.processes import free_port
from tests.support.serving import FakeTime
from tests.unit.recorders.loopback import Said, api_at, serving

if TYPE_CHECKING:
    from pathlib import Path

ID = "11111111-1111-4111-8111-111111111111"
MISSING = Said(404, {"detail": "Deployment not found"})
SECRET = "pnu_canary"


def basic(text: str) -> str:
    """The header that such a user and password make."""
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("settings", "user", "expected"),
    [
        (PrefectSettings(), "", None),
        (PrefectSettings(api_key="k"), "", "Bearer k"),
        (PrefectSettings(auth_string="a:b"), "", basic("a:b")),
        (PrefectSettings(api_key="k", auth_string="a:b"), "", basic("a:b")),
        (PrefectSettings(api_key="k", headers={"Authorization": "own"}), "", "own"),
        (PrefectSettings(api_key="k"), "u:p%40ss@", basic("u:p@ss")),
    ],
)
def test_credentials_have_the_order_of_prefects_client(
    settings: PrefectSettings, user: str, expected: str | None
) -> None:
    """The auth string beats the key, a header of one's own both, and the URL's user all."""
    with serving(MISSING) as server:
        with api_at(server.url.replace("//", f"//{user}"), settings) as api:
            api.deployment("a", "b")
        assert server.asked[0].headers.get("authorization") == expected


def test_own_headers_are_sent_but_not_the_protected_ones() -> None:
    """Prefect's client keeps its own user agent too."""
    settings = PrefectSettings(headers={"X-Own": "1", "User-Agent": "other"})
    with serving(MISSING) as server, api_at(server.url, settings) as api:
        api.deployment("a", "b")
    headers = server.asked[0].headers
    assert headers["x-own"] == "1"
    assert headers["user-agent"].startswith("imagebuild/")


def test_a_server_that_is_down_is_named_soon() -> None:
    """The URL is in the message, its password is not; the user waits seconds."""
    url = f"http://user:{SECRET}@127.0.0.1:{free_port()}/api"
    fake = FakeTime()
    with (
        api_at(url, PrefectSettings(api_key=SECRET), time=fake) as api,
        pytest.raises(Unreachable, match=r"cannot reach the Prefect API at http://127") as caught,
    ):
        api.deployment("a", "b")
    assert sum(fake.slept) < 15
    said = repr((caught.value.message, caught.value.causes, caught.value.hint))
    assert "connection refused" in said
    assert "start the server" in said
    assert SECRET not in said


def test_a_connection_that_breaks_off_is_tried_again() -> None:
    """What is sent may arrive twice."""
    fake = FakeTime()
    with serving(Said(None), MISSING) as server, api_at(server.url, time=fake) as api:
        assert api.deployment("a", "b") is None
    assert len(fake.slept) == 1


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_later_is_tried_again_five_times_for_a_write(status: int) -> None:
    """After a push it is worth the wait: about 15 seconds."""
    fake = FakeTime()
    with (
        serving(Said(status, {"detail": "later"})) as server,
        api_at(server.url, time=fake) as api,
        pytest.raises(Unreachable, match="cannot change the deployment"),
    ):
        api.update(ID, {}, WRITING)
    assert len(server.asked) == 5
    assert 10 < sum(fake.slept) < 20


def test_retry_after_is_honoured_in_seconds_and_as_a_date() -> None:
    """But not longer than a write's patience."""
    then = datetime.datetime.fromtimestamp(time.time() + 20, datetime.timezone.utc)
    script = (
        Said(429, {}, {"Retry-After": "7"}),
        Said(429, {}, {"Retry-After": format_datetime(then, usegmt=True)}),
        Said(429, {}, {"Retry-After": "soon"}),
        Said(204),
    )
    fake = FakeTime()
    with serving(*script) as server, api_at(server.url, time=fake) as api:
        api.update(ID, {}, WRITING)
    assert fake.slept[0] == 7
    assert 15 < fake.slept[1] <= 20
    assert 3 < fake.slept[2] < 5


def test_a_preflight_does_not_wait_for_a_far_retry_after() -> None:
    """A reader of the screen has no patience for that."""
    fake = FakeTime()
    with (
        serving(Said(503, {}, {"Retry-After": "60"})) as server,
        api_at(server.url, time=fake) as api,
        pytest.raises(Unreachable),
    ):
        api.deployment("a", "b")
    assert fake.slept == []


def test_credentials_never_follow_to_another_server() -> None:
    """The other one is not even asked."""
    with serving(MISSING) as other:
        with (
            serving(Said(307, {}, {"Location": f"{other.url}/login?next=\x1b"})) as server,
            api_at(server.url, PrefectSettings(api_key=SECRET)) as api,
            pytest.raises(UsageError, match="sends us on to") as caught,
        ):
            api.deployment("a", "b")
        assert other.asked == []
    assert f"127.0.0.1:{other.server_port}" in caught.value.message
    assert "PREFECT_API_URL" in str(caught.value.hint)


def test_a_redirect_on_the_same_server_is_followed() -> None:
    """A trailing slash, say; with the same method and body."""
    with serving(Said(307, {}, {"Location": "/api/elsewhere"}), Said(204)) as server:
        with api_at(server.url, PrefectSettings(api_key="k")) as api:
            api.update(ID, {"a": 1}, WRITING)
        asked = server.asked[1]
    assert (asked.method, asked.path, asked.body) == ("PATCH", "/api/elsewhere", {"a": 1})
    assert asked.headers["authorization"] == "Bearer k"


def test_a_write_does_not_become_a_read_by_a_redirect() -> None:
    """As 302 makes of it elsewhere, and then looks like a success."""
    with (
        serving(Said(302, {}, {"Location": "/api/x"})) as server,
        api_at(server.url) as api,
        pytest.raises(UsageError),
    ):
        api.update(ID, {}, WRITING)


def test_redirects_in_a_circle_end() -> None:
    """With an error that says so."""
    with (
        serving(Said(307, {}, {"Location": "/api/again"})) as server,
        api_at(server.url) as api,
        pytest.raises(UsageError, match="round in circles"),
    ):
        api.deployment("a", "b")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "url", ["127.0.0.1:4200/api", "ftp://host/api", "http:///api", "http://h:x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """With one that is as an example."""
    with pytest.raises(UsageError, match="not the address") as caught, api_at(url):
        pass
    assert "http://127.0.0.1:4200/api" in str(caught.value.hint)


def test_a_proxy_of_the_environment_is_used_except_for_loopback_and_no_proxy() -> None:
    """The environment given, not this process's own."""
    with serving(MISSING) as proxy:
        by = {"HTTP_PROXY": proxy.url.removesuffix("/api")}
        with api_at("http://prefect.invalid/api", env=by) as api:
            api.deployment("a", "b")
        asked = proxy.asked[0]
        assert asked.headers["host"] == "prefect.invalid"
        with serving(MISSING) as server, api_at(server.url, env=by) as api:
            api.deployment("a", "b")
        assert len(proxy.asked) == 1
    not_by = {**by, "NO_PROXY": "invalid"}
    assert pool_for("http://prefect.invalid/api", PrefectSettings(), not_by).proxy is None


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """With the two settings that may name them."""
    settings = PrefectSettings(ssl_cert_file=str(tmp_path / "no.pem"))
    with pytest.raises(UsageError, match=r"no\.pem") as caught, api_at("https://h/api", settings):
        pass
    assert "SSL_CERT_FILE" in str(caught.value.hint)


def test_https_to_a_server_of_http_says_so() -> None:
    """And is not tried again: it will not change."""
    fake = FakeTime()
    with (
        serving(MISSING) as server,
        api_at(server.url.replace("http:", "https:"), time=fake) as api,
        pytest.raises(Unreachable) as caught,
    ):
        api.deployment("a", "b")
    assert caught.value.hint == "the server seems to speak http: check PREFECT_API_URL"
    assert fake.slept == []
