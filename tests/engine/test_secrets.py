"""What the installing step is lent is used by it, and is nowhere afterwards.

A secret, a password in `.netrc`, an ssh agent: neither the image and its history have it, nor the
engine's cache, nor anything that is printed.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import threading
import uuid
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.test_buildkit_build import run as run_dockerfile
from tests.engine.test_buildkit_secrets import holds, saved
from tests.support.command import imagebuild
from tests.support.prefect_stack import container_host
from tests.support.processes import apt_install, background, run, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.support.command import Ran

HELLO = Path(__file__).parents[2] / "examples" / "hello"
IMAGE = "imagebuild-tests/secrets:v1"

# Builds the package of digests of what the step is lent. The agent's protocol:
# https://datatracker.ietf.org/doc/html/draft-miller-ssh-agent
BACKEND = r"""
import hashlib, os, pathlib, socket, zipfile

def ask(message):
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(os.environ["SSH_AUTH_SOCK"])
        agent.sendall(len(message).to_bytes(4, "big") + message)
        stream = agent.makefile("rb")
        return stream.read(int.from_bytes(stream.read(4), "big"))

def string(data):
    return len(data).to_bytes(4, "big") + data

def build_wheel(folder, config_settings=None, metadata_directory=None):
    keys = ask(b"\x0b")
    key = keys[9 : 9 + int.from_bytes(keys[5:9], "big")]
    signature = ask(b"\x0d" + string(key) + string(b"sign this") + bytes(4))
    used = {
        "token": hashlib.sha256(pathlib.Path("/run/secrets/token").read_bytes()).hexdigest(),
        "netrc": hashlib.sha256((pathlib.Path.home() / ".netrc").read_bytes()).hexdigest(),
        "key": hashlib.sha256(key).hexdigest(),
        "signed": signature[0] == 14,
    }
    name = "used-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("used.py", f"USED = {used!r}\n")
        metadata = "Metadata-Version: 2.1\nName: used\nVersion: 1\n"
        wheel.writestr("used-1.dist-info/METADATA", metadata)
        wheel.writestr("used-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("used-1.dist-info/RECORD", "")
    return name
"""
PYPROJECT = """
# {once}
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "used"
version = "1"
"""
SHOW = "import behind_a_password, json, used; print(json.dumps(used.USED))"


@dataclass(frozen=True)
class Lent:
    """What the step may use: a secret, a `.netrc` with a password, an agent with a private key."""

    token: str
    password: str
    netrc: Path
    private_key: Path
    agent: Path

    @property
    def used(self) -> dict[str, object]:
        """What the package says that has seen it all."""
        public = self.private_key.with_suffix(".pub").read_text().split()[1]
        return {
            "token": hashlib.sha256(self.token.encode()).hexdigest(),
            "netrc": hashlib.sha256(self.netrc.read_bytes()).hexdigest(),
            "key": hashlib.sha256(base64.b64decode(public)).hexdigest(),
            "signed": True,
        }

    @property
    def canaries(self) -> list[str]:
        """What must be nowhere; secrets also as a log or an archive would hide them."""
        key = self.private_key.read_text().splitlines()[2]  # of what is of this key alone
        plain = [self.token, self.password]
        return [*plain, *(base64.b64encode(each.encode()).decode() for each in plain), key]


@pytest.fixture
def lent() -> Iterator[Lent]:
    """Give secrets of this test alone, and a real ssh-agent."""
    if shutil.which("ssh-agent") is None:
        apt_install("openssh-client")
    with tempfile.TemporaryDirectory(prefix="ib-") as name:
        folder = Path(name)
        netrc, key, agent = folder / "netrc", folder / "key", folder / "agent"
        lent = Lent(secrets.token_hex(24), secrets.token_hex(24), netrc, key, agent)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "mine", "-f", str(key))
        with background(
            ["ssh-agent", "-D", "-a", str(agent)], folder / "log", os.environ
        ) as process:
            wait_until(agent.exists, "ssh-agent", 10, process)
            run("ssh-add", "-q", str(key), env={"SSH_AUTH_SOCK": str(agent)})
            yield lent


@pytest.fixture
def project(tmp_path: Path, engine: DockerClient, lent: Lent) -> Iterator[Path]:
    """Give a project whose dependencies cannot be installed without what the step is lent."""
    root = Path(shutil.copytree(HELLO, tmp_path / "hello"))
    package = root / "used"
    package.mkdir()
    # Whatever builds it anew has to use it all anew.
    (package / "pyproject.toml").write_text(PYPROJECT.format(once=uuid.uuid4().hex))
    (package / "backend.py").write_text(BACKEND)
    with wheel_behind_a_password(tmp_path, container_host(engine), lent.password) as address:
        host = address.split("//")[1].split(":")[0]
        lent.netrc.write_text(f"machine {host}\nlogin reader\npassword {lent.password}\n")
        (root / "requirements.txt").write_text(f"./used\nbehind-a-password @ {address}\n")
        yield root
    if engine.images.list(IMAGE):
        engine.images.remove(IMAGE, force=True)


@contextmanager
def wheel_behind_a_password(folder: Path, host: str, password: str) -> Iterator[str]:
    """Serve one wheel to those who know the password; its address, as containers reach it."""
    wheel = folder / "behind_a_password-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        about = "behind_a_password-1.dist-info"
        archive.writestr("behind_a_password.py", "")
        metadata = "Metadata-Version: 2.1\nName: behind-a-password\nVersion: 1\n"
        archive.writestr(f"{about}/METADATA", metadata)
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    expected = "Basic " + base64.b64encode(f"reader:{password}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers.get("Authorization") == expected
            self.send_response(200 if known else 401)
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
            body = wheel.read_bytes() if known else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 -- the names are http.server's

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((host, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        # Where containers reach our loopback, it is by this name (Docker Desktop).
        seen = "host.docker.internal" if host == "127.0.0.1" else host
        try:
            yield f"http://{seen}:{server.server_address[1]}/{wheel.name}"
        finally:
            server.shutdown()
            thread.join()


def test_what_the_installing_step_is_lent_is_used_and_is_nowhere_afterwards(
    project: Path, lent: Lent, base_image: str, engine: DockerClient, tmp_path: Path
) -> None:
    """By the command, however much it tells; and the search finds what a step does give away.

    Once by the user's agent, and once by one of ours that has the same key.
    """
    env = {**os.environ, "TOKEN": lent.token, "SSH_AUTH_SOCK": str(lent.agent)}
    given = ["--secret", "id=token,env=TOKEN", "--secret", f"id=netrc,src={lent.netrc}"]
    ssh = ["--ssh", "default"], ["--ssh", f"default={lent.private_key}"]
    marker = tmp_path / "marker"
    marker.touch()

    def command(*arguments: str) -> Ran:
        return imagebuild(*arguments, *given, cwd=project, env=env)

    rans = [
        command("build", "--image", IMAGE, "-v", "--debug", *ssh[0]),
        command("build", "--image", IMAGE, "--no-cache", "--json", *ssh[1]),
        command("plan", "--json", *ssh[0]),
        command("render", *ssh[1]),
    ]
    shown = engine.containers.run(IMAGE, ["python", "-c", SHOW], remove=True)
    found = engine.images.get(IMAGE)
    facts = json.dumps([found.attrs, found.history(), engine.df()])
    history = run("docker", "history", "--no-trunc", IMAGE)
    with tempfile.TemporaryDirectory(prefix="ib-") as folder:
        files = saved(engine, IMAGE, Path(folder))
        assert holds(files, str(lent.used["token"]))
        in_image = [canary for canary in lent.canaries if holds(files, canary)]

    assert [ran.code for ran in rans] == [0, 0, 0, 0], "".join(ran.told for ran in rans)
    assert "/run/secrets/token" not in rans[0].told, "the step needs nothing of ours in its command"
    assert json.loads(shown) == lent.used
    told = "\n".join([ran.told + "\n".join(ran.answer) for ran in rans] + [facts, history])
    assert [canary for canary in lent.canaries if canary in told] == []
    assert in_image == []
    _is_not_in_the_engine(engine, lent, marker)


def _is_not_in_the_engine(engine: DockerClient, lent: Lent, since: Path) -> None:
    """Look into the cache mount, and where the engine's own folder can be read, into all of it."""
    given_away = [str(lent.used["token"])]  # so the search can see
    assert _in_cache_mount(engine, given_away)
    assert not _in_cache_mount(engine, lent.canaries)
    data = Path(engine.info()["DockerRootDir"])
    if os.access(data, os.R_OK) and (data / "buildkit" / "cache.db").exists():
        assert _new_files_with(data, since, given_away)
        assert _new_files_with(data, since, lent.canaries) == []


def _in_cache_mount(engine: DockerClient, texts: list[str]) -> bool:
    """Whether a text is in what the installing step's cache mount keeps from build to build."""
    values = {"token": "\n".join(texts).encode()}
    step = (
        "RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=token"
        " grep -rqFf /run/secrets/token /root/.cache; echo grep ended with $?"
    )
    dockerfile = f"FROM prefecthq/prefect:3-latest\nENV ONCE={uuid.uuid4().hex}\n{step}\n"
    image, _, [line] = run_dockerfile(engine.api, dockerfile, {}, "cache", secrets=values)
    engine.images.remove(image, force=True)
    assert line in {"grep ended with 0", "grep ended with 1"}
    return line.endswith("0")


def _new_files_with(folder: Path, since: Path, texts: list[str]) -> list[str]:
    """The files that came into a folder since then, and hold one of the texts."""
    # By the time of the change of the inode: what is unpacked keeps its own time otherwise.
    search = 'find "$0" -xdev -type f -cnewer "$1" -print0 | xargs -0 -r grep -laF -e "$2" --'
    done = subprocess.run(
        ["sh", "-c", search, str(folder), str(since), "\n".join(texts)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()
