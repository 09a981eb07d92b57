"""The recorder on real Prefect servers: what it asks, what it writes, what it leaves alone."""

from __future__ import annotations

import dataclasses
import os
import textwrap
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import NotRecorded, Unreachable, UsageError
from imagebuild.events import Event, Warned, ignore
from imagebuild.record import Record, Target
from imagebuild.recorders.prefect import PrefectRecorder
from tests.support.prefect_stack import PrefectServer, running_server
from tests.support.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.proxies import RecordingProxy

Recording = tuple["RecordingProxy", str]

DIGEST = "sha256:" + "a" * 64
STEP = "prefect.deployments.steps.set_working_directory"
FLOW = '''
import nowhere_to_be_found
from prefect import flow
from shared import Size

@flow(name="greeter")
def hello(name: str, size: Size = Size.BIG, other: nowhere_to_be_found.Thing = None):
    """Says hello.

    Args:
        name: whom to greet
    """

class Group:
    @staticmethod
    @flow(description="in a class")
    async def run(number: int): ...

raise SystemExit("nobody is to run this module")
'''
SHARED = """
import enum

print("this must not get between the answer")

class Size(enum.Enum):
    BIG = "big"
    SMALL = "small"
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project whose flow imports a module of its own, and one that is not installed."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "flow.py").write_text(FLOW)
    (folder / "shared.py").write_text(SHARED)
    # A name of Python's own: whoever lets this folder onto the path too early is lost.
    (folder / "logging.py").write_text("raise SystemExit('not this one')\n")
    return folder


@pytest.fixture
def record(source: Path) -> Record:
    """A record of an image that was not pushed."""
    return Record(
        image="my-docker-image:latest",
        pushed=False,
        entrypoint="flow.py:hello",
        directory="/opt/prefect/project",
        version="1" * 12,
        source=str(source),
    )


@pytest.fixture
def target(docker_pool: str) -> Target:
    """A deployment that is not there yet."""
    return Target("greeter", f"test-{uuid.uuid4().hex[:12]}", docker_pool)


@contextmanager
def recorder_at(server: PrefectServer, url: str, cwd: Path) -> Iterator[PrefectRecorder]:
    """A recorder that asks the server through this URL."""
    with PrefectRecorder({**server.environment(), "PREFECT_API_URL": url}, cwd) as recorder:
        yield recorder


@pytest.fixture
def recorder(prefect_server: PrefectServer, tmp_path: Path) -> Iterator[PrefectRecorder]:
    """A recorder on the server itself."""
    with recorder_at(prefect_server, prefect_server.url, tmp_path) as made:
        yield made


def deploy(recorder: PrefectRecorder, target: Target, record: Record) -> str:
    """The whole way, as the pipeline goes it."""
    now = recorder.read(target)
    described = recorder.describe(now, record, ignore)
    return recorder.apply(recorder.change(target, now, described), ignore)


def answered(proxy: RecordingProxy) -> list[str]:
    """The methods asked for; a server whose SQLite is locked answers 503, and is asked again."""
    return [request.method for request in proxy.requests if request.status != 503]


def newer(record: Record) -> Record:
    """A later build of it."""
    return dataclasses.replace(record, image="my-docker-image:two", version="2" * 12)


def test_a_new_deployment_is_what_prefect_would_have_made(
    recorder: PrefectRecorder, prefect_server: PrefectServer, target: Target, record: Record
) -> None:
    """Parameters, description and enforcement as `.deploy` has them; the code by its step."""
    made = deploy(recorder, target, record)
    held = prefect_server.api.deployment(str(target))
    assert held["id"] == made
    assert held["entrypoint"] == "flow.py:hello"
    assert held["pull_steps"] == [{STEP: {"directory": "/opt/prefect/project"}}]
    assert held["path"] is None
    assert held["job_variables"] == {
        "image": "my-docker-image:latest",
        "image_pull_policy": "IfNotPresent",
    }
    assert held["description"].startswith("Says hello.")
    assert held["enforce_parameter_schema"] is True
    assert held["paused"] is False
    assert held["schedules"] == []
    schema = held["parameter_openapi_schema"]
    assert schema["required"] == ["name"]
    assert schema["properties"]["name"]["description"] == "whom to greet"
    assert schema["definitions"]["Size"]["enum"] == ["big", "small"]
    assert list(schema["properties"]) == ["name", "size", "other"]


def test_a_redeploy_without_a_change_writes_nothing(
    prefect_server: PrefectServer,
    recorded_prefect: Recording,
    target: Target,
    record: Record,
    tmp_path: Path,
) -> None:
    """Two requests, both of them reading, and no Prefect imported for it."""
    proxy, url = recorded_prefect
    with recorder_at(prefect_server, url, tmp_path) as recorder:
        made = deploy(recorder, target, record)
        proxy.clear()
        assert deploy(recorder, target, dataclasses.replace(record, source="/nowhere")) == made
    assert answered(proxy) == ["GET", "GET"]


def test_a_changed_image_is_one_patch_that_keeps_the_rest(
    prefect_server: PrefectServer,
    recorded_prefect: Recording,
    target: Target,
    record: Record,
    tmp_path: Path,
) -> None:
    """A schedule, tags, parameters and a job variable that were set in between."""
    proxy, url = recorded_prefect
    api = prefect_server.api
    with recorder_at(prefect_server, url, tmp_path) as recorder:
        made = deploy(recorder, target, record)
        variables = {**api.deployment(str(target))["job_variables"], "mem_limit": "1g"}
        kept: dict[str, Any] = {"tags": ["mine"], "parameters": {"name": "you"}, "paused": True}
        api.request("PATCH", f"/deployments/{made}", {**kept, "job_variables": variables})
        schedule = {"schedule": {"interval": 3600}, "active": True}
        api.request("POST", f"/deployments/{made}/schedules", [schedule])
        before = api.deployment(str(target))
    proxy.clear()
    env = {**prefect_server.environment(), "PREFECT_API_URL": url}
    with PrefectRecorder(env, tmp_path, fresh=60) as recorder:
        deploy(recorder, target, newer(record))
    after = api.deployment(str(target))
    assert after["job_variables"] == {**variables, "image": "my-docker-image:two"}
    assert after["version"] == "2" * 12
    assert after["schedules"] == before["schedules"] != []
    changed = {name for name, value in after.items() if value != before[name]}
    # A worker of another test may poll the pool meanwhile.
    theirs = {"updated", "updated_by", "status", "last_polled"}
    assert changed - theirs == {"job_variables", "version"}
    assert answered(proxy) == ["GET", "GET", "PATCH", "GET"]


def test_pull_steps_are_replaced_but_kept_where_ours_is_among_them(
    recorder: PrefectRecorder, prefect_server: PrefectServer, target: Target, record: Record
) -> None:
    """Somebody's further step beside ours was meant."""
    made = deploy(recorder, target, record)
    ours = {STEP: {"directory": "/opt/prefect/project"}}
    more = [ours, {"prefect.deployments.steps.run_shell_script": {"script": "true"}}]
    path, api = f"/deployments/{made}", prefect_server.api
    api.request("PATCH", path, {"pull_steps": more})
    deploy(recorder, target, newer(record))
    assert api.deployment(str(target))["pull_steps"] == more
    api.request("PATCH", path, {"pull_steps": [{STEP: {"directory": "/elsewhere"}}]})
    deploy(recorder, target, newer(record))
    assert api.deployment(str(target))["pull_steps"] == [ours]


