"""A changed line costs Prefect four requests and no process of its own; no change costs two."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from imagebuild.errors import UsageError
from imagebuild.events import ignore
from imagebuild.many import deploy_each
from imagebuild.names import ImageName
from imagebuild.orders import Order
from imagebuild.pipeline import deploy
from imagebuild.protocols import Parts
from imagebuild.recorders import prefect_process
from imagebuild.recorders.prefect import PrefectRecorder
from imagebuild.request import BuildRequest, DeploymentRequest
from imagebuild.sources.local import LocalSource
from imagebuild.testing import FakeBuilder, FakeRegistry
from tests.unit.values import DIGEST

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.outcome import Outcome
    from tests.support.prefect_stack import PrefectServer
    from tests.support.proxies import RecordingProxy

FLOW = '''
from prefect import flow
from texts import greeting

@flow
def hello(name: str = greeting(), number: int = 1):
    """Greet."""
    print(name)

@flow
def bye(name: str = "you"):
    print(name)
'''
TEXTS = "def greeting():\n    return 'you'\n\n\ndef other():\n    return 1\n"
IMAGE = ImageName.parse("reg.example/team/app:v1")


class World:
    """A project, an engine and a registry in memory, and a real Prefect behind a proxy."""

    def __init__(self, root: Path, server: PrefectServer, proxy: RecordingProxy, url: str) -> None:
        self.root, self.proxy, self.api = root, proxy, server.api
        self.env = {**server.environment(), "PREFECT_API_URL": url}
        self.builder = FakeBuilder(FakeRegistry())
        self.builder.registry.digests["docker.io/prefecthq/prefect:3-latest"] = DIGEST
        self.name = f"fast-{uuid.uuid4().hex[:12]}"
        self.processes = 0
        self.write(FLOW)
        (root / "texts.py").write_text(TEXTS)
        (root / "requirements.txt").write_text("")

    def write(self, flow: str) -> None:
        """Let the flow be this."""
        (self.root / "flow.py").write_text(flow)

    def parts(self, recorder: PrefectRecorder) -> Parts:
        """The parts of one command."""
        source = LocalSource(self.root, {})
        return Parts(source, self.builder, self.builder.registry, recorder)

    def request(self, flow: str, **asked: Any) -> BuildRequest:
        """Build for a flow."""
        entrypoint = f"flow.py:{flow}"
        return BuildRequest(self.root, self.root, image=IMAGE, entrypoint=entrypoint, **asked)

    def deploy(self, pool: str, **wanted: Any) -> tuple[Outcome, list[str]]:
        """Deploy by a recorder of its own, as a command does; what Prefect was asked."""
        self.proxy.clear()
        with PrefectRecorder(self.env, self.root, fresh=60) as recorder:
            outcome = deploy(
                self.request("hello", cache=wanted.pop("cache", True)),
                DeploymentRequest(name=self.name, pool=pool, **wanted),
                self.parts(recorder),
                ignore,
                confirm=lambda _: None,
                finish=str,
            )
        return outcome, self.asked

    @property
    def asked(self) -> list[str]:
        """What Prefect was asked; whoever finds its SQLite locked asks again."""
        return [
            f"{one.method} {one.path.removeprefix('/api/').split('/')[0]}"
            for one in self.proxy.requests
            if one.status != 503
        ]

    def held(self, flow: str = "hello") -> dict[str, Any]:
        """A deployment as the server has it."""
        return self.api.deployment(f"{flow}/{self.name}")


READ = ["GET deployments", "GET work_pools"]


@pytest.fixture
def world(
    tmp_path: Path,
    prefect_server: PrefectServer,
    recorded_prefect: tuple[RecordingProxy, str],
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """A project that was never deployed, where processes of Prefect are counted."""
    made = World(tmp_path, prefect_server, *recorded_prefect)
    start = prefect_process.Process.__init__

    def counted(self: prefect_process.Process, *given: Any) -> None:
        made.processes += 1
        start(self, *given)

    monkeypatch.setattr(prefect_process.Process, "__init__", counted)
    return made


def test_a_changed_line_costs_four_requests_and_no_process(world: World, docker_pool: str) -> None:
    """And none at all the two by which it is seen that nothing changed."""
    first, _ = world.deploy(docker_pool)
    assert world.processes
    before, world.processes = world.held(), 0

    same, asked = world.deploy(docker_pool)
    assert (same.recorded, asked) == (False, READ)

    world.write(FLOW.replace("print(name)", "print(name, number)", 1))
    changed, asked = world.deploy(docker_pool, parameters={"number": 2})
    assert asked == [*READ, "PATCH deployments", "GET deployments"]
    assert world.processes == 0
    after = world.held()
    assert after["version"] == changed.version != first.version
    assert after["job_variables"]["image"] == changed.reference != first.reference
    assert after["parameters"] == {"number": 2}
    for name in ("parameter_openapi_schema", "description"):
        assert after[name] == before[name]

    with pytest.raises(UsageError, match="takes no parameter 'nmber'"):
        world.deploy(docker_pool, parameters={"nmber": 2})
    assert world.processes == 0


def test_what_may_change_the_parameters_has_prefect_read_them(
    world: World, docker_pool: str
) -> None:
    """The deployment holds what Prefect reads now, whatever edits lie between."""
    world.deploy(docker_pool)
    world.write(FLOW.replace("print(name)", "print(name, number)", 1))
    world.deploy(docker_pool)
    for path, old, new, expected in (
        ("flow.py", "number: int = 1", "number: int = 2", ("you", 2)),
        ("texts.py", "return 'you'", "return 'me'", ("me", 2)),
        ("requirements.txt", "", "emoji\n", ("me", 2)),
    ):
        world.processes = 0
        text = (world.root / path).read_text()
        (world.root / path).write_text(text.replace(old, new, 1))
        world.deploy(docker_pool)
        properties = world.held()["parameter_openapi_schema"]["properties"]
        assert (properties["name"]["default"], properties["number"]["default"]) == expected
        assert world.processes == 1

    # The way out where this machine could not import what another can.
    world.processes = 0
    world.write(FLOW.replace("number: int = 1", "number: int = 2"))
    world.deploy(docker_pool, cache=False)
    assert world.processes == 1


def test_several_deployments_share_the_pool_that_is_read(world: World, docker_pool: str) -> None:
    """With values that are stated too, as they are checked by what Prefect has."""

    def deploy_all() -> None:
        world.proxy.clear()
        world.processes = 0
        wanted = DeploymentRequest(name=world.name, pool=docker_pool, parameters={"name": "all"})
        with PrefectRecorder(world.env, world.root, fresh=60) as recorder:
            orders = [
                Order(flow, world.request(flow), lambda _: wanted) for flow in ("hello", "bye")
            ]
            results = deploy_each(
                orders,
                lambda _: world.parts(recorder),
                ignore,
                confirm=lambda _: None,
                finish=str,
            )
        assert [one.error for one in results] == [None, None]

    deploy_all()
    world.write(FLOW.replace("print(name)", "print(name.upper())"))
    deploy_all()
    assert world.processes == 0
    assert sorted(world.asked) == sorted(
        [*["GET deployments", "PATCH deployments", "GET deployments"] * 2, "GET work_pools"]
    )
    assert {world.held(flow)["parameters"]["name"] for flow in ("hello", "bye")} == {"all"}
