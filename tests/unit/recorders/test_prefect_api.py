"""What the answers of Prefect's API mean."""

from __future__ import annotations

import pytest

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.recorders.prefect_http import WRITING
from tests.unit.recorders.loopback import Said, api_at, serving

ID = "11111111-1111-4111-8111-111111111111"
DEPLOYMENT = {
    "id": ID,
    "name": "prod",
    "work_pool_name": "dock",
    "entrypoint": "flow.py:hello",
    "version": None,
    "pull_steps": None,
    "job_variables": None,
    "parameter_openapi_schema": None,
    "something_to_come": {"a": 1},
}
POOL = {
    "name": "dock",
    "type": "docker",
    "base_job_template": {"job_configuration": {}, "variables": {"properties": {"image": {}}}},
}
NO_DEPLOYMENT = Said(404, {"detail": "Deployment not found"})
NO_PATH = Said(404, {"detail": "Not Found"})


def test_a_deployment_is_read_leniently() -> None:
    """Nulls become empty values, and fields of a later version are not looked at."""
    with serving(Said(200, DEPLOYMENT)) as server, api_at(server.url) as api:
        found = api.deployment("hello", "prod")
    assert found is not None
    assert (found.id, found.pool, found.pull_steps, found.job_variables) == (ID, "dock", (), {})


def test_names_are_quoted_in_a_path() -> None:
    """A slash or a question mark in a name must not lead elsewhere."""
    with serving(NO_DEPLOYMENT) as server, api_at(server.url) as api:
        assert api.deployment("a/b?c", "d e") is None
    assert server.asked[0].path == "/api/deployments/name/a%2Fb%3Fc/d%20e"


def test_a_pool_is_its_templates_variables() -> None:
    """A pool without a template has none."""
    bare = {"name": "old", "type": "prefect-agent", "base_job_template": {}}
    with serving(Said(200, POOL), Said(200, bare)) as server, api_at(server.url) as api:
        dock, old = api.pool("dock"), api.pool("old")
    assert dock is not None
    assert dock.variables == {"image": {}}
    assert old is not None
    assert not old.accepts_image


def test_all_pools_are_listed_page_by_page() -> None:
    """A full page is followed by another question."""
    full, rest = Said(200, [POOL] * 200), Said(200, [POOL])
    with serving(full, rest) as server, api_at(server.url) as api:
        assert len(api.pools()) == 201
    assert [asked.body["offset"] for asked in server.asked] == [0, 200]


def test_a_change_sends_only_its_fields() -> None:
    """PATCH replaces what it names."""
    with serving(Said(204)) as server, api_at(server.url) as api:
        api.update(ID, {"version": "1"}, WRITING)
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == (
        "PATCH",
        f"/api/deployments/{ID}",
        {"version": "1"},
    )


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_denied(status: int) -> None:
    """With what the server said, and where credentials come from."""
    with (
        serving(Said(status, {"detail": "Unauthorized"})) as server,
        api_at(server.url) as api,
        pytest.raises(Denied, match="cannot read the deployment hello/prod") as caught,
    ):
        api.deployment("hello", "prod")
    assert f"{status}: Unauthorized" in caught.value.causes[0]
    assert "PREFECT_API_KEY" in str(caught.value.hint)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (Said(409, {"detail": "Error updating deployment: mem_limit"}), "mem_limit"),
        (Said(422, {"detail": [{"loc": ["body"], "msg": "bad"}]}), "body: bad"),
        (
            Said(422, {"exception_message": "Invalid", "exception_detail": [{"msg": "dict"}]}),
            "body: dict",
        ),
        (Said(400, b"<p>no</p>", {"Content-Type": "text/html"}), "no reason was given"),
    ],
)
def test_a_refused_change_shows_the_servers_reason(said: Said, detail: str) -> None:
    """In whichever of its shapes."""
    with (
        serving(said) as server,
        api_at(server.url) as api,
        pytest.raises(ImagebuildError, match="cannot change the deployment") as caught,
    ):
        api.update(ID, {}, WRITING)
    assert type(caught.value) is ImagebuildError
    assert f"{said.status}: " in caught.value.causes[0]
    assert detail in caught.value.causes[0]
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_in_trouble_is_unreachable(status: int) -> None:
    """The same call may work later."""
    with (
        serving(Said(status, b"<html>", {"Content-Type": "text/html"})) as server,
        api_at(server.url) as api,
        pytest.raises(Unreachable),
    ):
        api.pool("dock")


@pytest.mark.parametrize(
    "said",
    [
        Said(200, b"<html>the UI</html>", {"Content-Type": "text/html"}),
        Said(200, b"\xff\xfe", {"Content-Type": "application/octet-stream"}),
        Said(200, "4200"),
        Said(200, {"id": "not a UUID"}),
        Said(200, {**DEPLOYMENT, "job_variables": "text"}),
    ],
)
def test_an_answer_of_something_else_is_a_wrong_address(said: Said) -> None:
    """The UI's own page is what an address without /api gives."""
    with (
        serving(said) as server,
        api_at(server.url) as api,
        pytest.raises(UsageError, match="Prefect's API") as caught,
    ):
        api.deployment("hello", "prod")
    assert "PREFECT_API_URL" in str(caught.value.hint)


def test_a_path_that_the_server_does_not_know_is_a_wrong_address() -> None:
    """Not a deployment that is missing: nothing is where it should be."""
    with (
        serving(NO_PATH) as server,
        api_at(server.url) as api,
        pytest.raises(UsageError, match="not Prefect's API"),
    ):
        api.deployment("hello", "prod")


def test_a_server_of_fewer_words_is_asked_once_more() -> None:
    """Where it knows the list of pools, the name is what it does not know."""
    with serving(NO_PATH, Said(200, [])) as server, api_at(server.url) as api:
        assert api.pool("nowhere") is None
    assert [asked.method for asked in server.asked] == ["GET", "POST"]


def test_a_token_against_forgery_is_fetched_only_when_asked_for() -> None:
    """The write is repeated with it, and the next one carries it at once."""
    script = (
        Said(403, {"detail": "Missing CSRF token."}),
        Said(200, {"token": "t", "client": "c", "expiration": "2030-01-01T00:00:00Z"}),
        Said(204),
    )
    with serving(*script) as server, api_at(server.url) as api:
        api.update(ID, {}, WRITING)
        api.update(ID, {}, WRITING)
    assert [asked.method for asked in server.asked] == ["PATCH", "GET", "PATCH", "PATCH"]
    client = server.asked[1].path.partition("client=")[2]
    for asked in server.asked[2:]:
        assert asked.headers["prefect-csrf-token"] == "t"
        assert asked.headers["prefect-csrf-client"] == client


def test_a_token_that_never_fits_is_denied() -> None:
    """One more try, not a loop."""
    missing = Said(403, {"detail": "Invalid CSRF token or client identifier."})
    with (
        serving(missing, Said(200, {"token": "t"}), missing) as server,
        api_at(server.url) as api,
        pytest.raises(Denied),
    ):
        api.update(ID, {}, WRITING)
    assert len([asked for asked in server.asked if asked.method == "PATCH"]) == 2


def test_control_characters_of_a_server_do_not_reach_the_terminal() -> None:
    """Nor do its line ends."""
    with (
        serving(Said(409, {"detail": "a\x1b[31mb\nc"})) as server,
        api_at(server.url) as api,
        pytest.raises(ImagebuildError) as caught,
    ):
        api.update(ID, {}, WRITING)
    assert "a\\x1b[31mb\\nc" in caught.value.causes[0]