def test_another_pool_moves_the_deployment_and_no_deploy_moves_its_queue(
    recorder: PrefectRecorder, prefect_server: PrefectServer, target: Target, record: Record
) -> None:
    """The pool's name alone would move it to the default queue."""
    made = deploy(recorder, target, record)
    api, own = prefect_server.api, target.pool
    queue = {"work_pool_name": own, "work_queue_name": "fast"}
    api.request("PATCH", f"/deployments/{made}", queue)
    deploy(recorder, target, newer(record))
    assert api.deployment(str(target))["work_queue_name"] == "fast"
    template = api.request("GET", f"/work_pools/{own}")["base_job_template"]
    other = f"other-{uuid.uuid4().hex[:8]}"
    pool = {"name": other, "type": "docker", "base_job_template": template}
    api.request("POST", "/work_pools/", pool)
    try:
        deploy(recorder, dataclasses.replace(target, pool=other), newer(record))
        held = api.deployment(str(target))
        assert (held["work_pool_name"], held["work_queue_name"]) == (other, "default")
    finally:
        api.request("DELETE", f"/work_pools/{other}")


def test_pools_that_take_no_image_are_refused(
    recorder: PrefectRecorder, prefect_server: PrefectServer, process_pool: str, docker_pool: str
) -> None:
    """A process pool, and a managed one, which lists the variable and ignores it."""
    api = prefect_server.api
    template = api.request("GET", f"/work_pools/{docker_pool}")["base_job_template"]
    managed = {"name": "managed", "type": "prefect:managed", "base_job_template": template}
    api.request("POST", "/work_pools/", managed)
    try:
        for pool in (process_pool, "managed"):
            with pytest.raises(UsageError, match="takes no image") as caught:
                recorder.read(Target("greeter", "any", pool))
            assert docker_pool in str(caught.value.hint)
    finally:
        api.request("DELETE", "/work_pools/managed")


def test_the_default_pool_of_prefects_settings_is_taken(
    prefect_server: PrefectServer, docker_pool: str, tmp_path: Path
) -> None:
    """Where neither the user nor the deployment names one."""
    env = {**prefect_server.environment(), "PREFECT_DEFAULT_WORK_POOL_NAME": docker_pool}
    with PrefectRecorder(env, tmp_path) as recorder:
        assert recorder.read(Target("greeter", "new")).pool.name == docker_pool


