"""How a change is written until it is seen to stand there."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import Denied, ImagebuildError, Unreachable
from imagebuild.events import Event, Note, Warned
from imagebuild.record import Change
from imagebuild.recorders.prefect_apply import Writing
from imagebuild.recorders.prefect_seen import Seen
from tests.unit.recorders.loopback import Said, Server, api_at, serving
from tests.unit.recorders.values import DOCKER, STEP, TARGET, held, record

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagebuild.state import Recorded

ID = "11111111-1111-4111-8111-111111111111"
OURS = str(record().image)
POOL = Said(
    200,
    {
        "name": "dock",
        "type": "docker",
        "base_job_template": {"variables": {"properties": dict(DOCKER.variables)}},
    },
)
MISSING = Said(404, {"detail": "Deployment not found"})
LATER = Said(503, {"detail": "later"})
DONE = Said(204)


def holds(image: str, **variables: Any) -> Said:
    """The deployment with this image, all else as the record has it."""
    return Said(
        200,
        {
            "id": ID,
            "work_pool_name": "dock",
            "entrypoint": "flow.py:hello",
            "version": "0123456789ab",
            "pull_steps": [STEP],
            "job_variables": {"image": image, **variables},
        },
    )


def change(deployment_id: str | None = ID) -> Change:
    """What `read` and `change` came to before the build; what it lists is looked at anew."""
    return Change(TARGET, record(), deployment_id, "dock", {"version": "1"})


def never(_: Change) -> str:
    """For a deployment that is there."""
    pytest.fail("a deployment was created")


def write(
    server: Server,
    events: list[Event],
    deployment_id: str | None = ID,
    create: Callable[[Change], str] = never,
    seen: Recorded | None = None,
) -> tuple[str | ImagebuildError, str | None]:
    """The deployment's ID or the error, and what is said to be unchanged."""
    with api_at(server.url) as api:
        writing = Writing(api, change(deployment_id), None, create, seen)
        try:
            return writing.run(events.append), writing.unchanged
        except ImagebuildError as error:
            return error, writing.unchanged


def methods(server: Server) -> list[str]:
    """What the server was asked, by method."""
    return [asked.method for asked in server.asked]


def test_it_is_written_onto_what_is_there_now_and_read_again() -> None:
    """Variables that came in since are kept; the pool is asked for once."""
    with serving(holds("old:1", mem_limit="1g"), POOL, DONE, holds(OURS, mem_limit="1g")) as server:
        assert write(server, [])[0] == ID
    assert methods(server) == ["GET", "GET", "PATCH", "GET"]
    assert server.asked[2].body == {"job_variables": {"image": OURS, "mem_limit": "1g"}}


SEEN = held(id=ID, job_variables={"image": "old:1"})


def test_what_was_read_a_moment_ago_is_not_read_before_it_is_written() -> None:
    """Only afterwards, to see that it stands; the pool is as it was."""
    with serving(DONE, holds(OURS)) as server:
        assert write(server, [], seen=SEEN)[0] == ID
    assert methods(server) == ["PATCH", "GET"]


def test_what_is_refused_then_is_read_again_before_it_is_told() -> None:
    """What somebody else did in that moment is the reason, or another write may be taken."""
    with serving(MISSING, MISSING) as server:
        error, unchanged = write(server, [], seen=SEEN)
    assert "was deleted meanwhile" in str(error)
    assert (methods(server), unchanged) == (["PATCH", "GET"], None)

    with serving(Said(409), holds("new:1"), DONE, holds(OURS)) as server:
        assert write(server, [], seen=SEEN)[0] == ID
    assert methods(server) == ["PATCH", "GET", "PATCH", "GET"]

    with serving(Said(403, {"detail": "no"})) as server:
        assert isinstance(write(server, [], seen=SEEN)[0], Denied)
    assert methods(server) == ["PATCH"]


def test_a_write_that_is_lost_then_may_have_arrived() -> None:
    """It is looked for, and written no second time."""
    with serving(*[Said(None)] * 5, holds(OURS)) as server:
        assert write(server, [], seen=SEEN)[0] == ID
    with serving(*[Said(None)] * 5, holds("old:1")) as server:
        assert isinstance(write(server, [], seen=SEEN)[0], Unreachable)
    assert methods(server).count("PATCH") == 5


