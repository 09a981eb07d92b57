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
    """Arguments and environment that cannot work, and what has to be said about them."""

    arguments: tuple[str, ...]
    code: int
    says: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


LOCAL = ("--image", "hello:bad-input", "--no-push")
CASES = {
    "an image name that is none": Bad(
        ("--image", "my image", "--no-push"),
        2,
        ("cannot use --image", "'my image' is not an image name", "hint: write it as"),
    ),
    "a name in capitals": Bad(("--image", "UPPER/x", "--no-push"), 2, ("is in lower case",)),
    "a name with an instruction in it": Bad(
        ("--image", "x:tag\nRUN id", "--no-push"), 2, ("is not an image name",)
    ),
    "a push of a name without a registry": Bad(
        ("--image", "hello"), 2, ("the name says no registry", "--no-push", "full name")
    ),
    "several flows": Bad(
        LOCAL,
        2,
        ("there are 2 flows", "flow.py:hello", "more.py:other", "imagebuild deploy flow.py:hello"),
        files={"more.py": "from prefect import flow\n\n@flow\ndef other(): ...\n"},
    ),
    "no flow": Bad(
        LOCAL,
        2,
        ("there is no flow in", "decorated with @flow", "path/to/flow.py:function"),
        files={"flow.py": "print('no flow')\n"},
    ),
    "a file that cannot be read as Python": Bad(
        LOCAL,
        2,
        ("there is no flow in", "passed over: flow.py"),
        files={"flow.py": "from prefect import flow\n@flow\ndef f(:\n"},
    ),
    "a flow outside the root": Bad(
        ("../outside.py:flow", *LOCAL), 2, ("outside the project root", "--context")
    ),
    "an entrypoint whose file does not exist": Bad(
        ("none.py:hello", *LOCAL), 2, ("there is no file none.py", "hint:")
    ),
    "an entrypoint whose function does not exist": Bad(
        ("flow.py:nobody", *LOCAL), 2, ("flow.py has no flow nobody", "flow.py:hello")
    ),
    "an entrypoint that is none": Bad(("flow.py", *LOCAL), 2, ("is not an entrypoint",)),
    "a requirements file that does not exist": Bad(
        ("--requirements", "none.txt", *LOCAL), 2, ("no requirements file none.txt", "hint:")
    ),
    "a requirement that cannot be installed": Bad(
        LOCAL,
        1,
        ("the build failed at [4/5] RUN", "no-such-package-of-imagebuild", "exit code: 1"),
        files={"requirements.txt": "no-such-package-of-imagebuild==1\n"},
    ),
    "a pool that does not exist": Bad(
        ("--pool", "nowhere", *LOCAL), 2, ("there is no work pool 'nowhere'", "docker-pool")
    ),
    "a pool that takes no image": Bad(
        ("--pool", "process-pool", *LOCAL), 2, ("'process-pool' takes no image", "docker-pool")
    ),
    "a job variable with a template in it": Bad(
        ("--job-variable", "command={{ prefect.blocks.secret.x }}", *LOCAL), 2, ("{{", "command")
    ),
    "an engine that is down": Bad(
        LOCAL,
        3,
        ("cannot reach the Docker Engine", "unix:///nowhere.sock", "start the engine"),
        env={"DOCKER_HOST": "unix:///nowhere.sock"},
    ),
    "a Prefect server that is down": Bad(
        LOCAL,
        3,
        ("http://127.0.0.1:9/api", "connection refused", "PREFECT_API_URL"),
        env={"PREFECT_API_URL": "http://127.0.0.1:9/api"},
    ),
    "a base that does not exist": Bad(
        ("--base", "REGISTRY/nobody/nothing:1", *LOCAL), 1, ("no base image", "--base")
    ),
    "a base that nobody can ask for": Bad(
        ("--base", "localhost:9/base:1", *LOCAL), 3, ("cannot get the base image", "localhost:9")
    ),
    "a registry that is down": Bad(
        ("--image", "localhost:9/team/hello:v1"), 3, ("localhost:9", "connection refused")
    ),
    "a registry that wants a login": Bad(
        ("--image", "PRIVATE/team/hello:v1"), 4, ("docker login",)
    ),
    "a push that is refused": Bad(
        ("--image", "REFUSING/team/hello:v1"), 4, ("cannot push", "denied", "docker login")
    ),
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
    """A registry that lets everybody look, has nothing, and takes nothing."""

    def do_GET(self) -> None:
        self._answer(200 if self.path == "/v2/" else 404, "MANIFEST_UNKNOWN", "manifest unknown")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self._answer(403, "DENIED", "requested access to the resource is denied")

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
    """The message with cause and hint, the exit code; deployment and folder are untouched."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    (tmp_path / "outside.py").write_text("from prefect import flow\n\n@flow\ndef flow(): ...\n")
    for path, text in bad.files.items():
        (project / path).write_text(text)
    files, deployment = listing(project), prefect_server.api.deployment(deployed)

    with _refusing_registry() as refusing:
        places = {
            "REGISTRY": registry.address,
            "PRIVATE": private_registry.address,
            "REFUSING": refusing,
        }
        arguments = [_filled(argument, places) for argument in bad.arguments]
        named = [] if "--pool" in arguments else ["--pool", "docker-pool"]
        ran = imagebuild(
            *("deploy", *arguments, "--name", "survives", *named),
            cwd=project,
            env=env | dict(bad.env),
        )

    assert (ran.code, ran.answer) == (bad.code, []), ran.told
    assert "error: " in ran.told
    assert "Traceback" not in ran.told
    for words in bad.says:
        assert words in ran.told
    assert listing(project) == files
    assert prefect_server.api.deployment(deployed) == deployment


def _filled(text: str, places: Mapping[str, str]) -> str:
    for word, address in places.items():
        text = text.replace(word, address)
    return text


def test_after_a_failed_step_its_own_words_come_last(
    env: dict[str, str], deployed: str, tmp_path: Path
) -> None:
    """The error says which deployment still runs what."""
    project = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    (project / "requirements.txt").write_text("no-such-package-of-imagebuild==1\n")

    ran = imagebuild("deploy", *LOCAL, "--name", "survives", cwd=project, env=env)

    error = ran.told[ran.told.index("error: the build failed") :].splitlines()
    assert any(line.startswith("  | ") and "no-such-package" in line for line in error)
    assert error[-1] == "  the deployment hello/survives still runs hello:survives"
