"""The calls for a deployment's automations, against a server that answers as scripted."""

from __future__ import annotations

from typing import Any

import pytest

from imagebuild.errors import Denied, ImagebuildError, Unreachable, UsageError
from imagebuild.events import Event, Warned, ignore
from imagebuild.record import Change
from imagebuild.recorders import prefect_automations
from imagebuild.recorders.prefect_apply import Writing
from imagebuild.recorders.prefect_http import WRITING
from tests.unit.recorders.loopback import Said, api_at, serving
from tests.unit.recorders.test_prefect_apply import ID, MISSING, OURS, POOL, holds, methods
from tests.unit.recorders.values import TARGET, record

NOTHING = Said(404, {"detail": "Not Found"})
MADE: dict[str, Any] = {
    "name": "a",
    "trigger": {"type": "event"},
    "actions": [{"type": "run-deployment", "deployment_id": ID}],
}
HELD = {**MADE, "id": "22222222-2222-4222-8222-222222222222", "created": "2026-01-01T00:00:00Z"}
OLDER = {
    **MADE,
    "id": "33333333-3333-4333-8333-333333333333",
    "created": "2025-01-01T00:00:00Z",
    "name": "theirs",
}
WISH = record(triggers=({},), automations=(MADE,))


def write(url: str, deployment_id: str | None, events: list[Event]) -> str:
    """Write the triggers; the deployment's ID."""
    change = Change(TARGET, WISH, deployment_id, "dock", {"triggers": [MADE]})
    with api_at(url) as api:
        return Writing(api, change, None, lambda _: ID).run(events.append)


def test_what_runs_a_deployment_is_read_where_a_server_has_it() -> None:
    """None where it has no automations."""
    with serving(Said(200, [HELD]), NOTHING) as server, api_at(server.url) as api:
        (one,) = prefect_automations.read(api, ID) or ()
        assert (one["id"], one["name"], one["enabled"]) == (HELD["id"], "a", True)
        assert prefect_automations.read(api, ID) is None
    assert server.asked[0].path == f"/api/automations/related-to/prefect.deployment.{ID}"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Said(403, {"detail": "no"}), Denied),
        (Said(500, {}), Unreachable),
        (Said(200, {"a": 1}), UsageError),
        (Said(200, [{"id": "x"}]), UsageError),
    ],
)
def test_an_answer_that_is_none_is_an_error(answer: Said, kind: type[ImagebuildError]) -> None:
    """And no automation is believed to be missing."""
    with serving(answer) as server, api_at(server.url) as api, pytest.raises(kind):
        prefect_automations.read(api, ID)


def test_what_is_owned_is_replaced_as_one() -> None:
    """First all of it is deleted; each is made once, since twice would be two."""
    script = (Said(202), Said(201, {}), Said(503, {}))
    with serving(*script) as server, api_at(server.url) as api:
        with pytest.raises(Unreachable, match="make the automation 'a'"):
            prefect_automations.replace(api, ID, [MADE, MADE, MADE], WRITING)
        assert methods(server) == ["DELETE", "POST", "POST"]
    with serving(NOTHING) as server, api_at(server.url) as api:
        assert prefect_automations.replace(api, ID, [MADE], WRITING) is False


def test_an_answer_that_was_lost_is_looked_for() -> None:
    """The automation was made, and is not made again."""
    script = (holds(OURS), Said(200, []), POOL, Said(202), Said(None))
    with serving(*script, holds(OURS), Said(200, [HELD])) as server:
        assert write(server.url, ID, []) == ID
    assert methods(server) == ["GET", "GET", "GET", "DELETE", "POST", "GET", "GET"]


def test_what_outlives_the_deletion_is_somebody_elses() -> None:
    """It is no reason to write again."""
    near = {**OLDER, "created": HELD["created"]}
    script = (holds(OURS), Said(200, [near]), POOL, Said(202), Said(201, {}))
    with serving(*script, holds(OURS), Said(200, [near, HELD])) as server:
        assert write(server.url, ID, []) == ID
    assert methods(server) == ["GET", "GET", "GET", "DELETE", "POST", "GET", "GET"]


def test_a_server_without_automations_gets_the_deployment_and_a_warning() -> None:
    """That is known of a new deployment only when its triggers are written."""
    events: list[Event] = []
    pools = Said(200, [POOL.value])
    with serving(MISSING, pools, NOTHING, holds(OURS), NOTHING, POOL) as server:
        assert write(server.url, None, events) == ID
    assert methods(server) == ["GET", "POST", "DELETE", "GET", "GET", "GET"]
    (warned,) = events
    assert isinstance(warned, Warned)
    assert "no automations" in warned.text


def test_triggers_that_prefect_refuses_leave_the_image_recorded() -> None:
    """The writing says what is left."""
    script = (holds(OURS), Said(200, []), POOL, Said(202), Said(422, {"detail": "no such thing"}))
    change = Change(TARGET, WISH, ID, "dock", {"triggers": [MADE]})
    with serving(*script) as server, api_at(server.url) as api:
        writing = Writing(api, change, None, lambda _: ID)
        with pytest.raises(ImagebuildError, match="make the automation 'a'") as caught:
            writing.run(ignore)
    assert "no such thing" in "".join(caught.value.causes)
    assert (writing.recorded, writing.left) == (True, "triggers")
    assert writing.unchanged == f"the deployment hello/prod runs {OURS}"
