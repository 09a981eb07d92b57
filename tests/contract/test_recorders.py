"""What every recorder keeps to: the one on a real Prefect server, and the one in memory."""

from __future__ import annotations

import dataclasses
import uuid
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from imagebuild.errors import NotRecorded, UsageError
from imagebuild.events import ignore
from imagebuild.record import Described, Record, Schedule, Target
from imagebuild.recorders.memory import DOCKER, MemoryRecorder
from imagebuild.recorders.prefect import PrefectRecorder
from imagebuild.state import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from imagebuild.protocols import Recorder
    from tests.support.prefect_stack import PrefectServer

DIGEST = "sha256:" + "a" * 64
FLOW = '''
from prefect import flow

@flow
def hello(name: str = "you"):
    """Says hello."""
'''


class Subject(Protocol):
    """A recorder, and a way past it to what it keeps."""

    recorder: Recorder
    pool: str
    imageless: str

    def set_variables(self, target: Target, variables: dict[str, Any]) -> None:
        """Replace a deployment's job variables, as somebody else would."""

    def pause_schedules(self, target: Target) -> None:
        """Pause all of a deployment's schedules, as somebody else would."""

    def delete(self, target: Target) -> None:
        """Delete a deployment, as somebody else would."""


class OnPrefect:
    """The real one."""

    def __init__(self, server: PrefectServer, pool: str, imageless: str, folder: Path) -> None:
        self.recorder: Recorder = PrefectRecorder(server.environment(), folder, fresh=0)
        self.pool, self.imageless = pool, imageless
        self._api = server.api

    def _path(self, target: Target) -> str:
        return f"/deployments/{self._api.deployment(str(target))['id']}"

    def set_variables(self, target: Target, variables: dict[str, Any]) -> None:
        """By Prefect's API."""
        self._api.request("PATCH", self._path(target), {"job_variables": variables})

    def pause_schedules(self, target: Target) -> None:
        """By Prefect's API."""
        for schedule in self._api.deployment(str(target))["schedules"]:
            path = f"{self._path(target)}/schedules/{schedule['id']}"
            self._api.request("PATCH", path, {"active": False})

    def delete(self, target: Target) -> None:
        """By Prefect's API."""
        self._api.request("DELETE", self._path(target))


class InMemory:
    """The fake."""

    def __init__(self) -> None:
        schema = {"type": "object", "properties": {"name": {"type": "string"}}}
        pools = [DOCKER, Pool("proc", "process", {})]
        self._memory = MemoryRecorder(pools, parameters=Described(schema))
        self.recorder: Recorder = self._memory
        self.pool, self.imageless = DOCKER.name, "proc"

    def set_variables(self, target: Target, variables: dict[str, Any]) -> None:
        """In its dictionary."""
        held = self._memory.deployments[str(target)]
        self._memory.deployments[str(target)] = dataclasses.replace(held, job_variables=variables)

    def pause_schedules(self, target: Target) -> None:
        """In its dictionary."""
        held = self._memory.deployments[str(target)]
        paused = tuple({**schedule, "active": False} for schedule in held.schedules)
        self._memory.deployments[str(target)] = dataclasses.replace(held, schedules=paused)

    def delete(self, target: Target) -> None:
        """From its dictionary."""
        del self._memory.deployments[str(target)]