def test_a_flow_in_a_class_is_described(
    recorder: PrefectRecorder, target: Target, record: Record
) -> None:
    """Prefect takes such an entrypoint too."""
    now = recorder.read(target)
    asked = dataclasses.replace(record, entrypoint="flow.py:Group.run")
    described = recorder.describe(now, asked, ignore).described
    assert described is not None
    assert described.parameters["properties"]["number"]["type"] == "integer"
    assert described.description == "in a class"


@pytest.mark.parametrize(
    ("code", "said"),
    [("def hello(:\n", "SyntaxError"), ("x = 1\n", "hello"), (None, "FileNotFoundError")],
)
def test_a_flow_that_cannot_be_read_stops_a_new_deployment_and_not_an_old_one(
    recorder: PrefectRecorder, target: Target, record: Record, code: str | None, said: str
) -> None:
    """The old one keeps its parameters, and the user is told."""
    deploy(recorder, target, record)
    path = Path(record.source) / "flow.py"
    path.unlink() if code is None else path.write_text(textwrap.dedent(code))
    with pytest.raises(UsageError, match="cannot read the parameters") as caught:
        recorder.describe(recorder.read(dataclasses.replace(target, name="new")), record, ignore)
    assert said in "".join(caught.value.causes)
    events: list[Event] = []
    later = recorder.describe(recorder.read(target), newer(record), events.append)
    assert later == dataclasses.replace(newer(record), version=None)
    assert isinstance(events[0], Warned)
    assert "stay in Prefect as they were" in events[0].text
    assert recorder.change(target, recorder.read(target), later).fields.keys() == {
        "job_variables",
    }


def test_a_refused_creation_is_not_recorded_and_shows_the_servers_reason(
    recorder: PrefectRecorder, prefect_server: PrefectServer, target: Target, record: Record
) -> None:
    """Something that only the server checks: a block where the template wants one."""
    asked = dataclasses.replace(record, job_variables={"registry_credentials": "none"})
    with pytest.raises(NotRecorded, match="cannot record the image") as caught:
        deploy(recorder, target, asked)
    assert "registry_credentials" in "".join(caught.value.causes)
    assert caught.value.unchanged == f"there is no deployment {target} yet"
    assert str(target) not in {
        f"greeter/{held['name']}" for held in prefect_server.api.deployments()
    }


def test_a_server_that_is_down_is_unreachable(tmp_path: Path) -> None:
    """In the preflight, with its address."""
    url = f"http://127.0.0.1:{free_port()}/api"
    env = {"PREFECT_API_URL": url, "PREFECT_HOME": str(tmp_path)}
    with PrefectRecorder(env, tmp_path) as recorder, pytest.raises(Unreachable, match=url):
        recorder.read(Target("greeter", "any", "any"))


@pytest.fixture(scope="module")
def home_with_a_pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of Prefect whose database has one pool that takes an image, and one that does not."""
    folder = tmp_path_factory.mktemp("home")
    with running_server(folder) as server:
        for name, variable in {"only": "image", "without": "command"}.items():
            template = {
                "job_configuration": {variable: f"{{{{ {variable} }}}}"},
                "variables": {"properties": {variable: {"type": "string"}}},
            }
            pool = {"name": name, "type": "docker", "base_job_template": template}
            server.api.request("POST", "/work_pools/", pool)
    return folder


def test_without_a_server_prefects_embedded_one_serves_and_ends_with_us(
    home_with_a_pool: Path, record: Record, tmp_path: Path
) -> None:
    """It finds the only pool that takes an image, and what it makes stays in its home."""
    base = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    env = {**base, "PREFECT_HOME": str(home_with_a_pool), "PREFECT_SERVER_EPHEMERAL_ENABLED": "1"}
    target = Target("greeter", "embedded")
    with PrefectRecorder(env, tmp_path) as recorder:
        assert recorder.read(target).pool.name == "only"
        made = deploy(recorder, target, record)
        held = recorder.read(target).deployment
        assert held is not None
        assert (held.id, held.pool) == (made, "only")
        assert _living(home_with_a_pool)
    assert _living(home_with_a_pool) == []


def test_without_a_server_and_without_leave_to_start_one_the_user_is_told(tmp_path: Path) -> None:
    """An empty home of Prefect allows it, so it has to be forbidden."""
    env = {"PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_EPHEMERAL_ENABLED": "false"}
    with PrefectRecorder(env, tmp_path) as recorder, pytest.raises(UsageError) as caught:
        recorder.read(Target("greeter", "any"))
    assert caught.value.message == "no Prefect server is configured"
    assert "PREFECT_API_URL" in str(caught.value.hint)


def _living(home: Path) -> list[str]:
    """The processes whose PREFECT_HOME this is."""
    wanted = f"PREFECT_HOME={home}".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended since, or is somebody else's
            if wanted in environ.read_bytes().split(b"\0"):
                found.append(environ.parent.name)
    return found
