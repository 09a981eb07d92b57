"""Wrong input on the way of a deploy: a clear error, its exit code, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import imagebuild, listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient

    from tests.support.prefect_stack import PrefectServer
    from tests.support.registry import Registry

HELLO = Path(__file__).parents[2] / "examples" / "hello"


@dataclass(frozen=True)
class Bad:
    """What was typed and what was around it, the exit code, and what has to be said about it."""

    arguments: tuple[str, ...]
    code: int
    says: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


LOCAL = ("deploy", "--image", "hello:bad-input", "--no-push", "--name", "survives")
BUILD = ("build", "--image", "hello:bad-input")
RECORD = ("--deployment", "hello/survives")
POOL = ("--pool", "docker-pool")
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere.sock"}
NO_PREFECT = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
STILL = "the deployment hello/survives still runs hello:survives"


def dockerfile(text: str, *says: str) -> Bad:
    """A build with a Dockerfile of the user's own."""
    files = {"Dockerfile": f"FROM prefecthq/prefect:3-latest\n{text}\n"}
    return Bad((*BUILD, "--dockerfile", "Dockerfile"), 1, says, files=files)


DEPLOYS = {
    "a pool that does not exist": Bad(
        (*LOCAL, "--pool", "nowhere"), 2, ("there is no work pool 'nowhere'", "docker-pool")
    ),
    "a pool that takes no image": Bad(
        (*LOCAL, "--pool", "process-pool"), 2, ("'process-pool' takes no image", "docker-pool")
    ),
    "a parameter of a deployment that is not there yet": Bad(
        (*LOCAL[:-1], "new", "--param", "what=1"), 2, ("takes no parameter 'what'", "takes name")
    ),
    "a parameter that the flow does not take": Bad(
        (*LOCAL, "--param", "what=1"), 2, ("takes no parameter 'what'", "takes name", STILL)
    ),
    "an engine that is down": Bad(
        (*LOCAL, *POOL),
        3,
        ("cannot reach the Docker Engine", "unix:///nowhere.sock", "hint: start"),
        env=NO_ENGINE,
    ),
    "a Prefect server that is down": Bad(
        (*LOCAL, *POOL),
        3,
        ("http://127.0.0.1:9/api", "connection refused", "PREFECT_API_URL"),
        env=NO_PREFECT,
    ),
}
BUILDS = {
    "an instruction that is none": dockerfile("NOPE x", "Dockerfile line 2: ", "NOPE"),
    "a step that fails": dockerfile("RUN exit 7", "at [2/2] RUN exit 7", "line 2", "code: 7"),
    "a file that is not sent": dockerfile("COPY gone /", "Dockerfile line 2", "gone is not in"),
    "a platform of another machine": Bad(
        (*BUILD, "--platform", "linux/s390x"), 2, ("cannot build for linux/s390x", "hint: let it")
    ),
    "a platform that is none": Bad(
        (*BUILD, "--platform", "sparc"), 2, ("'sparc' is not a platform", "hint: write it as")
    ),
    "several platforms": Bad(
        (*BUILD, "--platform", "linux/amd64,linux/arm64"), 2, ("one platform", "hint: build for")
    ),
    "a builder that is none": Bad(
        (*BUILD, "--builder", "dokcer"), 2, ("no builder 'dokcer'", "hint: did you mean 'docker'")
    ),
    "a base that does not exist": Bad(
        (*BUILD, "--base", "REGISTRY/nobody/nothing:1"), 1, ("no base image", "--base")
    ),
    "a base that nobody can ask for": Bad(
        (*BUILD, "--base", "localhost:9/base:1"), 3, ("cannot get the base image", "localhost:9")
    ),
    "a base that is denied": Bad(
        (*BUILD, "--base", "PRIVATE/base:1"), 4, ("cannot get the base image", "docker login")
    ),
    "an engine that is down": Bad(
        BUILD, 3, ("cannot reach the Docker Engine", "hint: start"), env=NO_ENGINE
    ),
}
PUSHES = {
    "a registry that is down": Bad(
        ("build", "--push", "--image", "localhost:9/x:v1"), 3, ("localhost:9", "refused", "hint: ")
    ),
    "a registry that wants a login": Bad(
        ("build", "--push", "--image", "PRIVATE/x:v1"), 4, ("docker login PRIVATE",)
    ),
    "a push that is refused": Bad(
        ("build", "--push", "--image", "REFUSING/denied/hello:v1"),
        4,
        ("cannot push", "denied", "docker login"),
    ),
    "a repository that is not there": Bad(
        ("build", "--push", "--image", "REFUSING/unknown/hello:v1"),
        1,
        ("cannot push", "repository name not known", "hint: check that REFUSING has a repository"),
    ),
    "an image that the engine lacks": Bad(
        ("push", "REGISTRY/nobody/nothing:1"), 2, ("the engine has no image", "hint: build it")
    ),
    "an engine that is down": Bad(
        ("push", "REGISTRY/x:1"), 3, ("cannot reach the Docker Engine", "hint: start"), NO_ENGINE
    ),
}
RECORDS = {
    "a tag that the registry lacks": Bad(
        ("record", "REGISTRY/nobody/nothing:1", *RECORD), 1, ("has no image", "hint: push", STILL)
    ),
    "a digest that the registry lacks": Bad(
        ("record", f"REGISTRY/nobody/nothing@sha256:{'0' * 64}", *RECORD),
        1,
        ("has no image", "hint: push", STILL),
    ),
    "a deployment of no flow here": Bad(
        ("record", "hello:x", "--deployment", "nobody/x", *POOL),
        2,
        ("no flow named 'nobody'", "flow.py:hello", "no deployment nobody/x was created"),
    ),
    "a Prefect server that is down": Bad(
        ("record", "hello:x", *RECORD), 3, ("connection refused", "PREFECT_API_URL"), NO_PREFECT
    ),
    "a pool that takes no image": Bad(
        ("record", "hello:x", *RECORD, "--pool", "process-pool"), 2, ("takes no image", "hint: ")
    ),
}
CASES = {
    f"{way}: {name}": bad
    for way, rows in {
        "deploy": DEPLOYS,
        "build": BUILDS,
        "push": PUSHES,
        "record": RECORDS,
    }.items()
    for name, bad in rows.items()
}