@pytest.fixture(params=["prefect", "memory"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    """Each recorder, closed afterwards."""
    made: OnPrefect | InMemory = InMemory()
    if request.param == "prefect":
        names = ("prefect_server", "docker_pool", "process_pool")
        server, pool, imageless = (request.getfixturevalue(name) for name in names)
        made = OnPrefect(server, pool, imageless, tmp_path)
    yield made
    made.recorder.close()


@pytest.fixture
def target(subject: Subject) -> Target:
    """A deployment that is not there yet."""
    return Target("hello", f"contract-{uuid.uuid4().hex[:12]}", subject.pool)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """What such a deployment is to hold."""
    (tmp_path / "flow.py").write_text(FLOW)
    return Record(
        image=f"reg.example/app:1@{DIGEST}",
        pushed=True,
        entrypoint="flow.py:hello",
        directory="/opt/prefect/app",
        version="1" * 12,
        source=str(tmp_path),
        job_variables={"env": {"A": "1"}},
    )


def deploy(recorder: Recorder, target: Target, record: Record) -> str:
    """The whole way, as the pipeline goes it."""
    now = recorder.read(target)
    described = recorder.describe(now, record, ignore)
    return recorder.apply(recorder.change(target, now, described), ignore)


def test_what_was_applied_is_read_again_and_needs_no_change(
    subject: Subject, target: Target, record: Record
) -> None:
    """A new deployment holds the record, in the pool that was named."""
    recorder = subject.recorder
    assert recorder.read(target).deployment is None
    made = deploy(recorder, target, record)
    now = recorder.read(target)
    assert now.deployment is not None
    assert now.deployment.id == made
    assert now.deployment.pool == now.pool.name == subject.pool
    assert now.deployment.version == record.version
    assert now.deployment.job_variables == {"image": record.image, "env": {"A": "1"}}
    change = recorder.change(target, now, recorder.describe(now, record, ignore))
    assert not change.needed
    assert recorder.apply(change, ignore) == made


WISHES: dict[str, Any] = {
    "queue": "fast",
    "description": "ours",
    "parameters": {"name": "me"},
    "tags": ("b", "a"),
    "schedules": (Schedule("cron", "0 6 * * *", "Europe/Berlin"), Schedule("interval", 3600)),
    "concurrency_limit": 3,
    "version": "1.2.3",
    "version_given": True,
}


@pytest.mark.parametrize("when", ["at once", "later"])
def test_what_the_user_gave_is_set_and_then_needs_no_change(
    subject: Subject, target: Target, record: Record, when: str
) -> None:
    """On a new deployment, and on one that is there."""
    recorder = subject.recorder
    if when == "later":
        deploy(recorder, target, record)
    wish = dataclasses.replace(record, **WISHES)
    deploy(recorder, target, wish)
    now = recorder.read(target)
    held = now.deployment
    assert held is not None
    assert (held.queue, held.description, held.parameters) == ("fast", "ours", {"name": "me"})
    assert (held.tags, held.concurrency_limit, held.version) == (("b", "a"), 3, "1.2.3")
    assert [one["slug"] for one in sorted(held.schedules, key=lambda one: str(one["slug"]))] == [
        "imagebuild-1",
        "imagebuild-2",
    ]
    for again in (wish, dataclasses.replace(record, version="1.2.3", version_given=True)):
        assert not recorder.change(target, now, recorder.describe(now, again, ignore)).needed


STATED: dict[str, Any] = {
    "tags": ["b", "a"],
    "parameters": {"name": "me"},
    "description": "as the file says",
    "schedules": [
        {"schedule": {"cron": "0 6 * * *"}, "slug": "six", "active": False},
        {"schedule": {"interval": 3600}},
    ],
    "paused": True,
    "concurrency_limit": 3,
    "concurrency_options": {"collision_strategy": "CANCEL_NEW"},
    "enforce_parameter_schema": False,
    "work_queue_name": "fast",
    "pull_steps": [],
    "version": "1.2.3",
}
TRIGGERS = ({"expect": ["a"]}, {"name": "own", "expect": ["b"]})


@pytest.mark.parametrize("when", ["at once", "later"])
def test_what_a_file_states_stands_and_then_needs_no_change(
    subject: Subject, target: Target, record: Record, when: str
) -> None:
    """On a new deployment, and on one that is there; a field that is not stated stays."""
    recorder = subject.recorder
    if when == "later":
        deploy(recorder, target, record)
    wish = dataclasses.replace(record, version="1.2.3", version_given=True, stated=STATED)
    deploy(recorder, target, wish)
    held = recorder.read(target).deployment
    assert held is not None
    assert (held.tags, held.parameters) == (("b", "a"), {"name": "me"})
    assert (held.description, held.queue, held.version) == ("as the file says", "fast", "1.2.3")
    assert (held.paused, held.enforce_parameter_schema, held.pull_steps) == (True, False, ())
    assert held.concurrency_limit == 3
    assert (held.concurrency_options or {})["collision_strategy"] == "CANCEL_NEW"
    assert sorted(str(one.get("slug")) for one in held.schedules) == ["None", "six"]
    for stated in (STATED, {"tags": ["a", "b"], "pull_steps": []}):
        again, now = dataclasses.replace(wish, stated=stated), recorder.read(target)
        assert not recorder.change(target, now, recorder.describe(now, again, ignore)).needed
    deploy(recorder, target, dataclasses.replace(wish, stated={**STATED, "schedules": []}))
    after = recorder.read(target).deployment
    assert after == dataclasses.replace(held, schedules=())


def test_triggers_are_exactly_those_that_are_stated(
    subject: Subject, target: Target, record: Record
) -> None:
    """None leaves them alone; they are read only where they are asked for."""
    recorder = subject.recorder
    for triggers, names in (
        (TRIGGERS, {f"{target.name}__automation_1", "own"}),
        (None, {f"{target.name}__automation_1", "own"}),
        (TRIGGERS[1:], {"own"}),
        ((), set()),
    ):
        wish = dataclasses.replace(record, triggers=triggers)
        now = recorder.read(target, triggers=triggers is not None)
        change = recorder.change(target, now, recorder.describe(now, wish, ignore))
        recorder.apply(change, ignore)
        now = recorder.read(target, triggers=True)
        assert now.deployment is not None
        assert {one["name"] for one in now.deployment.triggers or ()} == names
        described = recorder.describe(now, wish, ignore)
        assert not recorder.change(target, now, described).needed
    held = recorder.read(target).deployment
    assert held is not None
    assert held.triggers is None


def test_without_an_image_the_deployment_keeps_its_own(
    subject: Subject, target: Target, record: Record
) -> None:
    """A new one names none; the change says what it runs."""
    recorder = subject.recorder
    bare = dataclasses.replace(record, image=None, job_variables={})
    deploy(recorder, target, bare)
    held = recorder.read(target).deployment
    assert held is not None
    assert held.job_variables == {}
    deploy(recorder, target, record)
    now = recorder.read(target)
    change = recorder.change(target, now, bare)
    assert (change.needed, change.runs) == (False, record.image)


def test_given_schedules_replace_those_given_before_and_keep_their_pause(
    subject: Subject, target: Target, record: Record
) -> None:
    """Tags and parameters are added to."""
    recorder = subject.recorder
    deploy(recorder, target, dataclasses.replace(record, **WISHES))
    subject.pause_schedules(target)
    held = recorder.read(target).deployment
    assert held is not None
    seven = (Schedule("cron", "0 7 * * *"),)
    deploy(recorder, target, dataclasses.replace(record, schedules=seven, tags=("c", "a")))
    after = recorder.read(target).deployment
    assert after is not None
    (schedule,) = after.schedules
    assert schedule["schedule"]["cron"] == "0 7 * * *"
    assert schedule["id"] in {one["id"] for one in held.schedules}
    assert schedule["active"] is False
    assert (after.tags, after.parameters) == (("b", "a", "c"), {"name": "me"})


def test_a_parameter_that_the_flow_does_not_take_is_refused(
    subject: Subject, target: Target, record: Record
) -> None:
    """When the flow was read, and later when the change is asked for."""
    recorder = subject.recorder
    wish = dataclasses.replace(record, parameters={"naem": "x"})
    with pytest.raises(UsageError, match="no parameter 'naem'"):
        recorder.describe(recorder.read(target), wish, ignore)
    deploy(recorder, target, record)
    with pytest.raises(UsageError, match="no parameter 'naem'"):
        recorder.change(target, recorder.read(target), wish)


def test_an_image_alone_is_recorded_in_a_deployment_that_is_there(
    subject: Subject, target: Target, record: Record
) -> None:
    """Which keeps its code; where there is none, none is made."""
    recorder = subject.recorder
    alone = dataclasses.replace(
        record, image="reg.example/app:2", entrypoint=None, directory=None, version=None
    )
    with pytest.raises(UsageError, match=f"no deployment {target}"):
        recorder.change(target, recorder.read(target), alone)
    deploy(recorder, target, record)
    before = recorder.read(target).deployment
    deploy(recorder, target, alone)
    after = recorder.read(target).deployment
    assert before is not None
    assert after is not None
    variables = {**before.job_variables, "image": "reg.example/app:2"}
    assert after == dataclasses.replace(before, job_variables=variables)


def test_a_change_is_pure(subject: Subject, target: Target, record: Record) -> None:
    """Asked twice, it says the same twice, and writes nothing."""
    now = subject.recorder.read(target)
    one, other = (subject.recorder.change(target, now, record) for _ in range(2))
    assert one == other
    assert one.needed
    assert subject.recorder.read(target).deployment is None


def test_what_somebody_else_set_before_and_meanwhile_is_kept(
    subject: Subject, target: Target, record: Record
) -> None:
    """Between reading and writing too: a build lies between them."""
    recorder = subject.recorder
    made = deploy(recorder, target, record)
    subject.set_variables(target, {"image": record.image, "env": {"B": "2"}})
    now = recorder.read(target)
    newer = dataclasses.replace(record, image=f"reg.example/app:2@{DIGEST}", version="2" * 12)
    change = recorder.change(target, now, recorder.describe(now, newer, ignore))
    subject.set_variables(target, {"image": record.image, "env": {"B": "3"}, "labels": {"x": "y"}})
    assert recorder.apply(change, ignore) == made
    after = recorder.read(target).deployment
    assert after is not None
    assert after.job_variables == {
        "image": newer.image,
        "env": {"A": "1", "B": "3"},
        "labels": {"x": "y"},
    }


def test_a_deployment_that_vanished_is_not_made_again(
    subject: Subject, target: Target, record: Record
) -> None:
    """Somebody wanted it gone."""
    recorder = subject.recorder
    deploy(recorder, target, record)
    now = recorder.read(target)
    newer = dataclasses.replace(record, version="2" * 12)
    change = recorder.change(target, now, recorder.describe(now, newer, ignore))
    subject.delete(target)
    with pytest.raises(NotRecorded, match=str(target)) as caught:
        recorder.apply(change, ignore)
    assert "deleted meanwhile" in "".join(caught.value.causes)
    assert recorder.read(target).deployment is None


def test_a_deployment_of_this_version_is_not_described_again(
    subject: Subject, target: Target, record: Record
) -> None:
    """Which would take seconds for nothing."""
    recorder = subject.recorder
    assert recorder.describe(recorder.read(target), record, ignore).described is not None
    deploy(recorder, target, record)
    assert recorder.describe(recorder.read(target), record, ignore) == record


def test_a_pool_that_takes_no_image_or_is_not_there_is_refused(
    subject: Subject, target: Target
) -> None:
    """When it is read, so before anything is built."""
    for pool in (subject.imageless, "nowhere-near"):
        with pytest.raises(UsageError):
            subject.recorder.read(dataclasses.replace(target, pool=pool))


def test_a_record_that_cannot_stand_is_refused(
    subject: Subject, target: Target, record: Record
) -> None:
    """When the change is asked for, so before anything is built."""
    bad = dataclasses.replace(record, job_variables={"env": {"A": "{{ b }}"}})
    with pytest.raises(UsageError):
        subject.recorder.change(target, subject.recorder.read(target), bad)


def test_closing_twice_does_no_harm(subject: Subject) -> None:
    """Whoever closes need not know who else did."""
    subject.recorder.close()
    subject.recorder.close()


def test_what_was_read_ahead_is_what_is_described(
    subject: Subject, target: Target, record: Record
) -> None:
    """For several at once, where one flow cannot be read."""
    recorder = subject.recorder
    now = recorder.read(target)
    alone = recorder.describe(now, record, ignore)
    recorder.read_ahead([(now, record), (now, dataclasses.replace(record, entrypoint="no.py:f"))])

    assert recorder.describe(now, record, ignore) == alone


def test_what_it_does_not_keep_is_none(subject: Subject) -> None:
    """A variable, a block, a block of a type that there is not."""
    assert subject.recorder.variable("no_such_variable") is None
    assert subject.recorder.block("secret", "no-such-block") is None
    assert subject.recorder.block("no-such-type", "x") is None