def test_what_was_read_counts_for_a_moment_and_one_change() -> None:
    """Then, or where triggers are to be compared, it is read again; a pool is shared so long."""
    time = [0.0]
    seen = Seen(2.0, lambda: time[0])
    with serving(holds("old:1"), POOL, holds("old:1")) as server, api_at(server.url) as api:
        for _ in range(2):
            seen.read(api, TARGET, None, triggers=False)
        taken = seen.take(change())
        assert taken is not None
        assert taken.deployment is not None
        assert seen.take(change()) is None
        server.script = [holds("old:1")]
        seen.read(api, TARGET, None, triggers=False)
        triggered = dataclasses.replace(change(), record=record(triggers=(), automations=()))
        assert seen.take(triggered) is None
        seen.read(api, TARGET, None, triggers=False)
        time[0] = 2.0
        assert seen.take(change()) is None
        server.script = [holds("old:1"), POOL]
        seen.read(api, TARGET, None, triggers=False)
        server.script = [MISSING, POOL]
        seen.read(api, dataclasses.replace(TARGET, pool="dock"), None, triggers=False)
        assert seen.take(change()) is None
    pools = [asked.path for asked in server.asked if "work_pools" in asked.path]
    assert len(pools) == 2


def test_what_stands_there_already_is_not_written() -> None:
    """Somebody else deployed the same."""
    with serving(holds(OURS), POOL) as server:
        assert write(server, [])[0] == ID
    assert methods(server) == ["GET", "GET"]


def test_a_lost_answer_of_a_write_that_arrived_is_a_success() -> None:
    """The deployment holds it, so it does not matter who says so."""
    with serving(holds("old:1"), POOL, *[Said(None)] * 5, holds(OURS)) as server:
        assert write(server, [])[0] == ID


def test_a_lost_write_is_unreachable_and_all_is_as_it_was() -> None:
    """It was looked at, so it is known."""
    with serving(holds("old:1"), POOL, *[LATER] * 5, holds("old:1")) as server:
        failed, unchanged = write(server, [])
    assert isinstance(failed, Unreachable)
    assert unchanged == "the deployment hello/prod runs the image that it ran before"


def test_a_lost_write_that_cannot_be_looked_at_leaves_nothing_to_promise() -> None:
    """It may have been written."""
    with serving(holds("old:1"), POOL, LATER) as server:
        failed, unchanged = write(server, [])
    assert isinstance(failed, Unreachable)
    assert unchanged is None


def test_a_refused_write_leaves_all_as_it_was() -> None:
    """With the server's reason."""
    with serving(holds("old:1"), POOL, Said(409, {"detail": "mem_limit"})) as server:
        failed, unchanged = write(server, [])
    assert isinstance(failed, ImagebuildError)
    assert "mem_limit" in failed.causes[0]
    assert unchanged is not None


def test_somebody_elses_write_at_the_same_moment_is_merged_again() -> None:
    """And said."""
    events: list[Event] = []
    script = (holds("old:1"), POOL, DONE, holds("theirs:1", mem_limit="2g"), DONE)
    with serving(*script, holds(OURS, mem_limit="2g")) as server:
        assert write(server, events)[0] == ID
    assert server.asked[4].body == {"job_variables": {"image": OURS, "mem_limit": "2g"}}
    assert [type(event) for event in events] == [Note]


def test_a_write_that_never_holds_is_an_error_after_three() -> None:
    """Not a loop."""
    again = [DONE, holds("theirs:1")]
    with serving(holds("old:1"), POOL, *again * 3) as server:
        failed, _ = write(server, [])
    assert isinstance(failed, ImagebuildError)
    assert "does not hold it" in failed.message
    assert methods(server).count("PATCH") == 3


def test_a_server_that_keeps_a_lesser_field_otherwise_is_only_warned_of() -> None:
    """The image is what counts; that field would fail every deploy."""
    events: list[Event] = []
    other = Said(200, {**holds(OURS).value, "entrypoint": "./flow.py:hello"})
    with serving(other, POOL, *[DONE, other] * 3) as server:
        assert write(server, events)[0] == ID
    assert isinstance(events[-1], Warned)
    assert "for entrypoint" in events[-1].text


def test_a_new_deployment_is_created_and_read_again() -> None:
    """Its pool is then its own."""
    made: list[Change] = []

    def create(asked: Change) -> str:
        made.append(asked)
        return ID

    pools = Said(200, [POOL.value])
    with serving(MISSING, pools, holds(OURS), POOL) as server:
        assert write(server, [], None, create)[0] == ID
    assert made[0].fields["work_pool_name"] == "dock"


def test_a_deployment_that_somebody_created_meanwhile_is_changed() -> None:
    """Creating it again would delete its schedules."""
    with serving(holds("old:1"), POOL, DONE, holds(OURS)) as server:
        assert write(server, [], None)[0] == ID
    assert methods(server).count("PATCH") == 1


def test_a_deployment_that_somebody_deleted_meanwhile_stays_deleted() -> None:
    """The user is told, and can deploy again."""
    with serving(MISSING) as server:
        failed, _ = write(server, [])
    assert isinstance(failed, ImagebuildError)
    assert failed.hint == "deploy again to create it anew"
    assert methods(server) == ["GET"]