@pytest.fixture(scope="module")
def env(
    base_image: str, prefect_server: PrefectServer, docker_pool: str, process_pool: str
) -> dict[str, str]:
    """Give the environment of a user with a server, both kinds of pool and the base image."""
    docker_host = os.environ.get("DOCKER_HOST")
    return prefect_server.environment() | ({"DOCKER_HOST": docker_host} if docker_host else {})


@pytest.fixture(scope="module")
def deployed(
    env: dict[str, str], engine: DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Give the name of a deployment that must survive every case."""
    project = Path(shutil.copytree(HELLO, tmp_path_factory.mktemp("good") / "hello"))
    ran = imagebuild(
        *("deploy", "--image", "hello:survives", "--no-push", "--name", "survives"),
        *("--pool", "docker-pool"),
        cwd=project,
        env=env,
    )
    yield "hello/survives"
    engine.images.remove(ran.reference, force=True)


class _Refusing(BaseHTTPRequestHandler):
    """A registry that lets everybody look, and takes nothing.

    An engine asks first for the layers that it has pushed or pulled before, and sends others.
    """

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v2/" else 404, "MANIFEST_UNKNOWN", "manifest unknown")

    def do_HEAD(self) -> None:
        found = "/blobs/" in self.path
        self._answer(200 if found else 404, "MANIFEST_UNKNOWN", "manifest unknown")

    def do_POST(self) -> None:
        self.do_PUT()

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path.startswith("/v2/denied/"):
            self._answer(403, "DENIED", "requested access to the resource is denied")
        else:
            self._answer(404, "NAME_UNKNOWN", "repository name not known to registry")

    def _answer(self, status: int, code: str, message: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_request(self, *args: object) -> None:
        """Say nothing: the test says what matters."""


@contextmanager
def _refusing_registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"localhost:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("bad", CASES.values(), ids=CASES)
def test_it_is_told_and_nothing_is_lost(
    bad: Bad,
    env: dict[str, str],
    deployed: str,
    registry: Registry,
    private_registry: Registry,
    prefect_server: PrefectServer,
    tmp_path: Path,
) -> None:
    """The message with cause and hint, the exit code; deployments and folder are untouched."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    for path, text in bad.files.items():
        (project / path).write_text(text)
    files, deployments = listing(project), prefect_server.api.deployments()

    with _refusing_registry() as refusing:
        places = {
            "REGISTRY": registry.address,
            "PRIVATE": private_registry.address,
            "REFUSING": refusing,
        }
        arguments = [_filled(argument, places) for argument in bad.arguments]
        ran = imagebuild(*arguments, cwd=project, env=env | dict(bad.env))

    assert (ran.code, ran.answer) == (bad.code, []), ran.told
    assert [line for line in ran.told.splitlines() if line.startswith("error: ")] != []
    assert "Traceback" not in ran.told
    for words in bad.says:
        assert _filled(words, places) in ran.told
    assert listing(project) == files
    assert prefect_server.api.deployments() == deployments


def _filled(text: str, places: Mapping[str, str]) -> str:
    for word, address in places.items():
        text = text.replace(word, address)
    return text


def test_after_a_failed_step_its_own_words_come_last(
    env: dict[str, str], deployed: str, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    """A requirement that nobody has; the error says which deployment still runs what."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    (project / "requirements.txt").write_text("no-such-package-of-imagebuild==1\n")
    files, deployments = listing(project), prefect_server.api.deployments()

    ran = imagebuild(*LOCAL, cwd=project, env=env)

    error = ran.told[
        ran.told.index("error: the build failed at [environment 4/4] RUN") :
    ].splitlines()
    assert (ran.code, ran.answer) == (1, [])
    assert any(line.startswith("  | ") and "no-such-package" in line for line in error)
    assert error[-2].endswith("the command ended with exit code: 1")
    assert error[-1] == f"  {STILL}"
    assert (listing(project), prefect_server.api.deployments()) == (files, deployments)


def test_without_an_engine_what_needs_none_works(env: dict[str, str], tmp_path: Path) -> None:
    """A plan is made as far as the files tell; the Dockerfile is the project's own anyway."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))

    plan = imagebuild("plan", cwd=project, env=env | NO_ENGINE)
    render = imagebuild("render", cwd=project, env=env | NO_ENGINE)

    assert (plan.code, render.code) == (0, 0), plan.told + render.told
    assert "unix:///nowhere.sock" in plan.told
    assert render.answer[0] == "FROM prefecthq/prefect:3-latest AS environment"


def test_values_arrive_exactly(
    env: dict[str, str], engine: DockerClient, base_image: str, tmp_path: Path
) -> None:
    """From the command line to the image: no shell, template or Dockerfile reads them again."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    value = 'it\'s "so" $HOME ${A:-b} `id` #1 {{ x }} \\'
    lines = f"{value}\nRUN touch /owned\n"
    (project / "Dockerfile").write_text(
        f'FROM {base_image}\nARG GIVEN\nRUN printf %s "$GIVEN" > /given\n'
    )

    set_by_us = imagebuild(
        *("build", "--image", "hello:values", "--env", f"A={value}", "--label", f"b c={lines}"),
        cwd=project,
        env=env,
    )
    given_by_us = imagebuild(
        *("build", "--image", "hello:given", "--dockerfile", "Dockerfile"),
        *("--build-arg", f"GIVEN={lines}"),
        cwd=project,
        env=env,
    )
    try:
        config = engine.images.get(set_by_us.reference).attrs["Config"]
        given = engine.containers.run(given_by_us.reference, ["cat", "/given"], remove=True)
    finally:
        for name in ("hello:values", "hello:given"):
            engine.images.remove(name, force=True)

    assert f"A={value}" in config["Env"]
    assert config["Labels"]["b c"] == lines
    assert given.decode() == lines
